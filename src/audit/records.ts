import type { ChainKind, ChainName } from '../ledger/seal.js'
import type { NumberedLedger, NumberedRecord } from '../ledger/ledger.js'

/** A record, its chain, and its number in it. */
export type ChainRecord = ChainName & NumberedRecord

/** The kinds of chains of a partition. */
export const KINDS: readonly ChainKind[] = ['money', 'call']

/** So many records are read at once. */
const PAGE = 1_000

/**
 * All records of a ledger with their numbers, chain after chain: what `verifyLedger` reads, and what an export keeps.
 *
 * @example
 * ```ts
 * for await (const record of chainRecords(enforcer.ledger)) file.write(`${JSON.stringify(record)}\n`)
 * ```
 */
export async function* chainRecords(ledger: NumberedLedger): AsyncGenerator<ChainRecord, void, undefined> {
  for (const partition of await ledger.partitions()) {
    for (const kind of KINDS) {
      for (let after: number | undefined = 0; after !== undefined;) {
        const page: readonly ChainRecord[] = await recordsAfter(ledger, { partition, kind, after, limit: PAGE })
        yield* page
        // No more than was there: who writes may be faster than who reads.
        after = page.length < PAGE ? undefined : page.at(-1)?.seq
      }
    }
  }
}

/** The records of a chain that follow a number, so many at most. */
export async function recordsAfter(
  ledger: NumberedLedger,
  of: ChainName & { readonly after: number; readonly limit: number },
): Promise<readonly ChainRecord[]> {
  const { partition, kind } = of
  const page = await ledger.numbered(of)
  return page.map(({ seq, record }) => ({ partition, kind, seq, record }))
}
