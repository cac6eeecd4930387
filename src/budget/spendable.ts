import type { BudgetView } from './enforcer.js'
import type { Credits } from '../core/credits.js'

/** What of a budget can be spent: by the token that was asked about, no more than its ceilings leave. */
export function spendable({ available, limits }: Pick<BudgetView, 'available' | 'limits'>): Credits {
  const left = (limits?.ceilings ?? []).map(({ limit, used }) => limit - used)
  return Math.max(0, Math.min(available, ...left))
}
