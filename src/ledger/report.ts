import { replay } from './replay.js'
import { NO_CHANGE, type Balance } from '../budget/hold.js'
import { attemptsOf, byOperation, byTask, type AttemptReport, type OperationReport } from './operations.js'
import type { BudgetId } from '../budget/budget-id.js'
import type { Credits } from '../core/credits.js'
import type { CallRecord, FoldedCalls, LedgerRecord } from './entry.js'

/** Sums over calls. */
export interface CallTotals {
  /** All calls, refused ones too. */
  readonly calls: number
  readonly refused: number
  readonly charged: Credits
  /** What metered results asked for; differs from `charged` where a hold capped it. */
  readonly reported: Credits
}

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

/** The same, to be written: sums are, while they are being added up. */
export type Mutable<Value> = { -readonly [Key in keyof Value]: Value[Key] }

const NOTHING: CallTotals = { calls: 0, refused: 0, charged: 0, reported: 0 }

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
  for (const [budget, balance] of replay(records)) byBudget.set(budget, { ...balance, ...NOTHING })
  for (const record of records) {
    if (record.kind === 'money' || record.outcome === 'begun') continue
    count(byTool, record.tool, NOTHING, record)
    count(byOutcome, record.proves, NOTHING, record)
    for (const budget of record.budgets) count(byBudget, budget, { ...NO_CHANGE, ...NOTHING }, record)
  }
  const attempts = attemptsOf(records)
  return { byBudget, byTool, byOutcome, byOperation: byOperation(attempts), byTask: byTask(attempts) }
}

/** Adds the calls of a record to sums; refused ones also apart, where the sums have a place for them. */
export function addCalls(
  sums: Mutable<Pick<CallTotals, 'calls' | 'charged' | 'reported'>> & { refused?: number },
  record: CallRecord | FoldedCalls,
): void {
  const more: Partial<CallTotals> | undefined = record.kind === 'calls' ? record : record.charge
  // A call that was asked for input is counted when it ends, for it passes once for each round; a task when it begins.
  const counts = record.outcome !== 'input-required' && (record.kind === 'calls' || record.taskEnd === undefined)
  const { calls = counts ? 1 : 0, charged = 0, reported = 0 } = more ?? {}
  sums.calls += calls
  sums.charged += charged
  sums.reported += reported
  if (record.outcome === 'refused' && sums.refused !== undefined) sums.refused += calls
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
