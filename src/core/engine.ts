import { BudgetError, describeValue } from './errors.js'
import { isPromise, type MaybePromise } from './maybe-promise.js'
import { refuse, REFUSALS, type Refusal } from './refusal.js'
import type { Clock } from './clock.js'
import type { CallMiddleware, ObservedMessage } from './middleware.js'
import type { CallOutcome } from './outcome.js'
import type { ToolCall } from './call.js'

/** One call on its way through the steps. Owned by the engine and the seat that opened it. */
export interface Passage {
  /** The call with all that the steps added so far. */
  call: ToolCall
  /** How many steps, from the first on, have been entered. */
  entered: number
  /** Set when a step refused: nothing may be forwarded, and all steps have been left already. */
  refusal: Refusal | undefined
  /** How the steps were left, or are being left. */
  left: CallOutcome | undefined
  /** From when on the call is kept alive by `extend`. */
  dueAt: number
  /** Who waits for it. */
  readonly caller: Caller | undefined
}

/** Who waits for a call; a call that nobody waits for any more is not kept alive while it is being decided. */
export interface Caller {
  readonly cancelled: boolean
  /** Where its call is; set as soon as the first step is entered. */
  passage: Passage | undefined
}

/**
 * Runs calls through steps: `enter` first to last, `leave` last to first. Synchronous as long as every step is. One
 * engine serves one seat, and every passage ends exactly once.
 */
export class Engine {
  /** How many steps threw where a throw is ignored. */
  faults = 0
  readonly #steps: readonly CallMiddleware[]
  readonly #clock: Clock
  readonly #extendEveryMs: number
  readonly #firstToExtend: number
  readonly #open = new Set<Passage>()
  #stopTimer: (() => void) | undefined

  constructor(steps: readonly CallMiddleware[], clock: Clock) {
    this.#steps = steps
    this.#clock = clock
    this.#extendEveryMs = Math.min(...steps.map((step) => (step.extend ? (step.extendEveryMs ?? Infinity) : Infinity)))
    this.#firstToExtend =
      this.#extendEveryMs === Infinity ? Infinity : steps.findIndex((step) => step.extend !== undefined)
  }

  /** Enters the steps one after the other; the passage carries the call, or the refusal that ended it. */
  enter(call: ToolCall, caller?: Caller): MaybePromise<Passage> {
    const passage = { call, entered: 0, refusal: undefined, left: undefined, dueAt: 0, caller }
    if (caller !== undefined) caller.passage = passage
    return this.#enterFrom(passage, 0)
  }

  /**
   * Leaves the steps that were entered, once; a second call changes nothing and answers with the outcome as given. A
   * step that is being entered is left when it has answered.
   */
  leave(passage: Passage, outcome: CallOutcome): MaybePromise<CallOutcome> {
    if (passage.left !== undefined) return outcome
    passage.left = outcome
    if (this.#firstToExtend !== Infinity) this.#open.delete(passage)
    return this.#leaveFrom(passage, outcome, passage.entered - 1)
  }

  /** Shows a message that is not a governed call to the steps that listen. */
  observe(message: ObservedMessage): void {
    for (const step of this.#steps) {
      if (step.observe === undefined) continue
      try {
        step.observe(message)
      } catch {
        this.faults++
      }
    }
  }

  /** Whether any step wants to see other messages. */
  get observes(): boolean {
    return this.#steps.some((step) => step.observe !== undefined)
  }

  #enterFrom(passage: Passage, from: number): MaybePromise<Passage> {
    const steps = this.#steps
    for (let i = from; i < steps.length; i++) {
      const step = steps[i] as CallMiddleware
      if (step.enter !== undefined) {
        let next: MaybePromise<ToolCall | Refusal>
        try {
          next = step.enter(passage.call)
        } catch (error) {
          next = stepFailed(passage.call, step, error)
        }
        if (isPromise(next)) {
          // A step may take longer than the hold of an earlier one lives.
          this.#keepAlive(passage)
          return this.#enterLater(passage, i, next)
        }
        const refused = take(passage, step, next)
        if (passage.left !== undefined) return this.#leaveLate(passage, i, refused)
        if (refused !== undefined) return this.#refuse(passage, refused)
      }
      passage.entered = i + 1
    }
    this.#keepAlive(passage)
    return passage
  }

