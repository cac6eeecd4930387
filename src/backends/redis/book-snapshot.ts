import { callKeysOf, keysOf, KEY_NAMES, NOWHERE } from './keys.js'
import { callOf, entryOf, foldedOf, openingOf } from './ledger-texts.js'
import { textsNow, type NumberedText, type Send } from './numbered-texts.js'
import type { BudgetId } from '../../budget/budget-id.js'
import type { LedgerRecord } from '../../ledger/entry.js'

/** A record, and its place in the order of the ledger. */
export interface PlacedRecord {
  readonly place: Place
  readonly record: LedgerRecord
}

/** Time, money before calls, partition, number. Sums of what was folded come before all times. */
export type Place = readonly [at: number, kind: number, partition: string, seq: number]

/** What one kind of records of one partition is at one moment. */
export interface Snapshot {
  readonly records: readonly PlacedRecord[]
  /** How many are folded, and the latest time of those. */
  readonly folded: number
  readonly foldedAt: number
}

/** One kind of records: where it is, and how it is read. */
export interface Book {
  readonly kind: 'money' | 'call'
  readonly partition: string
  readonly stream: string
  readonly sums: string
}

/** The books of a partition. */
export function booksOf(prefix: string, partition: string): readonly Book[] {
  const [stream = '', sums = ''] = callKeysOf(prefix, partition)
  const calls = { kind: 'call', partition, stream, sums } as const
  if (partition === NOWHERE) return [calls]
  const keys = keysOf(prefix, partition)
  const [ledger, openings] = (['ledger', 'openings'] as const).map((name) => keys[KEY_NAMES.indexOf(name)] as string)
  return [{ kind: 'money', partition, stream: ledger as string, sums: openings as string }, calls]
}

/** A record as it is in the stream of a book. */
export function recordOf({ kind, partition }: Book, numbered: NumberedText): LedgerRecord {
  return kind === 'money' ? entryOf(numbered, partition) : callOf(numbered.text)
}

/**
 * All that a book has, at one moment: what is folded while it is read is in the sums, which are read last and in one
 * command with the number up to which they go.
 */
export async function snapshotOf(send: Send, book: Book, budget?: BudgetId): Promise<Snapshot> {
  const texts = await textsNow(send, book.stream)
  const fields = await sumsOf(send, book, budget)
  const [folded = 0, foldedAt = 0] = (fields.get('#') ?? '0 0').split(' ').map(Number)
  const { kind, partition } = book
  const rank = kind === 'money' ? 0 : 1
  const records: PlacedRecord[] = []
  for (const [name, text] of fields) {
    if (name === '#' || name === '=') continue
    const record = kind === 'money' ? openingOf(name, text, partition) : foldedOf(name, text)
    records.push({ place: [-1, rank, `${partition} ${name}`, 0], record })
  }
  for (const each of texts) {
    if (each.seq <= folded) continue
    const record = recordOf(book, each)
    records.push({ place: [(record as { readonly at: number }).at, rank, partition, each.seq], record })
  }
  return { records, folded, foldedAt }
}

/** Which of two places comes first, as `sort` wants it. */
export function comparePlaces(a: Place, b: Place): number {
  for (const n of [0, 1, 2, 3] as const) {
    if (a[n] !== b[n]) return a[n] < b[n] ? -1 : 1
  }
  return 0
}

async function sumsOf(send: Send, { kind, sums }: Book, budget?: BudgetId): Promise<ReadonlyMap<string, string>> {
  if (kind === 'call' || budget === undefined) return fieldsOf(await send(['HGETALL', sums]))
  const names = ['#', budget]
  const texts = (await send(['HMGET', sums, ...names])) as ReadonlyArray<string | null>
  return new Map(names.flatMap((name, n) => (typeof texts[n] === 'string' ? [[name, texts[n]] as const] : [])))
}

// Some clients give the fields of a hash one after the other, some as an object, some as a map.
function fieldsOf(reply: unknown): ReadonlyMap<string, string> {
  if (reply instanceof Map) return reply as ReadonlyMap<string, string>
  if (!Array.isArray(reply)) return new Map(Object.entries(reply as Readonly<Record<string, string>>))
  const list = reply as readonly string[]
  return new Map(Array.from({ length: list.length / 2 }, (_, n) => [list[2 * n] as string, list[2 * n + 1] as string]))
}
