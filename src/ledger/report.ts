import { addCalls, NO_CALLS, type CallTotals, type Mutable } from './call-sums.js'
import { applyChange, NO_CHANGE, type Balance } from '../budget/hold.js'
import { attemptsOf, byOperation, byTask, type AttemptReport, type OperationReport } from './operations.js'
import type { BudgetId } from '../budget/budget-id.js'
import type { CallRecord, FoldedCalls, LedgerRecord } from './entry.js'

/** Sums by what there are few of: they stay short, however long a ledger is. */
export interface ReportSums {
  /** Each budget's balance from its money entries, and its calls. */
  readonly byBudget: ReadonlyMap<BudgetId, Readonly<Balance> & CallTotals>
  readonly byTool: ReadonlyMap<string, CallTotals>
  /** By what the outcome proved: `ran`, `failed`, `not-run`, `unknown`. */
  readonly byOutcome: ReadonlyMap<string, CallTotals>
}

/** What the ledger says, summed up. */
export interface Report extends ReportSums {
  /** Where attempts are tracked: each operation by budget and id, its attempts, and what retries did not cost. */
  readonly byOperation: ReadonlyMap<string, OperationReport>
  /** The calls that became tasks, by first budget, server and task id. */
  readonly byTask: ReadonlyMap<string, AttemptReport>
}

/**
 * Sums up ledger records by budget, tool and outcome. A call on several budgets counts in each of them.
 *
 * @example
 * ```ts
 * for (const [tool, { calls, charged }] of report(ledger.entries()).byTool) console.log(tool, calls, charged)
 * ```
 */
export function report(records: readonly LedgerRecord[]): Report {
  const byBudget = new Map<BudgetId, Balance & Mutable<CallTotals>>()
  const byTool = new Map<string, Mutable<CallTotals>>()
  const byOutcome = new Map<string, Mutable<CallTotals>>()
  for (const record of records) {
    if (record.kind !== 'money') continue
    // No replay: sums of some entries, and of all lives of a budget that was made anew.
    const sum = byBudget.get(record.budget) ?? { ...NO_CHANGE, ...NO_CALLS }
    applyChange(sum, record)
    byBudget.set(record.budget, sum)
  }
  for (const record of records) {
    if (record.kind === 'money' || record.outcome === 'begun') continue
    count(byTool, record.tool, NO_CALLS, record)
    count(byOutcome, record.proves, NO_CALLS, record)
    for (const budget of record.budgets) count(byBudget, budget, { ...NO_CHANGE, ...NO_CALLS }, record)
  }
  const attempts = attemptsOf(records)
  return { byBudget, byTool, byOutcome, byOperation: byOperation(attempts), byTask: byTask(attempts) }
}

function count<Sums extends Mutable<CallTotals>>(
  sums: Map<string, Sums>,
  key: string,
  none: Sums,
  record: CallRecord | FoldedCalls,
): void {
  const sum = sums.get(key) ?? { ...none }
  addCalls(sum, record)
  sums.set(key, sum)
}