  async #enterLater(passage: Passage, i: number, next: PromiseLike<ToolCall | Refusal>): Promise<Passage> {
    const step = this.#steps[i] as CallMiddleware
    let answer: ToolCall | Refusal
    try {
      answer = await next
    } catch (error) {
      answer = stepFailed(passage.call, step, error)
    }
    const refused = take(passage, step, answer)
    if (passage.left !== undefined) return this.#leaveLate(passage, i, refused)
    if (refused !== undefined) return this.#refuse(passage, refused)
    passage.entered = i + 1
    return this.#enterFrom(passage, i + 1)
  }

  // The call was given up while this step decided: the others have been left, and this one must be too.
  #leaveLate(passage: Passage, i: number, refused: Refusal | undefined): Passage {
    const { left } = passage
    if (refused !== undefined || left === undefined) return passage
    try {
      const late = this.#steps[i]?.leave?.(passage.call, left)
      if (late !== undefined && isPromise(late)) late.then(undefined, () => this.faults++)
    } catch {
      this.faults++
    }
    return passage
  }

  #refuse(passage: Passage, refusal: Refusal): MaybePromise<Passage> {
    passage.refusal = refusal
    const left = this.leave(passage, { kind: 'refused', proves: 'not-run', refusal })
    return isPromise(left) ? left.then(() => passage) : passage
  }

  #leaveFrom(passage: Passage, outcome: CallOutcome, from: number): MaybePromise<CallOutcome> {
    let current = outcome
    for (let i = from; i >= 0; i--) {
      const step = this.#steps[i] as CallMiddleware
      if (step.leave === undefined) continue
      try {
        const next = step.leave(passage.call, current)
        if (isPromise(next)) return this.#leaveLater(passage, current, i, next)
        current = this.#outcomeOf(next, current)
      } catch {
        // The steps further out must be left all the same: one of them may hold credits.
        this.faults++
      }
    }
    return current
  }

  async #leaveLater(
    passage: Passage,
    outcome: CallOutcome,
    i: number,
    next: PromiseLike<CallOutcome>,
  ): Promise<CallOutcome> {
    let current = outcome
    try {
      current = this.#outcomeOf(await next, outcome)
    } catch {
      this.faults++
    }
    return this.#leaveFrom(passage, current, i - 1)
  }

  // What a step answers that is no outcome changes nothing.
  #outcomeOf(answer: CallOutcome | undefined, before: CallOutcome): CallOutcome {
    if (typeof answer?.kind === 'string' && typeof answer.proves === 'string') return answer
    if (answer !== undefined) this.faults++
    return before
  }

  #keepAlive(passage: Passage): void {
    if (passage.entered <= this.#firstToExtend) return
    passage.dueAt = passage.call.startedAt + this.#extendEveryMs
    this.#open.add(passage)
    this.#stopTimer ??= this.#clock.after(this.#extendEveryMs / 2, this.#sweep)
  }

  // One timer for all pending calls, and none while nothing is pending.
  readonly #sweep = (): void => {
    this.#stopTimer = undefined
    if (this.#open.size === 0) return
    this.#stopTimer = this.#clock.after(this.#extendEveryMs / 2, this.#sweep)
    const now = this.#clock.now()
    for (const passage of this.#open) {
      // From then on at every sweep, so that an extension that failed is repeated before the hold's time is up.
      if (passage.dueAt > now || passage.caller?.cancelled === true) continue
      for (const step of this.#steps.slice(0, passage.entered)) {
        try {
          step.extend?.(passage.call)
        } catch {
          this.faults++
        }
      }
    }
  }
}

function take(passage: Passage, step: CallMiddleware, answer: ToolCall | Refusal): Refusal | undefined {
  const kind: unknown = (answer as ToolCall | Refusal | undefined)?.kind
  if (kind === 'call') {
    passage.call = answer as ToolCall
    return undefined
  }
  if (kind === 'refused' && Object.hasOwn(REFUSALS, (answer as Refusal).error)) return answer as Refusal
  const error = new BudgetError({
    code: 'invalid_config',
    message: `Expected step \`${step.name}\` to answer with a call or a refusal, got ${describeValue(answer)}`,
  })
  return stepFailed(passage.call, step, error)
}

function stepFailed(call: ToolCall, step: CallMiddleware, error: unknown): Refusal {
  return refuse(call.tool, { error: 'step_failed', reason: 'step_failed', detail: { step: step.name, error } })
}
