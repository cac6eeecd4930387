import { integer, oneOf } from '../../core/settings.js'
import {
  booksOf,
  comparePlaces,
  recordOf,
  snapshotOf,
  type Book,
  type Place,
  type PlacedRecord,
} from './book-snapshot.js'
import { CallAppender } from './call-appender.js'
import { callKeysOf, NOWHERE } from './keys.js'
import { matching } from '../../ledger/matching.js'
import { foldedMeanwhile, readCursor, readPage, readQuery } from '../../ledger/read-query.js'
import { report } from '../../ledger/report.js'
import { someTextsAfter, type Send } from './numbered-texts.js'
import type {
  LedgerPage,
  LedgerQuery,
  NumberedLedger,
  NumberedRecord,
  PagedLedger,
  PageRequest,
} from '../../ledger/ledger.js'
import type { LedgerRecord } from '../../ledger/entry.js'
import type { Partitions } from './partitions.js'
import type { RedisConnection } from './redis-connection.js'
import type { RedisSettings } from './options.js'
import type { ReportSums } from '../../ledger/report.js'

/** What one look at the books has found, in order. */
interface Found {
  readonly records: readonly PlacedRecord[]
  /** How many are folded, and the latest time of those. */
  readonly folded: number
  readonly foldedAt: number
}

/**
 * The books of a {@link RedisBudgetEnforcer}. Money entries are written by its script, call records by `append`. Each
 * partition keeps the newest `maxEntries` of both whole. What is older is folded: entries into one opening for each
 * budget, calls into counts. So sums stay true for ever, and whoever wants each record drains them in time:
 * `drainLedger`.
 *
 * Each question reads what is kept of the partitions that it is about. A query with `partition`, `budget` or `tenant`
 * reads less.
 *
 * @example replay(await enforcer.ledger.entries({ kind: 'money' })).get('default/agent-1')?.spent
 */
export class RedisLedger implements PagedLedger, NumberedLedger {
  readonly #settings: RedisSettings
  readonly #connection: RedisConnection
  readonly #partitions: Partitions
  readonly #appender: CallAppender

  constructor(settings: RedisSettings, connection: RedisConnection, partitions: Partitions) {
    this.#settings = settings
    this.#connection = connection
    this.#partitions = partitions
    this.#appender = new CallAppender(settings, connection, partitions)
  }

  /**
   * Adds records of calls, in order, each into the partition of its first budget; those without a budget that there is
   * into partition `''`. Those of one partition are written all or none.
   *
   * @throws BudgetError `invalid_request` for a money entry, which only the store writes, and for what is no record
   */
  async append(records: readonly LedgerRecord[]): Promise<void> {
    await this.#appender.append(records)
  }

  async entries(query: LedgerQuery = {}): Promise<readonly LedgerRecord[]> {
    return (await this.#find(readQuery(query))).records.map(({ record }) => record)
  }

  /**
   * The records that match, in order of time, some at a time. What is folded comes first.
   *
   * @throws BudgetError `invalid_config` for a cursor that is none, `ledger_gap` when records that no page has had were
   * folded meanwhile
   */
  async page(request: LedgerQuery & PageRequest = {}): Promise<LedgerPage> {
    const { query, cursor, limit } = readPage(request)
    const [before, ...after] = readCursor<Cursor>(cursor, [0, 0, 0, '', 0]) ?? [undefined, -2, 0, '', 0]
    const { records, folded, foldedAt } = await this.#find(query)
    if (before !== undefined && before !== folded && foldedAt >= after[0]) throw foldedMeanwhile()
    const rest = records.filter(({ place }) => comparePlaces(place, after) > 0)
    const some = rest.slice(0, limit)
    const last = some.at(-1)?.place ?? after
    return {
      records: some.map(({ record }) => record),
      next: rest.length > limit ? JSON.stringify([before ?? folded, ...last]) : undefined,
    }
  }

  async report(query: LedgerQuery = {}): Promise<ReportSums> {
    const { byBudget, byTool, byOutcome } = report(await this.entries(query))
    return { byBudget, byTool, byOutcome }
  }

  async partitions(): Promise<readonly string[]> {
    const all = await this.#partitions.all()
    const [, folded = ''] = callKeysOf(this.#settings.prefix, NOWHERE)
    const last = await this.#connection.send(folded, ['HGET', folded, '='])
    return last === null ? all : [NOWHERE, ...all]
  }

  async numbered(of: Parameters<NumberedLedger['numbered']>[0]): Promise<readonly NumberedRecord[]> {
    const { partition, kind, ...range } = of
    const after = integer(range.after, { least: 0, most: Number.MAX_SAFE_INTEGER, otherwise: 0 }, 'after')
    const limit = integer(range.limit, { least: 1, most: 10_000, otherwise: 1_000 }, 'limit')
    oneOf(kind, ['money', 'call'], 'kind')
    const book = booksOf(this.#settings.prefix, partition).find((each) => each.kind === kind)
    if (book === undefined) return []
    const texts = await someTextsAfter(this.#send(book), book.stream, { after, limit })
    return texts.map((each) => ({ seq: each.seq, record: recordOf(book, each) }))
  }

  async #find(query: LedgerQuery): Promise<Found> {
    const found: PlacedRecord[] = []
    let [folded, foldedAt] = [0, 0]
    for (const book of await this.#booksOf(query)) {
      const snapshot = await snapshotOf(this.#send(book), book, query.budget)
      for (const each of snapshot.records) found.push(each)
      folded += snapshot.folded
      foldedAt = Math.max(foldedAt, snapshot.foldedAt)
    }
    const matches = matching(
      found.map(({ record }) => record),
      query,
      this.#settings.partition,
    )
    const records = found.filter(({ record }) => matches(record)).sort((a, b) => comparePlaces(a.place, b.place))
    return { records, folded, foldedAt }
  }

  /** The books that can have what a query is about. */
  async #booksOf({ partition, budget, kind, tokenId, taskId, operationId }: LedgerQuery): Promise<readonly Book[]> {
    const home = partition ?? (budget === undefined ? undefined : this.#settings.partition(budget))
    // Calls of budgets that nobody has created are elsewhere.
    const isAsked = (each: string): boolean => home === undefined || each === home || each === NOWHERE
    const books = (await this.partitions()).filter(isAsked).flatMap((each) => booksOf(this.#settings.prefix, each))
    // What a token, a task or an operation is told of stands in the records of calls.
    if (kind === undefined || (tokenId ?? taskId ?? operationId) !== undefined) return books
    return books.filter((book) => (book.kind === 'money') === (kind === 'money'))
  }

  #send({ stream }: Book): Send {
    return (command) => this.#connection.send(stream, command)
  }
}

/** How many were folded when the first page was read, and the place of the last record of the page before. */
type Cursor = readonly [folded: number, ...place: Place]
