import type { LedgerReader } from './sql-ledger.js'
import type { CallRow } from './rows.js'
import type { LedgerCall, MoneyCall } from './store-call.js'

/** Where a step has put the first record of an append. */
export type CallPlace = Pick<CallRow, 'partition' | 'seq' | 'body'>

/**
 * The appends that a step has written before whose end nobody heard of: their first record stands where that step has put
 * it. Asked for only when a step is made again, in partitions that are locked; so a call costs no row more.
 */
export async function writtenBefore(tx: LedgerReader, calls: readonly MoneyCall[]): Promise<ReadonlySet<MoneyCall>> {
  const again = calls.filter((call): call is LedgerCall => call.verb === 'append' && call.places.length > 0)
  if (again.length === 0) return new Set()
  const pairs = again.flatMap(({ places }) => places.map(({ partition, seq }) => [partition, seq]))
  const found = await tx.select<CallPlace>((d) => ({
    sql: `WITH placed(p, n) AS (${d.pairs(1)}) SELECT "partition", "seq", "body" FROM ${d.table('calls')}
      WHERE ("partition", "seq") IN (SELECT p, CAST(n AS bigint) FROM placed)`,
    columns: ['partition', 'seq', 'body'],
    values: [JSON.stringify(pairs)],
  }))
  const bodies = new Map(found.map((row) => [keyOf(row), row.body]))
  return new Set(again.filter(({ places }) => places.some((place) => bodies.get(keyOf(place)) === place.body)))
}

function keyOf({ partition, seq }: CallPlace): string {
  return `${seq} ${partition}`
}
