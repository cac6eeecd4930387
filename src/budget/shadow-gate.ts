import { InMemoryBudgetEnforcer } from '../backends/memory/in-memory-budget-enforcer.js'
import { callRef } from '../core/events.js'
import { isPromise, type MaybePromise } from '../core/maybe-promise.js'
import { canHold, type BudgetEnforcer, type HoldingEnforcer, type HoldLine } from './enforcer.js'
import { HoldingGate } from './holding-gate.js'
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
  readonly #seeded = new Map<BudgetId, true | Promise<void>>()
  /** What was held in the simulation: only that is ended there. */
  readonly #held = new Map<string, CallHold>()
  /** Holds on their way: a call may end before the simulation has decided about it. */
  readonly #placing = new Map<string, PromiseLike<void>>()

  constructor(enforcer: BudgetEnforcer, settings: BudgetSettings, outage: Outage) {
    this.#settings = settings
    this.#simulated = settings.shadow ?? new InMemoryBudgetEnforcer({ clock: settings.clock })
    this.#gate = new HoldingGate(this.#simulated, { ...settings, mode: 'hard' }, outage)
  }

  place(call: ToolCall, cost: Credits, lines: readonly HoldLine[]): CallHold {
    const placing = this.#afterSeeding(lines, () => {
      const placed = this.#gate.place(call, cost, lines)
      return isPromise(placed) ? placed.then((later) => this.#tell(call, later)) : this.#tell(call, placed)
    })
    if (isPromise(placing)) this.#placing.set(call.id, placing)
    return { state: 'simulated', lines, remaining: 0, debt: 0 }
  }

  end(call: ToolCall, _hold: CallHold, fate: HoldFate, cost: Credits, amount: Credits): Charge {
    const end = (): void => {
      const held = this.#held.get(call.id)
      this.#held.delete(call.id)
      this.#placing.delete(call.id)
      if (held !== undefined) void this.#gate.end(call, held, fate, cost, amount)
    }
    const placing = this.#placing.get(call.id)
    if (placing === undefined) end()
    else placing.then(end, end)
    return { held: 0, charged: 0, end: 'released' }
  }

  extend(call: ToolCall): void {
    const held = this.#held.get(call.id)
    if (held !== undefined) this.#gate.extend(call, held)
  }

  #tell(call: ToolCall, placed: CallHold | Refusal): void {
    if ('error' in placed)
      this.#settings.events?.emit('refused', { call: callRef(call), refusal: placed, enforced: false })
    else this.#held.set(call.id, placed)
  }

  // Calls wait for the simulation, never for the real store: they have gone on by then.
  #afterSeeding(lines: readonly HoldLine[], then: () => MaybePromise<void>): MaybePromise<void> {
    const waiting = lines.map((line) => this.#seed(line.budget)).filter((each) => each !== true)
    if (waiting.length === 0) return then()
    return Promise.all(waiting).then(then, () => {})
  }

  #seed(budget: BudgetId): true | Promise<void> {
    const known = this.#seeded.get(budget)
    if (known !== undefined) return known
    const begun = this.#begin(budget)
    const seeded = isPromise(begun) ? Promise.resolve(begun).then(() => void this.#seeded.set(budget, true)) : true
    this.#seeded.set(budget, seeded)
    return seeded
  }

  #begin(budget: BudgetId): MaybePromise<void> {
    const { enforcer } = this.#settings
    const begin = (real: { readonly available: Credits } | Credits): MaybePromise<void> =>
      this.#simulated.initialize(budget, typeof real === 'number' ? real : real.available)
    // A budget the real store does not have is not simulated either, so that its calls show as refused; a store of
    // one's own that has it already goes on with what it has.
    try {
      const real = canHold(enforcer) ? enforcer.describe(budget) : enforcer.remaining(budget)
      const begun = isPromise(real) ? real.then(begin) : begin(real)
      return isPromise(begun) ? begun.then(undefined, () => {}) : undefined
    } catch {
      return undefined
    }
  }
}
