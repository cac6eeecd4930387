import { assertKeys, integer, misconfigured } from '../../core/settings.js'
import { BudgetError } from '../../core/errors.js'
import type { MaybePromise } from '../../core/maybe-promise.js'
import type { NumberedLedger, NumberedRecord } from '../ledger.js'

/** Records of one kind of one partition, which are numbered together. */
export interface Book {
  readonly partition: string
  readonly kind: 'money' | 'call'
}

/** Some records of a book, in the order of their numbers. */
export interface DrainBatch extends Book {
  readonly records: readonly NumberedRecord[]
}

/** Where a drain goes on. */
export interface DrainPlace {
  /** The last record that was written of a book, or its number alone; `undefined` for none. */
  last(book: Book): MaybePromise<NumberedRecord | number | undefined>
  /** Notes the last record that was written. A sink that finds it by itself needs no note. */
  note?(book: Book, last: NumberedRecord): MaybePromise<void>
}

/**
 * Takes records, and keeps them. When it has answered they must last. Records that it has may come again, after a kill
 * and from another drain: it leaves those out, by partition, kind and number, or whoever reads it does.
 */
export interface DrainSink extends DrainPlace {
  write(batch: DrainBatch): MaybePromise<void>
}

/** Records that a drain can never get: they were folded before it came. */
export interface DrainGap extends Book {
  /** The first and the last number that is missing. */
  readonly from: number
  readonly to: number
}

/** Settings of {@link drainLedger}. */
export interface DrainOptions {
  readonly from: NumberedLedger
  /** A sink; or what writes a batch, and then `place` says where to go on. */
  readonly to: DrainSink | ((batch: DrainBatch) => MaybePromise<void>)
  /** Where the place is remembered, if not in the sink. */
  readonly place?: DrainPlace
  /** How many records a batch has at most; 1,000 by default, at most 5,000. */
  readonly limit?: number
  /** Hears what is missing, and then the drain goes on behind it. Without it a gap is an error, each time. */
  readonly onGap?: (gap: DrainGap) => void
  /** Ends the drain after the batch that is under way. */
  readonly signal?: AbortSignal
}

/**
 * Hands all records of a ledger that are new to a sink, each at least once, in the order of their numbers, and ends when
 * there are no more. Call it again in good time: a ledger that keeps so many folds the older ones.
 *
 * A sink that fails fails the drain; nothing is lost, for the next goes on where the sink is. Several at once do no harm.
 *
 * @returns how many records were handed over
 * @throws BudgetError `invalid_config`; `ledger_gap` when records were folded before they were drained, or when the ledger
 * is another one than the sink has: it was restored, or a replica took over. All other books are drained before
 * @example
 * ```ts
 * const sink = jsonlSink('ledger.jsonl')
 * for await (const _ of setInterval(10_000)) await drainLedger({ from: enforcer.ledger, to: sink })
 * ```
 */
export async function drainLedger(options: DrainOptions): Promise<{ readonly drained: number }> {
  const drain = new Drain(options)
  const { from, signal } = options
  const books = (await from.partitions()).flatMap((partition) =>
    (['money', 'call'] as const).map((kind) => ({ partition, kind })),
  )
  // One batch of each in turn: one that is written to all the time does not keep the others waiting.
  for (let open: readonly Book[] = books; open.length > 0;) {
    const more: Book[] = []
    for (const book of open) if (signal?.aborted !== true && (await drain.step(book))) more.push(book)
    open = more
  }
  drain.end()
  return { drained: drain.drained }
}

/** One run over all books. */
class Drain {
  readonly #from: NumberedLedger
  readonly #write: DrainSink['write']
  readonly #place: DrainPlace
  readonly #limit: number
  readonly #onGap: DrainOptions['onGap']
  readonly #last = new Map<string, NumberedRecord | number>()
  readonly #wrong: string[] = []
  drained = 0

  constructor(options: DrainOptions) {
    assertKeys(options, ['from', 'to', 'place', 'limit', 'onGap', 'signal'], 'options')
    const { from, to, place = typeof to === 'function' ? undefined : to, limit, onGap } = options
    if (place === undefined) throw misconfigured('place', 'given, where `to` is a function', place)
    this.#from = from
    this.#write = typeof to === 'function' ? to : (batch) => to.write(batch)
    this.#place = place
    this.#limit = integer(limit, { least: 1, most: 5_000, otherwise: 1_000 }, 'limit')
    this.#onGap = onGap
  }

  /** Hands one batch over; answers whether there may be more. */
  async step(book: Book): Promise<boolean> {
    const last = await this.#lastOf(book)
    const after = typeof last === 'number' ? last : last.seq
    const found = await this.#from.numbered({ ...book, after: Math.max(0, after - 1), limit: this.#limit + 1 })
    if (after > 0 && !isSameLedger(found, last)) return this.#fail(book, replaced(after))
    const records = withoutGaps(found.filter(({ seq }) => seq > after))
    const [first] = records
    if (first === undefined) return false
    if (first.seq > after + 1) {
      const gap = { ...book, from: after + 1, to: first.seq - 1 }
      if (this.#onGap === undefined) return this.#fail(book, missing(gap))
      this.#onGap(gap)
    }
    await this.#write({ ...book, records })
    const end = records.at(-1) ?? first
    this.#last.set(keyOf(book), end)
    await this.#place.note?.(book, end)
    this.drained += records.length
    return true
  }

  /** @throws BudgetError `ledger_gap` when something was wrong with a book */
  end(): void {
    if (this.#wrong.length > 0) throw new BudgetError({ code: 'ledger_gap', message: this.#wrong.join('; ') })
  }

  async #lastOf(book: Book): Promise<NumberedRecord | number> {
    const known = this.#last.get(keyOf(book)) ?? (await this.#place.last(book)) ?? 0
    const seq = typeof known === 'number' ? known : known.seq
    if (Number.isSafeInteger(seq) && seq >= 0) return known
    const message = `Expected the place of a drain to be a number from 0, got ${String(seq)}`
    throw new BudgetError({ code: 'invalid_store', message })
  }

  #fail({ partition, kind }: Book, why: string): false {
    this.#wrong.push(`Expected all ${kind} records of partition ${JSON.stringify(partition)}, ${why}`)
    return false
  }
}

function missing({ from, to }: DrainGap): string {
  return `but ${from} to ${to} were folded before they were drained; drain more often, keep more, or go on with \`onGap\``
}

function replaced(after: number): string {
  return `but number ${after} is not what the sink has: the store was restored, or a replica took over; begin a new sink`
}

/** Whether the last record that was written is still where it was; where it is folded nobody can say. */
function isSameLedger(found: readonly NumberedRecord[], last: NumberedRecord | number): boolean {
  const [first] = found
  const seq = typeof last === 'number' ? last : last.seq
  if (first === undefined) return false
  return first.seq > seq || typeof last === 'number' || partsOf(first) === partsOf(last)
}

const PARTS = ['kind', 'at', 'op', 'budget', 'id', 'chargeId', 'tool', 'available', 'held', 'spent']

function partsOf({ record }: NumberedRecord): string {
  return JSON.stringify(record, PARTS)
}

/** The records up to the first number that is missing between them. */
function withoutGaps(records: readonly NumberedRecord[]): readonly NumberedRecord[] {
  const start = records[0]?.seq ?? 0
  const end = records.findIndex(({ seq }, n) => seq !== start + n)
  return end < 0 ? records : records.slice(0, end)
}

/** The one name of a book, as a key. */
export function keyOf({ partition, kind }: Book): string {
  return `${kind} ${partition}`
}
