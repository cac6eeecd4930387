import { InMemoryBudgetEnforcer } from '../backends/memory/in-memory-budget-enforcer.js'
import { callRef } from '../core/events.js'
import { andThen, isPromise, type MaybePromise } from '../core/maybe-promise.js'
import { canHold, type BudgetEnforcer, type HoldingEnforcer, type HoldLine } from './enforcer.js'
import { HoldingGate } from './holding-gate.js'
import { seedSimulation, type Real } from './shadow-seed.js'
import type { BudgetId } from './budget-id.js'
import type { BudgetSettings } from './options.js'
import type { CallHold } from './call-hold.js'
import type { Charge } from '../core/outcome.js'
import type { Credits } from '../core/credits.js'
import type { Gate } from './gate.js'
import type { HoldFate } from './end.js'
import type { Outage } from './outage.js'
import type { Refusal } from '../core/refusal.js'
import type { ToolCall } from '../core/call.js'

/**
 * Shadow mode: does on a simulated store what hard mode would do on the real one, and lets every call through, in the
 * same tick. The simulation begins with what each budget has when it is first seen.
 */
export class ShadowGate implements Gate {
  readonly #settings: BudgetSettings
  readonly #simulated: HoldingEnforcer
  readonly #gate: HoldingGate
  readonly #seeded = new Map<BudgetId, MaybePromise<void>>()
  /** What the simulation said of calls that are under way, or is going to: a call may end before that. */
  readonly #placed = new Map<string, MaybePromise<CallHold | Refusal>>()

  constructor(enforcer: BudgetEnforcer, settings: BudgetSettings, outage: Outage) {
    this.#settings = settings
    this.#simulated = settings.shadow ?? new InMemoryBudgetEnforcer({ clock: settings.clock })
    this.#gate = new HoldingGate(this.#simulated, settings, outage)
  }

  place(call: ToolCall, cost: Credits, lines: readonly HoldLine[]): CallHold {
    return this.#simulate(call, lines, () => this.#gate.place(call, cost, lines))
  }

  // The seat has seen to it that a round comes once.
  resume(call: ToolCall, cost: Credits, lines: readonly HoldLine[]): CallHold {
    return this.#simulate(call, lines, () => this.#gate.resume(call, cost, lines))
  }

  #simulate(call: ToolCall, lines: readonly HoldLine[], place: () => MaybePromise<CallHold | Refusal>): CallHold {
    // Calls wait for the simulation, never for the real store: they have gone on by then.
    const waiting = lines.map((line) => this.#seed(line)).filter((each) => isPromise(each))
    const seeded = waiting.length === 0 ? undefined : Promise.all(waiting)
    const placed = andThen(seeded, place)
    this.#placed.set(
      call.id,
      andThen(placed, (answer) => this.#told(call, answer)),
    )
    return { state: 'simulated', lines, remaining: 0, debt: 0 }
  }

  end(call: ToolCall, _hold: CallHold, fate: HoldFate, cost: Credits, amount: Credits): Charge {
    return this.#over(call, (held) => void this.#gate.end(call, held, fate, cost, amount))
  }

  wait(call: ToolCall, _hold: CallHold, cost: Credits, waitMs: number): Charge {
    return this.#over(call, (held) => void this.#gate.wait(call, held, cost, waitMs))
  }

  extend(call: ToolCall, _hold: CallHold, ttlMs: number): void {
    this.#whenHeld(call, (held) => this.#gate.extend(call, held, ttlMs))
  }

  #over(call: ToolCall, then: (held: CallHold) => void): Charge {
    this.#whenHeld(call, then)
    this.#placed.delete(call.id)
    return { held: 0, charged: 0, end: 'released' }
  }

  // Only what was held in the simulation is ended there.
  #whenHeld({ id }: ToolCall, then: (held: CallHold) => void): void {
    void andThen(this.#placed.get(id), (placed) => {
      if (placed !== undefined && !('error' in placed)) then(placed)
    })
  }

  #told(call: ToolCall, placed: CallHold | Refusal): CallHold | Refusal {
    if ('error' in placed)
      this.#settings.events?.emit('refused', { call: callRef(call), refusal: placed, enforced: false })
    return placed
  }

  // A budget that the real store does not have, or does not tell of now, is not simulated, so that its calls show as
  // refused; the next call asks again.
  #seed(line: HoldLine): MaybePromise<void> {
    const { budget } = line
    if (this.#seeded.has(budget)) return this.#seeded.get(budget)
    const { enforcer } = this.#settings
    try {
      const real = canHold(enforcer) ? enforcer.describe(budget) : enforcer.remaining(budget)
      const begun = andThen<Real | Credits, void>(real, (known) =>
        this.#begin(line, typeof known === 'number' ? { available: known } : { ...known, available: known.available }),
      )
      const seeded = isPromise(begun) ? begun.then(undefined, () => void this.#seeded.delete(budget)) : undefined
      this.#seeded.set(budget, seeded)
      return seeded
    } catch {
      return undefined
    }
  }

  // A store of one's own that has the budget already goes on with what it has.
  #begin(line: HoldLine, real: Real): MaybePromise<void> {
    try {
      const begun = seedSimulation(this.#simulated, line, real, this.#settings.clock.now())
      return isPromise(begun)
        ? begun.then(
            () => {},
            () => {},
          )
        : undefined
    } catch {
      return undefined
    }
  }
}
