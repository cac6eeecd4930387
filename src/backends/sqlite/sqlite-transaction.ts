import type { Changes, First, FirstWanted, Rest, RestWanted, Transaction } from '../sql/transaction.js'
import type { LedgerQuery } from '../../ledger/ledger.js'
import type { HoldRow, PartitionRow, Rows } from '../sql/rows.js'
import type { Reader, Statements } from './statements.js'

/** A transaction of SQLite, which holds the only lock of its file. */
export class SqliteTransaction implements Transaction {
  readonly #statements: Statements

  constructor(statements: Statements) {
    this.#statements = statements
  }

  partitionsOf(holds: readonly string[]): ReadonlyMap<string, string> {
    const rows = this.#statements.partitionsOf.all(JSON.stringify(holds)) as Array<Pick<HoldRow, 'id' | 'partition'>>
    return new Map(rows.map(({ id, partition }) => [id, partition]))
  }

  lock(partitions: readonly string[]): { partitions: readonly PartitionRow[]; now: undefined } {
    const known = read<PartitionRow>(this.#statements.partitions, { partitions })
    const missing = partitions.filter((id) => !known.some((row) => row.id === id))
    const made = missing.map((id) => ({ id, seq: 0, born: 0, now: 0, forgotten: 0 }))
    return { partitions: [...known, ...made], now: undefined }
  }

  forget({ partitions, before }: { readonly partitions: readonly string[]; readonly before: number }) {
    const ids = JSON.stringify(partitions)
    const gone = this.#statements.forgetHolds.all(ids, before) as Array<Pick<HoldRow, 'id' | 'partition'>>
    for (const statement of this.#statements.forgetRest) statement.run(ids, before)
    return gone
  }

  forgetBans({ partitions, before }: { readonly partitions: readonly string[]; readonly before: number }): void {
    this.#statements.forgetBans.run(JSON.stringify(partitions), before)
  }

  first(wanted: FirstWanted): First {
    return readAll(this.#statements.first, wanted) as unknown as First
  }

  rest(wanted: RestWanted): Rest {
    return readAll(this.#statements.rest, wanted) as unknown as Rest
  }

  ledger<Name extends 'entries' | 'calls'>(table: Name, query: LedgerQuery): ReadonlyArray<Rows[Name]> {
    return read(this.#statements.ledger(table, query), listed(query))
  }

  write(changes: Changes): void {
    if (changes.uncounted.length > 0) this.#statements.uncount.run(JSON.stringify(changes.uncounted))
    for (const [name, statement] of this.#statements.write) {
      if (changes[name].length > 0) statement.run(JSON.stringify(changes[name]))
    }
  }
}

// Texts are asked for as lists, by the same statements.
function listed(query: LedgerQuery): object {
  return Object.fromEntries(
    Object.entries(query).map(([key, value]) => [key, typeof value === 'string' ? [value] : (value as unknown)]),
  )
}

function readAll(readers: Readonly<Record<string, Reader>>, wanted: object): Record<string, unknown[]> {
  return Object.fromEntries(Object.entries(readers).map(([name, reader]) => [name, read(reader, wanted)]))
}

function read<Row>({ statement, parameters }: Reader, wanted: object): Row[] {
  const values = parameters.map((name) => (wanted as Readonly<Record<string, unknown>>)[name])
  // What is asked for nothing is not asked.
  if (values.length > 0 && values.every((value) => Array.isArray(value) && value.length === 0)) return []
  const given = values.map((value) => (typeof value === 'number' ? value : JSON.stringify(value)))
  const [row] = statement.all(...given) as Array<{ readonly found: string }>
  return JSON.parse(row?.found ?? '[]') as Row[]
}
