import { isShortId } from './read-query.js'
import type { BudgetId } from '../budget/budget-id.js'
import type { CallRecord, LedgerRecord } from './entry.js'
import type { LedgerQuery } from './ledger.js'

const OF_A_CALL = ['tokenId', 'taskId', 'operationId'] as const

/**
 * Whether a record matches a query.
 *
 * @param records all of the ledger: a token, a task and an operation are a call's, and lead by its charge id to others
 * @param partitionOf the partition of a budget, for the records of calls
 */
export function matching(
  records: readonly LedgerRecord[],
  query: LedgerQuery,
  partitionOf: (budget: BudgetId) => string,
): (record: LedgerRecord) => boolean {
  const { kind, partition, budget, tenant, tool, chargeId, since, until } = query
  const named = OF_A_CALL.filter((key) => query[key] !== undefined).map(
    (key) => new Set(records.map((record) => record.kind === 'call' && isOf(record, key, query) && record.chargeId)),
  )
  return (record) => {
    const about: Partial<Pick<CallRecord, 'chargeId' | 'at'>> & Pick<CallRecord, 'budgets'> =
      record.kind === 'money' ? { chargeId: record.id, budgets: [record.budget], at: record.at } : record
    // What was folded away has no time: it is neither before nor after any.
    const { at = Number.NaN, chargeId: id = '', budgets } = about
    const [first] = budgets
    const home = (): string =>
      record.kind === 'money' ? record.partition : first === undefined ? '' : partitionOf(first)
    return (
      (kind === undefined || record.kind === kind) &&
      (partition === undefined || home() === partition) &&
      (tool === undefined || record.tool === tool) &&
      (budget === undefined || budgets.includes(budget)) &&
      (tenant === undefined || budgets.some((each) => each.startsWith(`${tenant}/`))) &&
      (chargeId === undefined || about.chargeId === chargeId) &&
      named.every((ids) => ids.has(id)) &&
      (since === undefined || at >= since) &&
      (until === undefined || at < until)
    )
  }
}

function isOf(record: CallRecord, key: (typeof OF_A_CALL)[number], query: LedgerQuery): boolean {
  const { [key]: id } = record
  const { [key]: asked = '' } = query
  return id === asked || (key === 'tokenId' && isShortId(asked) && id?.startsWith(asked) === true)
}
