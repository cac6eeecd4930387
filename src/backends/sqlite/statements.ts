import {
  columnsFrom,
  columnsOf,
  namesOf,
  forgetQueries,
  insert,
  readQueries,
  upsert,
  type Dialect,
  type Query,
  type TableName,
} from '../sql/queries.js'
import { addSeal } from '../sql/sql-seals.js'
import type { FoundRows } from '../sql/transaction.js'
import { TABLES } from '../sql/rows.js'
import { TASK_TABLES, type TaskTableName } from '../sql/task-rows.js'
import { taskQueries } from '../sql/task-queries.js'
import type { TaskChanges } from '../sql/task-set.js'
import type { LedgerSelectOf } from '../sql/ledger-queries.js'
import type { SqliteHandle, SqliteStatement } from './sqlite-handle.js'

/** How SQLite reads parameters. */
export const DIALECT: Dialect = {
  texts: (n) => `SELECT value FROM json_each(?${n})`,
  isIn: (column, n) => `${column} IN (SELECT value FROM json_each(?${n}))`,
  pairs: (n) => `SELECT value ->> 0, value ->> 1 FROM json_each(?${n})`,
  number: (n) => `?${n}`,
  text: (n) => `?${n}`,
  bytes: (text) => text,
  table: (name) => name,
}

/** A statement, and the names of what its parameters are made of. */
export interface Reader {
  readonly statement: SqliteStatement
  readonly parameters: readonly string[]
}

/** All statements of the store. */
export class Statements {
  readonly begin: SqliteStatement
  readonly beginReading: SqliteStatement
  readonly commit: SqliteStatement
  readonly rollback: SqliteStatement
  readonly addSeal: SqliteStatement
  readonly partitionsOf: SqliteStatement
  readonly partitions: Reader
  readonly forgetHolds: Reader
  readonly forgetRest: readonly Reader[]
  readonly forgetBans: SqliteStatement
  readonly uncount: SqliteStatement
  readonly tasks: Readonly<Record<keyof ReturnType<typeof taskQueries>, Reader>>
  readonly writeTasks: ReadonlyArray<readonly [name: keyof TaskChanges, statement: SqliteStatement]>
  readonly read: Readonly<Record<keyof FoundRows, Reader>>
  readonly write: ReadonlyArray<readonly [name: keyof typeof TABLES | 'newHolds', statement: SqliteStatement]>

  readonly #ledger = new Map<string, Reader>()
  readonly #handle: SqliteHandle

  constructor(handle: SqliteHandle) {
    this.#handle = handle
    const prepare = (sql: string): SqliteStatement => handle.prepare(sql)
    this.begin = prepare('BEGIN IMMEDIATE')
    this.beginReading = prepare('BEGIN')
    this.commit = prepare('COMMIT')
    this.rollback = prepare('ROLLBACK')
    this.addSeal = prepare(addSeal('seals', (n) => `?${n}`))
    this.partitionsOf = prepare(`SELECT "id", "partition" FROM holds WHERE ${DIALECT.isIn('"id"', 1)}`)
    this.partitions = reader(handle, {
      sql: `SELECT ${columnsOf('partitions')} FROM partitions WHERE ${DIALECT.isIn('"id"', 1)}`,
      columns: namesOf('partitions'),
      parameters: ['partitions'],
    })
    const { holds, rest } = forgetQueries(DIALECT, '')
    this.forgetHolds = { statement: prepare(holds.sql), parameters: holds.parameters }
    this.forgetRest = rest.map(({ sql, parameters }) => ({ statement: prepare(sql), parameters }))
    this.forgetBans = prepare(
      `DELETE FROM bans WHERE ${DIALECT.isIn('"partition"', 1)} AND "value" <= ?2 AND "kind" <> 'cutoffs'`,
    )
    this.uncount = prepare(`DELETE FROM counters WHERE ("root", "prefix") IN (${DIALECT.pairs(1)})`)
    this.read = readers(handle, readQueries(DIALECT))
    this.tasks = readers(handle, taskQueries(DIALECT))
    const taskNames = Object.keys(TASK_TABLES) as TaskTableName[]
    this.writeTasks = [
      ['goneTasks', prepare(`DELETE FROM tasks WHERE ("name", "principal") IN (${DIALECT.pairs(1)})`)],
      ['goneKeys', prepare(`DELETE FROM attempt_keys WHERE ("principal", "key") IN (${DIALECT.pairs(1)})`)],
      ['goneFailures', prepare(`DELETE FROM failures WHERE ${DIALECT.isIn('"operation"', 1)}`)],
      ...taskNames.map((name) => [name, prepare(upsert(name, name, rowsOf(name)))] as const),
    ]
    const writing = (Object.keys(TABLES) as Array<keyof typeof TABLES>).map(
      (name) => [name, prepare(upsert(name, name, rowsOf(name)))] as const,
    )
    this.write = [...writing, ['newHolds', prepare(insert('holds', 'holds', rowsOf('holds')))]]
  }

  /** What reads a ledger: one statement for each set of what it may be asked by. */
  ledger(of: LedgerSelectOf): { readonly statement: SqliteStatement; readonly values: ReadonlyArray<string | number> } {
    const { sql, columns, values } = of(DIALECT)
    const known = this.#ledger.get(sql) ?? reader(this.#handle, { sql, columns, parameters: [] })
    this.#ledger.set(sql, known)
    return { ...known, values }
  }
}

function readers<Name extends string>(
  handle: SqliteHandle,
  queries: Readonly<Record<Name, Query>>,
): Readonly<Record<Name, Reader>> {
  const made = Object.entries<Query>(queries).map(([name, query]) => [name, reader(handle, query)] as const)
  return Object.fromEntries(made) as Record<Name, Reader>
}

// Without a WHERE, SQLite takes ON CONFLICT for a join.
function rowsOf(name: TableName): string {
  const columns = columnsFrom(name, (column) => `value ->> '$.${column}'`)
  return `SELECT ${columns} FROM json_each(?1) WHERE true`
}

// One text, however many rows: a driver takes longer for each row than SQLite does.
function reader(handle: SqliteHandle, { sql, columns, parameters }: Query): Reader {
  const row = columns.map((column) => `'${column}', "${column}"`).join(', ')
  const statement = handle.prepare(`SELECT json_group_array(json_object(${row})) AS found FROM (${sql})`)
  return { statement, parameters }
}
