import { BudgetError, describeValue } from './errors.js'
import { admittedBy, outcomeOr, payerOf, screenBy, stepFailed, tellOfTask, tried } from './step.js'
import { andThen, isPromise, type MaybePromise } from './maybe-promise.js'
import { isRefusal, REFUSALS, type Refusal } from './refusal.js'
import type { Clock } from './clock.js'
import type { CallMiddleware, ObservedMessage, Peers, Screening, ToolListing } from './middleware.js'
import type { JsonObject } from './json.js'
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
export class Engine implements Peers {
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
    for (const step of steps) step.attach?.(this)
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

  /**
   * Answers a method of this library's own, by the first step that has it, once all steps have admitted it; `undefined`
   * where none has it. A throw is the refusal `step_failed`.
   *
   * @param signal aborted when nobody waits for the answer any more
   */
  answer(method: ToolCall, signal?: AbortSignal): MaybePromise<JsonObject | Refusal> | undefined {
    const step = this.#steps.find((each) => each.methods !== undefined && Object.hasOwn(each.methods, method.tool))
    const own = step?.methods?.[method.tool]
    if (step === undefined || own === undefined) return undefined
    return andThen<ToolCall | Refusal, JsonObject | Refusal>(admittedBy(this.#steps, method), (admitted) =>
      isRefusal(admitted) ? admitted : tried(method, step, () => own(admitted, signal)),
    )
  }

  /** The methods that {@link answer} knows. */
  get methods(): readonly string[] {
    return [...new Set(this.#steps.flatMap((step) => Object.keys(step.methods ?? {})))]
  }

  payer(call: ToolCall): string | undefined {
    return payerOf(this.#steps, call)
  }

  task(call: ToolCall, outcome: CallOutcome): MaybePromise<CallOutcome> {
    return tellOfTask(this.#steps, call, outcome, () => this.faults++)
  }

  /** Whether a request that is no call may pass, by the first step that screens its method; `undefined` where none does. */
  screen(request: ToolCall): MaybePromise<Screening> {
    return screenBy(this.#steps, request)
  }

  /** The methods that {@link screen} is asked about. */
  get screened(): readonly string[] {
    return this.#steps.flatMap((step) => Object.keys(step.screens ?? {}))
  }

  /** What the steps show of a list of tools; what is no list is counted as a throw. */
  listTools({ tools, server, side }: ToolListing): readonly JsonObject[] {
    return this.#steps.reduceRight((shown, step) => {
      if (step.listTools === undefined) return shown
      try {
        const answer: unknown = step.listTools({ tools: shown, server, side })
        if (Array.isArray(answer)) return answer as readonly JsonObject[]
      } catch {
        // Counted below.
      }
      this.faults++
      return shown
    }, tools)
  }

  /** Whether any step decides what `tools/list` shows. */
  get listsTools(): boolean {
    return this.#steps.some((step) => step.listTools !== undefined)
  }

  #enterFrom(passage: Passage, from: number): MaybePromise<Passage> {
    for (let i = from; i < this.#steps.length; i++) {
      const step = this.#steps[i] as CallMiddleware
      if (step.enter !== undefined) {
        let answer: MaybePromise<ToolCall | Refusal>
        try {
          answer = step.enter(passage.call)
        } catch (error) {
          answer = stepFailed(passage.call, step, error)
        }
        if (isPromise(answer)) {
          // A step may take longer than the hold of an earlier one lives.
          this.#keepAlive(passage)
          return Promise.resolve(answer)
            .then(undefined, (error: unknown) => stepFailed(passage.call, step, error))
            .then((later) => this.#entered(passage, i, later) ?? this.#enterFrom(passage, i + 1))
        }
        const ended = this.#entered(passage, i, answer)
        if (ended !== undefined) return ended
      }
      passage.entered = i + 1
    }
    this.#keepAlive(passage)
    return passage
  }

  // Undefined when the call goes on.
  #entered(passage: Passage, i: number, answer: ToolCall | Refusal): MaybePromise<Passage> | undefined {
    const refusal = take(passage, this.#steps[i] as CallMiddleware, answer)
    if (passage.left !== undefined) {
      // The call was given up while this step decided: the others have been left, and this one must be too.
      if (refusal === undefined) void this.#leaveStep(passage, i, passage.left)
      return passage
    }
    if (refusal === undefined) {
      passage.entered = i + 1
      return undefined
    }
    passage.refusal = refusal
    return andThen(this.leave(passage, { kind: 'refused', proves: 'not-run', refusal }), () => passage)
  }

  #leaveFrom(passage: Passage, outcome: CallOutcome, from: number): MaybePromise<CallOutcome> {
    let current = outcome
    for (let i = from; i >= 0; i--) {
      const next = this.#leaveStep(passage, i, current)
      if (isPromise(next)) return next.then((later) => this.#leaveFrom(passage, later, i - 1))
      current = next
    }
    return current
  }

  // Never throws: the steps further out must be left all the same, for one of them may hold credits.
  #leaveStep(passage: Passage, i: number, outcome: CallOutcome): MaybePromise<CallOutcome> {
    try {
      const next = this.#steps[i]?.leave?.(passage.call, outcome)
      if (!isPromise(next)) return outcomeOr(next, outcome)
      return Promise.resolve(next)
        .then((later) => outcomeOr(later, outcome))
        .catch(() => this.#fault(outcome))
    } catch {
      return this.#fault(outcome)
    }
  }

  #fault(outcome: CallOutcome): CallOutcome {
    this.faults++
    return outcome
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
      if (passage.dueAt > now) continue
      if (passage.caller?.cancelled === true) {
        // Nobody waits for it: its time runs out.
        this.#open.delete(passage)
        continue
      }
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
