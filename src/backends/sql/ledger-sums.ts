import { NO_CHANGE, type Balance } from '../../budget/hold.js'
import { NO_CALLS, type CallTotals } from '../../ledger/call-sums.js'
import { textOf } from './kept-text.js'
import type { BudgetId } from '../../budget/budget-id.js'
import type { ReportSums } from '../../ledger/report.js'

/** The sums of a budget's money entries. */
export type BalanceRow = Balance & { readonly budget: BudgetId }

/** The sums of the calls of one kind. */
export type TotalsRow = CallTotals & { readonly key: string }

/** A report, out of sums that a database has made. */
export function sumsOf(rows: {
  readonly balances: readonly BalanceRow[]
  readonly budgets: readonly TotalsRow[]
  readonly tools: readonly TotalsRow[]
  readonly outcomes: readonly TotalsRow[]
}): ReportSums {
  const byBudget = new Map<BudgetId, Balance & CallTotals>()
  for (const { budget, ...balance } of rows.balances) byBudget.set(budget, { ...balance, ...NO_CALLS })
  for (const { key, ...totals } of rows.budgets) {
    const budget = textOf(key)
    byBudget.set(budget, { ...(byBudget.get(budget) ?? NO_CHANGE), ...totals })
  }
  return { byBudget, byTool: byKey(rows.tools), byOutcome: byKey(rows.outcomes) }
}

function byKey(rows: readonly TotalsRow[]): Map<string, CallTotals> {
  return new Map(rows.map(({ key, ...totals }) => [textOf(key), totals]))
}
