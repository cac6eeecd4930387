import type { BudgetId } from './budget-id.js'
import type { Credits } from '../core/credits.js'
import type { HoldLine } from './enforcer.js'

/** What `withBudget` adds to a call: what was put aside for it. */
export interface CallHold {
  /**
   * - `held`: the store holds it
   * - `spent`: it was paid before the call, by a store that cannot hold
   * - `journaled`: the store was out of reach, and the charge is posted later
   * - `simulated`: shadow mode
   */
  readonly state: 'held' | 'spent' | 'journaled' | 'simulated'
  readonly lines: readonly HoldLine[]
  /** What is left after it, as far as the store said. */
  readonly remaining: Credits | undefined
  /** What of it is owed, in soft mode. */
  readonly debt: Credits
}

/** A call that `withBudget` let through. */
export interface Held {
  readonly hold: CallHold
}

/** The budgets of a hold. */
export function budgetsOf(hold: CallHold): readonly BudgetId[] {
  return hold.lines.map((line) => line.budget)
}
