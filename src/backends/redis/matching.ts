import { tenantOf } from '../../budget/budget-id.js'
import type { CallRecord, LedgerRecord } from '../../ledger/entry.js'
import type { LedgerQuery } from '../../ledger/ledger.js'

/** Keys of a query that are a call's, and find all records of its charge. */
const OF_CALLS = ['tokenId', 'taskId', 'operationId'] as const

/** The records that match, as {@link LedgerQuery} says. */
export function matching<Each extends { readonly record: LedgerRecord }>(
  all: readonly Each[],
  query: LedgerQuery,
): Each[] {
  const ofCalls = OF_CALLS.filter((key) => query[key] !== undefined)
  const charges = ofCalls.map(
    (key) =>
      new Set(
        all.flatMap(({ record }) => (record.kind === 'call' && record[key] === query[key] ? [record.chargeId] : [])),
      ),
  )
  return all.filter(({ record }) => {
    const { chargeId, budgets, at } = aboutOf(record)
    return (
      matches(record, query, { budgets, at, chargeId }) &&
      charges.every((some) => some.has(chargeId as CallRecord['chargeId']))
    )
  })
}

interface About {
  readonly chargeId: string | undefined
  readonly budgets: readonly string[]
  readonly at: number
}

function aboutOf(record: LedgerRecord): About {
  if (record.kind === 'money') return { chargeId: record.id, budgets: [record.budget], at: record.at }
  // What was folded away has no time: it is neither before nor after any.
  return record.kind === 'call' ? record : { chargeId: undefined, budgets: record.budgets, at: Number.NaN }
}

function matches(record: LedgerRecord, query: LedgerQuery, { budgets, at, chargeId }: About): boolean {
  const { kind, budget, tenant, tool, since, until } = query
  return (
    (kind === undefined || record.kind === kind) &&
    (tool === undefined || record.tool === tool) &&
    (budget === undefined || budgets.includes(budget)) &&
    (tenant === undefined || budgets.some((each) => tenantOf(each) === tenant)) &&
    (query.chargeId === undefined || chargeId === query.chargeId) &&
    (since === undefined || at >= since) &&
    (until === undefined || at < until)
  )
}
