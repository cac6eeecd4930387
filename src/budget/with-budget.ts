import { approveCall } from './approval.js'
import { budgetSettings, type BudgetOptions, type BudgetSettings } from './options.js'
import { budgetsOf, type CallHold, type Held } from './call-hold.js'
import type { HoldLine } from './enforcer.js'
import { compileLines } from './lines.js'
import { fateOf } from './end.js'
import { HoldingGate } from './holding-gate.js'
import { andThen, isPromise, type MaybePromise } from '../core/maybe-promise.js'
import { isUnreached, reach } from './reach.js'
import { Outage } from './outage.js'
import { refusalOfStore } from './refusals.js'
import { ShadowGate } from './shadow-gate.js'
import { withAdvisory } from './advisory.js'
import { assertCredits, isCredits } from '../core/credits.js'
import { refuse, type Refusal } from '../core/refusal.js'
import { callRef } from '../core/events.js'
import type { CallMiddleware } from '../core/middleware.js'
import type { CallOutcome, Charge } from '../core/outcome.js'
import type { Gate } from './gate.js'
import type { PriceCharge, Priced } from '../core/price.js'
import { copyCall, type ToolCall } from '../core/call.js'

/** The step that `withBudget` makes. */
export interface BudgetMiddleware extends CallMiddleware<Priced, Held> {
  /** How many ends of calls the store has not acknowledged yet. */
  readonly pending: number
  /** Tries to post them now; call it before the process ends. */
  flush(): Promise<void>
}

/** A call older than this is not kept alive any more. */
const LONGEST_HOLD_MS = 86_400_000

/**
 * The step that touches money: puts a call's cost aside before it is forwarded, and ends the hold by what the outcome
 * proves (docs/reference/outcomes.md). Needs a price, from `withCostProfile`. A call that cannot be paid is refused and
 * never forwarded; a refusal costs nothing. Each hold ends exactly once, whatever happens to the call.
 *
 * Refuses with `unauthorized` (no such budget), `budget_exhausted`, `approval_required`, `cross_partition`,
 * `budget_unavailable`.
 *
 * @throws BudgetError `invalid_config`, `invalid_budget_id` for settings that make no sense
 * @example
 * ```ts
 * withBudget({ enforcer, budget: 'agent-1' })
 * withBudget({ enforcer, budget: ['agent-1', 'team', { budget: 'team-calls', unit: 'calls' }] })
 * withBudget({ enforcer, budget: 'agent-1', approveAbove: 100, approve: (call, price) => ask(call.tool, price.cost) })
 * ```
 */
export function withBudget(options: BudgetOptions): BudgetMiddleware {
  return new BudgetStep(budgetSettings(options))
}

class BudgetStep implements BudgetMiddleware {
  readonly name = 'withBudget'
  readonly needs = ['cost', 'price']
  readonly gives = ['hold']
  readonly extendEveryMs: number
  readonly #settings: BudgetSettings
  readonly #lines: ReturnType<typeof compileLines>
  readonly #outage: Outage
  readonly #gate: Gate

  constructor(settings: BudgetSettings) {
    const { enforcer, mode, ttlMs } = settings
    this.#settings = settings
    this.#lines = compileLines(settings.budget)
    this.#outage = new Outage(settings)
    this.extendEveryMs = ttlMs / 2
    this.#gate = mode === 'shadow' ? new ShadowGate(settings) : new HoldingGate(enforcer, settings, this.#outage)
  }

  get pending(): number {
    return this.#outage.outbox.size
  }

  flush(): Promise<void> {
    return this.#outage.outbox.flush()
  }

