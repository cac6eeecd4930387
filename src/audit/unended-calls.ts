import type { CallRecord } from '../ledger/entry.js'
import type { LedgerQuery, PagedLedger } from '../ledger/ledger.js'

/**
 * The calls that have begun and have no end, oldest first, where `auditRequired` records beginnings: those that are going
 * on, and those whose process was killed. Ask `until` some time ago, and only the latter are left. Reads by pages.
 *
 * @example
 * ```ts
 * for await (const { chargeId, tool, tokenId } of unendedCalls(enforcer.ledger, { until: Date.now() - 600_000 }))
 *   console.log(chargeId, tool, tokenId)
 * ```
 */
export async function* unendedCalls(
  ledger: Pick<PagedLedger, 'page'>,
  query: Omit<LedgerQuery, 'kind'> = {},
): AsyncGenerator<CallRecord, void, undefined> {
  // Both records of a call have its time, so that no more is kept than the calls of one moment.
  let [at, begun, ended] = [-Infinity, new Map<string, CallRecord>(), new Set<string>()]
  for (let cursor: string | undefined, more = true; more;) {
    const { records, next } = await ledger.page({ ...query, kind: 'call', ...(cursor !== undefined && { cursor }) })
    for (const record of records) {
      if (record.kind !== 'call') continue
      if (record.at !== at) {
        yield* withoutEnd(ledger, query, begun.values())
        ;[at, begun, ended] = [record.at, new Map<string, CallRecord>(), new Set<string>()]
      }
      const { chargeId } = record
      if (isEnd(record)) {
        ended.add(chargeId)
        begun.delete(chargeId)
        // The end of a call for which no budget was asked stands in another partition, which may come first.
      } else if (record.outcome === 'begun' && !ended.has(chargeId)) begun.set(chargeId, record)
    }
    cursor = next
    more = next !== undefined
  }
  yield* withoutEnd(ledger, query, begun.values())
}

// An end that names no budget is not among the records of one.
async function* withoutEnd(
  ledger: Pick<PagedLedger, 'page'>,
  { partition, tenant, budget }: LedgerQuery,
  begun: Iterable<CallRecord>,
): AsyncGenerator<CallRecord, void, undefined> {
  for (const record of begun) {
    const isAnywhere = (partition ?? tenant ?? budget) === undefined
    const { records } = isAnywhere
      ? { records: [record] }
      : await ledger.page({ kind: 'call', chargeId: record.chargeId })
    if (records.every((each) => each.kind === 'call' && !isEnd(each))) yield record
  }
}

// Asked for input a call goes on, in another round.
function isEnd({ outcome }: CallRecord): boolean {
  return outcome !== 'begun' && outcome !== 'input-required'
}
