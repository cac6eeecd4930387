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
  let begun = new Map<string, CallRecord>()
  let at = -Infinity
  for (let cursor: string | undefined, more = true; more;) {
    const { records, next } = await ledger.page({ ...query, kind: 'call', ...(cursor !== undefined && { cursor }) })
    for (const record of records) {
      if (record.kind !== 'call') continue
      if (record.at !== at) {
        yield* begun.values()
        begun = new Map()
        at = record.at
      }
      if (record.outcome === 'begun') begun.set(record.chargeId, record)
      else begun.delete(record.chargeId)
    }
    cursor = next
    more = next !== undefined
  }
  yield* begun.values()
}
