import type { Balance } from './hold.js'
import type { BudgetId } from './budget-id.js'
import type { Credits } from '../core/credits.js'
import type { UsedLimit } from './authority.js'

/** A budget as it stands. */
export interface BudgetView extends Readonly<Balance> {
  readonly budget: BudgetId
  /** `closing`: takes no more calls, open holds finish. */
  readonly state: 'open' | 'closing' | 'closed'
  readonly parent: BudgetId | undefined
  readonly children: readonly BudgetId[]
  readonly openHolds: number
  /** How many of those are leases; with the next two, none where nothing was leased. */
  readonly leases?: number
  /** What of `held` the leases have. */
  readonly leased?: Credits
  /** What of `spent` was charged for leases that fell silent, and was not reconciled yet. */
  readonly forfeited?: Credits
  /** What it was initialised with, and what each of its windows begins with; none where a transfer created it. */
  readonly allotment?: Credits
  /** The window that was opened last, of a budget that has windows: when it is over, the balances are of the past. */
  readonly window?: { readonly start: number; readonly end: number }
  /** The id of the prefix that a delegated budget is registered at. */
  readonly registration?: string
  /** When it ends by itself, milliseconds since 1970; its ancestors' ends are counted in. */
  readonly expiresAt?: number
  /** How far the limits are used up of the token that was asked about. */
  readonly limits?: { readonly ceilings: readonly UsedLimit[]; readonly calls: readonly UsedLimit[] }
}
