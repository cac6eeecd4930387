import { composeWith, type Meter } from './core/compose.js'
import { misconfigured } from './core/settings.js'
import { systemClock } from './core/clock.js'
import { withBudget } from './budget/with-budget.js'
import { withCostProfile } from './pricing/with-cost-profile.js'
import { withTaskTracking } from './tasks/with-task-tracking.js'
import { ledgerSteps } from './ledger/with-ledger.js'
import { canDelegate } from './budget/enforcer.js'
import { withDelegation, type DelegationOptions } from './delegation/with-delegation.js'
import type { BudgetEvents } from './core/events.js'
import type { PrincipalBudgetOptions } from './budget/options.js'
import type { BudgetSpec } from './budget/lines.js'
import type { Clock } from './core/clock.js'
import type { SecretAuthOptions } from './delegation/secret-auth.js'
import type { TaskTrackingOptions } from './tasks/settings.js'
import type { TokenAuthOptions } from './delegation/options.js'
import type { CostProfileOptions } from './pricing/cost-profile.js'
import type { Ledger } from './ledger/ledger.js'

/** Settings of {@link meter}: those of `withBudget`, the prices, who pays, and where call records go. */
export interface MeterOptions extends PrincipalBudgetOptions {
  /** The price list. In soft and shadow mode it refuses nothing (`enforce: false`). */
  readonly prices: Omit<CostProfileOptions, 'events' | 'clock' | 'enforce'>
  /** Where a record of each call is written. Give the store the same one, and the money entries are there too. */
  readonly ledger?: Ledger
  /**
   * In hard mode no call is handed on without a record that it has begun, and by whose token: see `LedgerOptions`. Needs
   * `ledger`.
   */
  readonly auditRequired?: boolean
  /** Who pays, by a token: settings of `withDelegation`. Its `enforcer`, `events` and `clock` are those of the meter. */
  readonly delegation?: DelegationOptions
  /** Holds that follow tasks, and prices of retries. */
  readonly tasks?: Omit<TaskTrackingOptions, 'events' | 'clock'>
}

/** Who pays must be said one way or the other. */
export type Payer = { readonly budget: BudgetSpec } | { readonly delegation: TokenAuthOptions | SecretAuthOptions }

/** What {@link meter} makes. */
export interface BudgetMeter extends Meter {
  /**
   * Tries to post the ends of calls, and their records, that the store and the ledger have not taken yet; call it before
   * the process ends.
   */
  flush(): Promise<void>
}

/**
 * The usual steps in the usual order: ledger, delegation, prices, tasks, budget. A seat takes it as it takes steps.
 *
 * @throws BudgetError `invalid_config`, `invalid_credits`, `invalid_budget_id`
 * @example
 * ```ts
 * await client.connect(wrapTransport(transport, meter({ enforcer, budget: 'agent-1', prices: { defaultCost: 5 } })))
 * wrapServer(server, meter({ enforcer, delegation: { keys }, prices: { defaultCost: 5 } })) // the token's budget pays
 * ```
 */
export function meter(options: MeterOptions & Payer): BudgetMeter {
  const { prices, ledger, auditRequired = false, delegation, tasks, ...budget } = options
  const { events, clock = systemClock, mode = 'hard', storeTimeoutMs } = budget
  const heard = { ...(events !== undefined && { events }), clock }
  const priced = withCostProfile({ ...prices, enforce: mode === 'hard', ...heard })
  const wait = storeTimeoutMs === undefined ? {} : { storeTimeoutMs }
  if (auditRequired && ledger === undefined) throw misconfigured('ledger', 'a ledger, for `auditRequired`', ledger)
  const kept = ledger && ledgerSteps({ ledger, auditRequired, enforce: mode === 'hard', ...wait, ...heard })
  const recorded = kept === undefined ? [] : [kept.record]
  // Once it is known whose token it is; before anything costs.
  const begun = kept?.begin === undefined ? [] : [kept.begin]
  const tracked = tasks === undefined ? [] : [withTaskTracking({ ...tasks, ...heard })]
  const paid = withBudget({ ...(ledger !== undefined && { records: ledger }), ...budget })
  const known = delegation === undefined ? [] : [withDelegation(given(delegation, budget, heard))]
  return Object.assign(composeWith(clock, [...recorded, ...known, ...begun, priced, ...tracked, paid]), {
    flush: async () => {
      await Promise.all([paid.flush(), kept?.record.flush()])
    },
  })
}

// What verifies tokens hears and asks what the budget does, unless it says otherwise.
function given(
  delegation: DelegationOptions,
  { enforcer, hideBalance = false }: PrincipalBudgetOptions,
  heard: { readonly events?: BudgetEvents; readonly clock: Clock },
): DelegationOptions {
  const { events } = heard
  if (delegation.auth === 'config') return { ...(events !== undefined && { events }), ...delegation }
  if (delegation.keys === undefined) return delegation
  return { ...(canDelegate(enforcer) && { enforcer }), ...(hideBalance && { hideBalance }), ...heard, ...delegation }
}