  enter(call: ToolCall & Priced): MaybePromise<(ToolCall & Priced & Held) | Refusal> {
    const { approve, approveAbove } = this.#settings
    if (this.#gate instanceof ShadowGate) return this.#placed(call, this.#gate.watch(call, this.#lines))
    if (!isCredits(call.cost)) {
      return this.#refused(call, refuse(call.tool, { error: 'unpriced_tool', reason: 'invalid_price' }))
    }
    const lines = this.#lines(call, call.cost)
    if (approve === undefined || call.cost <= approveAbove) return this.#place(call, lines)
    return andThen(this.#cannotPay(call, lines), (refusal) => refusal ?? this.#ask(call, lines))
  }

  leave(call: ToolCall & Priced & Held, outcome: CallOutcome): MaybePromise<CallOutcome> {
    const { hold, cost } = call
    const fate = fateOf(outcome, this.#settings)
    const { amount, reported } = this.#chargeOf(call, outcome)
    const charge = this.#gate.end(call, hold, fate, cost, amount)
    if (isPromise(charge)) return charge.then((later) => this.#charged(call, outcome, later, reported))
    return this.#charged(call, outcome, charge, reported)
  }

  extend(call: ToolCall & Priced & Held): void {
    if (this.#settings.clock.now() - call.startedAt < LONGEST_HOLD_MS) this.#gate.extend(call, call.hold)
  }

  // A price of one's own may throw, or answer with what is no amount: then all that was held is charged.
  #chargeOf({ price, cost }: Priced, outcome: CallOutcome): PriceCharge {
    try {
      const charge = price.charge(outcome)
      assertCredits(charge.amount, 'amount')
      return charge
    } catch (error) {
      this.#settings.events.emit('fault', { where: 'price', error })
      return { amount: cost }
    }
  }

  #ask(call: ToolCall & Priced, lines: readonly HoldLine[]): MaybePromise<(ToolCall & Priced & Held) | Refusal> {
    const approved = approveCall(call, this.#settings.approve as NonNullable<BudgetSettings['approve']>)
    return andThen(approved, (answer) =>
      answer.kind === 'refused' ? this.#refused(call, answer) : this.#place(answer, lines),
    )
  }

  // Nobody is asked to approve a call that the budget cannot pay. Advisory: the hold decides.
  #cannotPay(call: ToolCall & Priced, lines: readonly HoldLine[], from = 0): MaybePromise<Refusal | undefined> {
    const { enforcer, mode, storeTimeoutMs: timeoutMs, clock } = this.#settings
    const line = lines[from]
    if (line === undefined || mode === 'soft') return undefined
    return andThen(
      reach(() => enforcer.check(line.budget, line.amount), { timeoutMs, clock }),
      (answer) => {
        if (isUnreached(answer) || answer?.allowed !== false) return this.#cannotPay(call, lines, from + 1)
        return this.#refused(call, refusalOfStore(call, call.cost, { ...answer, budget: line.budget }))
      },
    )
  }

  #place(call: ToolCall & Priced, lines: readonly HoldLine[]): MaybePromise<(ToolCall & Priced & Held) | Refusal> {
    const placed = this.#gate.place(call, call.cost, lines)
    return isPromise(placed) ? placed.then((later) => this.#placed(call, later)) : this.#placed(call, placed)
  }

  #placed(call: ToolCall & Priced, placed: CallHold | Refusal): (ToolCall & Priced & Held) | Refusal {
    if ('error' in placed) return this.#refused(call, placed)
    const { events } = this.#settings
    if (events.heard('held')) {
      events.emit('held', {
        call: callRef(call),
        budgets: budgetsOf(placed),
        cost: call.cost,
        remaining: placed.remaining,
      })
    }
    if (placed.debt > 0) events.emit('overdrawn', { call: callRef(call), cost: call.cost, debt: placed.debt })
    const held = copyCall(call)
    held.hold = placed
    return held as unknown as ToolCall & Priced & Held
  }

  #refused(call: ToolCall, refusal: Refusal): Refusal {
    this.#settings.events.emit('refused', { call: callRef(call), refusal, enforced: true })
    return refusal
  }

  #charged(call: ToolCall & Held, ended: CallOutcome, charge: Charge, reported: number | undefined): CallOutcome {
    const outcome = withAdvisory(ended, call.hold, charge, this.#settings)
    const full = reported === undefined ? charge : { ...charge, reported }
    const { events } = this.#settings
    if (events.heard('charged')) events.emit('charged', { call: callRef(call), outcome: outcome.kind, charge: full })
    // Written out for the usual case: a spread costs more than the rest of this step.
    if (outcome.kind !== 'result') return { ...outcome, charge: full }
    return { kind: 'result', proves: outcome.proves, result: outcome.result, charge: full }
  }
}
