import { composeWith, type Meter } from './core/compose.js'
import { systemClock } from './core/clock.js'
import { withBudget } from './budget/with-budget.js'
import { withCostProfile } from './pricing/with-cost-profile.js'
import { withLedger } from './ledger/with-ledger.js'
import type { BudgetOptions } from './budget/options.js'
import type { CostProfileOptions } from './pricing/cost-profile.js'
import type { Ledger } from './ledger/ledger.js'

/** Settings of {@link meter}: those of `withBudget`, the prices, and where call records go. */
export interface MeterOptions extends BudgetOptions {
  /** The price list. In soft and shadow mode it refuses nothing (`enforce: false`). */
  readonly prices: Omit<CostProfileOptions, 'events' | 'clock' | 'enforce'>
  /** Where a record of each call is written. Give the store the same one, and the money entries are there too. */
  readonly ledger?: Ledger
}

/** What {@link meter} makes. */
export interface BudgetMeter extends Meter {
  /** Tries to post the ends of calls that the store has not acknowledged yet; call it before the process ends. */
  flush(): Promise<void>
}

/**
 * The usual steps in the usual order: ledger, prices, budget. A seat takes it as it takes steps.
 *
 * @throws BudgetError `invalid_config`, `invalid_credits`, `invalid_budget_id`
 * @example
 * ```ts
 * await client.connect(wrapTransport(transport, meter({ enforcer, budget: 'agent-1', prices: { defaultCost: 5 } })))
 * ```
 */
export function meter(options: MeterOptions): BudgetMeter {
  const { prices, ledger, ...budget } = options
  const { events, clock = systemClock, mode = 'hard' } = budget
  const heard = { ...(events !== undefined && { events }), clock }
  const priced = withCostProfile({ ...prices, enforce: mode === 'hard', ...heard })
  const recorded = ledger === undefined ? [] : [withLedger({ ledger, ...heard })]
  const paid = withBudget(budget)
  return Object.assign(composeWith(clock, [...recorded, priced, paid]), { flush: () => paid.flush() })
}
