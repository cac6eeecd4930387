import { attemptsOf, byOperation, byTask, type AttemptReport, type OperationReport } from '../../ledger/operations.js'
import {
  attemptsQuery,
  balancesQuery,
  groupsQuery,
  GROUPS,
  numberedQuery,
  partitionsQuery,
  recordsQuery,
  totalsQuery,
  type LedgerSelectOf,
} from './ledger-queries.js'
import { integer, oneOf } from '../../core/settings.js'
import { keptText, textOf } from './kept-text.js'
import { proveBudgets, provedRecord, recordOf } from './proved-records.js'
import { readCursor, readPage, readQuery } from '../../ledger/read-query.js'
import { sumsOf, type BalanceRow, type TotalsRow } from './ledger-sums.js'
import type { Place } from './ledger-conditions.js'
import type { CallRecord, LedgerRecord } from '../../ledger/entry.js'
import type { CallRow, EntryRow } from './rows.js'
import type {
  GroupedLedger,
  LedgerPage,
  LedgerQuery,
  NumberedLedger,
  NumberedRecord,
  PagedLedger,
  PageRequest,
} from '../../ledger/ledger.js'
import type { MaybePromise } from '../../core/maybe-promise.js'
import type { ReportSums } from '../../ledger/report.js'

/** What reads a ledger: all in one state of the database, beside the steps of the store. */
export interface LedgerReader {
  select<Row>(of: LedgerSelectOf): MaybePromise<readonly Row[]>
}

/** How a ledger gets at its database. */
export interface LedgerAccess {
  append(records: readonly LedgerRecord[]): Promise<void>
  read<Answer>(work: (reader: LedgerReader) => Promise<Answer>): Promise<Answer>
}

interface Placed {
  readonly record: LedgerRecord
  readonly place: Place
}

/** The ledger of a store with a database: its money entries, and what `withLedger` adds to them. */
export class SqlLedger implements PagedLedger, GroupedLedger, NumberedLedger {
  readonly #access: LedgerAccess

  constructor(access: LedgerAccess) {
    this.#access = access
  }

  /** Adds call records. Money entries are written with the money, and by nobody else: here they are passed over. */
  append(records: readonly LedgerRecord[]): Promise<void> {
    return this.#access.append(records)
  }

  async entries(query?: LedgerQuery): Promise<readonly LedgerRecord[]> {
    const placed = await this.#access.read((reader) => read(reader, keptQuery(readQuery(query))))
    return placed.map(({ record }) => record)
  }

  async page(request?: LedgerQuery & PageRequest): Promise<LedgerPage> {
    const { query, cursor, limit } = readPage(request)
    const after = readCursor<Place>(cursor, [0, 0, '', 0])
    const placed = await this.#access.read((reader) => read(reader, keptQuery(query), { after, limit: limit + 1 }))
    const records = placed.slice(0, limit).map(({ record }) => record)
    return { records, next: placed.length > limit ? JSON.stringify(placed[limit - 1]?.place) : undefined }
  }

