import { InMemoryBudgetEnforcer } from '../backends/memory/in-memory-budget-enforcer.js'
import { isCredits, type Credits } from '../core/credits.js'
import { callRef, type EventSink } from '../core/events.js'
import { andThen, type MaybePromise } from '../core/maybe-promise.js'
import { mintChargeId } from '../core/ids.js'
import { refuse, type Refusal } from '../core/refusal.js'
import type { Authorized } from './authority.js'
import type { CallHold } from './call-hold.js'
import { HoldingGate } from './holding-gate.js'
import { Outage } from './outage.js'
import { seeded } from './seeded.js'
import type { BudgetSettings } from './options.js'
import type { Charge } from '../core/outcome.js'
import type { Gate } from './gate.js'
import type { HoldFate } from './end.js'
import type { HoldLine } from './enforcer.js'
import type { MakeLines } from './lines.js'
import type { Identified } from './principal.js'
import type { Priced } from '../core/price.js'
import type { TaskTerms } from '../core/operation.js'
import type { ToolCall } from '../core/call.js'

/** What the simulation said of a call, and the call that it said it of. */
interface Simulated {
  readonly call: ToolCall
  readonly placed: CallHold | Refusal
}

/** How many calls are remembered that hard mode would have refused. */
const MOST_REFUSED = 10_000

/**
 * Shadow mode: does on a simulated store what hard mode would do on the real one, and lets every call through, in the
 * same tick. A call that hard mode would refuse runs, and its end changes nothing in the simulation.
 */
export class ShadowGate implements Gate {
  readonly #settings: BudgetSettings
  readonly #events: EventSink
  readonly #gate: HoldingGate
  /** What the simulation said of calls that are under way, or is going to: a call may end before that. */
  readonly #placed = new Map<string, MaybePromise<Simulated>>()
  /** Calls that became tasks. */
  readonly #tasks = new Set<string>()
  /** Calls that hard mode would have refused: they run all the same, and may go on in rounds. */
  readonly #refusedCalls = new Set<string>()

  constructor(settings: BudgetSettings) {
    const { enforcer, clock, events, shadow = new InMemoryBudgetEnforcer({ clock }) } = settings
    const hard: BudgetSettings = { ...settings, mode: 'hard', awaitCapture: true, events: apart(events) }
    this.#settings = settings
    this.#events = events
    this.#gate = new HoldingGate(seeded(shadow, enforcer, clock), hard, new Outage(hard))
  }

  /** Lets a call pass, and tells what hard mode would say of it: the step itself, the price list, or the store. */
  watch(call: ToolCall & Priced & Partial<Identified>, payers: (call: ToolCall) => MakeLines): CallHold {
    const listed = call.principal?.refusal ?? call.price?.refusal
    if (listed !== undefined) {
      // An earlier step has told of it, and it would not have come this far.
      this.#tell(call, [], undefined, listed)
      return simulatedHold([])
    }
    try {
      const denied = call.principal?.denies?.(call.cost)
      if (denied !== undefined) this.#refused(call, [], denied)
      else if (isCredits(call.cost)) {
        const lines = payers(call)(call.cost)
        return call.round > 0 ? this.resume(call, call.cost, lines) : this.place(call, call.cost, lines)
      } else this.#refused(call, [], refuse(call.tool, { error: 'unpriced_tool', reason: 'invalid_price' }))
    } catch (error) {
      const detail = { step: 'withBudget', error }
      this.#refused(call, [], refuse(call.tool, { error: 'step_failed', reason: 'step_failed', detail }))
    }
    return simulatedHold([])
  }

  place(call: ToolCall, cost: Credits, lines: readonly HoldLine[]): CallHold {
    this.#placed.set(call.id, this.#simulate(call, cost, lines))
    return simulatedHold(lines)
  }

