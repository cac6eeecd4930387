import { addCalls } from '../../ledger/call-sums.js'
import { keptText } from './kept-text.js'
import { NOWHERE } from './loaded-holds.js'
import type { BudgetId } from '../../budget/budget-id.js'
import type { CallBudgetRow, CallRow } from './rows.js'
import type { CallRecord, FoldedCalls } from '../../ledger/entry.js'

/** The partition of a call: that of its first budget. */
export function homeOf(budgets: readonly BudgetId[], partitionOf: (budget: BudgetId) => string): string {
  const [first] = budgets
  if (first === undefined) return NOWHERE
  try {
    return partitionOf(first)
  } catch {
    // A record is kept, whatever it names.
    return NOWHERE
  }
}

/** The row of a call record. */
export function callRow(record: CallRecord | FoldedCalls, partition: string, seq: number): CallRow {
  const { chargeId, at, tokenId, taskId, operationId, server }: Partial<CallRecord> =
    record.kind === 'call' ? record : {}
  const sums = { calls: 0, charged: 0, reported: 0 }
  addCalls(sums, record)
  const kept = (text: string | undefined): string | null => (text === undefined ? null : keptText(text))
  return {
    partition,
    seq,
    charge_id: kept(chargeId),
    at: at ?? -1,
    tool: keptText(record.tool),
    token_id: kept(tokenId),
    task_id: kept(taskId),
    operation_id: kept(operationId),
    payer: keptText(record.budgets[0] ?? ''),
    server: keptText(server ?? ''),
    outcome: record.outcome,
    proves: record.proves,
    ...sums,
    body: JSON.stringify(record),
  }
}

/** The rows of its budgets, each once. */
export function callBudgetRows({ at, partition, seq }: CallRow, budgets: readonly BudgetId[]): CallBudgetRow[] {
  return Array.from(new Set(budgets), (budget) => ({ budget: keptText(budget), at, partition, seq }))
}