  report(query?: LedgerQuery): Promise<ReportSums> {
    const wanted = keptQuery(readQuery(query))
    const { kind } = wanted
    return this.#access.read(async (reader) => {
      const totals = async (by: Parameters<typeof totalsQuery>[0]): Promise<readonly TotalsRow[]> =>
        kind === 'money' ? [] : reader.select(totalsQuery(by, wanted))
      const hasMoney = kind === undefined || kind === 'money'
      const balances = hasMoney ? await reader.select<BalanceRow>(balancesQuery(wanted)) : []
      return sumsOf({
        balances,
        budgets: await totals('budget'),
        tools: await totals('tool'),
        outcomes: await totals('proves'),
      })
    })
  }

  operations(request?: LedgerQuery & PageRequest): Promise<LedgerPage<OperationReport>> {
    return this.#groups('operations', request, (attempts) => {
      const found = byOperation(attempts)
      return ([id, payer]) => found.get(`${payer} ${id}`)
    })
  }

  tasks(request?: LedgerQuery & PageRequest): Promise<LedgerPage<AttemptReport>> {
    return this.#groups('tasks', request, (attempts) => {
      const found = byTask(attempts)
      return ([id, payer, server]) => found.get(`${payer} ${server} ${id}`)
    })
  }

  async partitions(): Promise<readonly string[]> {
    const rows = await this.#access.read(async (reader) => reader.select<{ readonly id: string }>(partitionsQuery))
    return rows.map(({ id }) => id)
  }

  async numbered(of: Parameters<NumberedLedger['numbered']>[0]): Promise<readonly NumberedRecord[]> {
    const { partition, kind } = of
    const after = integer(of.after, { least: 0, most: Number.MAX_SAFE_INTEGER, otherwise: 0 }, 'after')
    const limit = integer(of.limit, { least: 1, most: 10_000, otherwise: 1_000 }, 'limit')
    const table = oneOf(kind, ['money', 'call'], 'kind') === 'money' ? 'entries' : 'calls'
    const query = numberedQuery(table, { partition: keptText(String(partition)), after, limit })
    return this.#access.read(async (reader) => {
      const rows = await reader.select<EntryRow | CallRow>(query)
      const records = rows.map((row) => ({ seq: row.seq, record: provedRecord(row) }))
      await proveBudgets(reader, rows)
      return records
    })
  }

  async #groups<Item>(
    group: keyof typeof GROUPS,
    request: (LedgerQuery & PageRequest) | undefined,
    by: (attempts: readonly AttemptReport[]) => (key: readonly string[]) => Item | undefined,
  ): Promise<LedgerPage<Item>> {
    const { query, cursor, limit } = readPage(request)
    const names = GROUPS[group]
    const after = readCursor<readonly string[]>(
      cursor,
      names.map(() => ''),
    )
    const wanted = keptQuery(query)
    return this.#access.read(async (reader) => {
      if (query.kind === 'money' || query.kind === 'calls') return { records: [], next: undefined }
      const groups = groupsQuery(group, wanted, { after, limit: limit + 1 })
      const rows = await reader.select<Readonly<Record<string, string>>>(groups)
      const keys = rows.slice(0, limit).map((row) => names.map((name) => row[name] ?? ''))
      const [first, last] = [keys[0], keys.at(-1)]
      if (first === undefined || last === undefined) return { records: [], next: undefined }
      const found = await reader.select<Pick<CallRow, 'body'>>(attemptsQuery(group, wanted, [first, last]))
      const itemOf = by(attemptsOf(found.map(({ body }) => JSON.parse(body) as CallRecord)))
      // A charge whose records name several is told of once, where its last one puts it.
      const records = keys.map((key) => itemOf(key.map(textOf))).filter((item) => item !== undefined)
      return { records, next: rows.length > limit ? JSON.stringify(last) : undefined }
    })
  }
}

async function read(
  reader: LedgerReader,
  query: LedgerQuery,
  page: { readonly after?: Place | undefined; readonly limit?: number } = {},
): Promise<readonly Placed[]> {
  const { kind } = query
  const money = kind === undefined || kind === 'money'
  const entries = money ? await reader.select<EntryRow>(recordsQuery('entries', query, page)) : []
  const calls = kind === 'money' ? [] : await reader.select<CallRow>(recordsQuery('calls', query, page))
  // Both are in order: only money and calls are put between each other, and where their time is one, money comes first.
  const placed = [...entries.map((row) => placedOf(row, 0)), ...calls.map((row) => placedOf(row, 1))]
  return placed.sort((a, b) => a.place[0] - b.place[0])
}

function placedOf(row: EntryRow | CallRow, kind: number): Placed {
  return { record: recordOf(row), place: [row.at, kind, row.partition, row.seq] }
}

/** The same query, with texts as the columns have them. */
function keptQuery(query: LedgerQuery): LedgerQuery {
  const kept = Object.entries(query).map(([key, value]: [string, unknown]) => [
    key,
    typeof value === 'string' ? keptText(value) : value,
  ])
  return Object.fromEntries(kept) as LedgerQuery
}