  resume(call: ToolCall, cost: Credits, lines: readonly HoldLine[]): CallHold {
    // Hard mode would have refused its first round, and this one would not have come.
    if (this.#refusedCalls.has(call.id)) return simulatedHold([])
    const resumed = andThen<CallHold | Refusal, Simulated>(this.#gate.resume(call, cost, lines), (placed) => {
      // Hard mode would take it for a call of its own.
      if (!('error' in placed) || placed.reason !== 'round_used') return { call, placed }
      const again = { ...call, id: mintChargeId(this.#settings.clock.now()), round: 0 }
      return this.#simulate(again, cost, lines)
    })
    this.#placed.set(call.id, resumed)
    return simulatedHold(lines)
  }

  end(call: ToolCall, hold: CallHold, fate: HoldFate, cost: Credits, amount: Credits): Charge {
    return this.#over(call, (simulated, held) =>
      andThen(this.#gate.end(simulated, held, fate, cost, amount), (charge) => this.#tell(call, hold.lines, charge)),
    )
  }

  wait(call: ToolCall, _hold: CallHold, cost: Credits, waitMs: number): Charge {
    return this.#over(call, (simulated, held) =>
      andThen(this.#gate.wait(simulated, held, cost, waitMs), () => undefined),
    )
  }

  keep(call: ToolCall, _hold: CallHold, cost: Credits, terms: TaskTerms): Charge {
    this.#whenHeld(call, (simulated, held) => andThen(this.#gate.keep(simulated, held, cost, terms), () => undefined))
    // A task may never be heard of again.
    const [oldest] = this.#tasks
    if (oldest !== undefined && this.#tasks.size >= MOST_REFUSED) {
      this.#tasks.delete(oldest)
      this.#placed.delete(oldest)
    }
    this.#tasks.add(call.id)
    return { held: 0, charged: 0, end: 'kept' }
  }

  extend(call: ToolCall, _hold: CallHold, ttlMs: number): void {
    this.#whenHeld(call, (simulated, held) => this.#gate.extend(simulated, held, ttlMs))
  }

  #simulate(asked: ToolCall, cost: Credits, lines: readonly HoldLine[]): MaybePromise<Simulated> {
    // Its store knows the budget that a token names, and none of what is registered, used up and revoked.
    const call = (asked as Authorized).authority === undefined ? asked : { ...asked, authority: undefined }
    return andThen(this.#gate.place(call, cost, lines), (placed) => {
      if ('error' in placed) this.#refused(call, lines, placed)
      return { call, placed }
    })
  }

  #over(call: ToolCall, then: (simulated: ToolCall, held: CallHold) => MaybePromise<void>): Charge {
    this.#whenHeld(call, then)
    this.#placed.delete(call.id)
    this.#tasks.delete(call.id)
    return { held: 0, charged: 0, end: 'released' }
  }

  // Only what was held in the simulation is ended there.
  #whenHeld({ id }: ToolCall, then: (simulated: ToolCall, held: CallHold) => MaybePromise<void>): void {
    void andThen(this.#placed.get(id), (simulated) => {
      return simulated === undefined || 'error' in simulated.placed ? undefined : then(simulated.call, simulated.placed)
    })
  }

  #refused(call: ToolCall & Partial<Priced>, lines: readonly HoldLine[], refusal: Refusal): void {
    const [oldest] = this.#refusedCalls
    if (oldest !== undefined && this.#refusedCalls.size >= MOST_REFUSED) this.#refusedCalls.delete(oldest)
    this.#refusedCalls.add(call.id)
    this.#events.emit('refused', { call: callRef(call), refusal, enforced: false })
    this.#tell(call, lines, undefined, refusal)
  }

  #tell(call: ToolCall & Partial<Priced>, lines: readonly HoldLine[], charge?: Charge, refusal?: Refusal): void {
    if (!this.#events.heard('simulated')) return
    const unpriced = call.price?.source?.rule === 'unpriced'
    const budgets = lines.map((line) => line.budget)
    this.#events.emit('simulated', { call: callRef(call), at: call.startedAt, budgets, charge, refusal, unpriced })
  }
}

function simulatedHold(lines: readonly HoldLine[]): CallHold {
  return { state: 'simulated', lines, remaining: 0, debt: 0 }
}

/** What the simulation's store does is not told as if the real one did it; that it failed is a fault. */
function apart(events: EventSink): EventSink {
  const emit = (name: string, event: { readonly cause?: unknown; readonly givenUp?: boolean }): void => {
    if (name === 'outage' || event.givenUp === true) events.emit('fault', { where: 'shadow', error: event.cause })
  }
  return { heard: () => false, emit: emit as EventSink['emit'] }
}
