import type { FoundRows } from './transaction.js'
import { TABLES, type TableName as MoneyTableName } from './rows.js'
import { TASK_TABLES, type TaskTableName } from './task-rows.js'

/** The name of any table. */
export type TableName = MoneyTableName | TaskTableName

const ALL_TABLES: Readonly<Record<TableName, { readonly key: readonly string[]; readonly rest: readonly string[] }>> = {
  ...TABLES,
  ...TASK_TABLES,
}

/** How a database reads its parameters, which are numbers and lists, and writes its names. */
export interface Dialect {
  /** The texts of a parameter that is a list: a query with one column. */
  texts(parameter: number): string
  /** Whether a column is one of those. */
  isIn(column: string, parameter: number): string
  /** The pairs of texts of a list: a query with two columns. */
  pairs(parameter: number): string
  /** A number. */
  number(parameter: number): string
  /** A text. */
  text(parameter: number): string
  /** A text, compared byte by byte. */
  bytes(text: string): string
  table(name: TableName | 'seals'): string
}

/** A query, its columns, and the names of what its parameters are made of. */
export interface Query {
  readonly sql: string
  readonly columns: readonly string[]
  readonly parameters: readonly string[]
}

/** The columns of a table, as SQL; some are words of SQL. */
export function columnsOf(name: TableName): string {
  return namesOf(name)
    .map((column) => `"${column}"`)
    .join(', ')
}

/** The names of the columns of a table. */
export function namesOf(name: TableName): string[] {
  const { key, rest } = ALL_TABLES[name]
  return [...key, ...rest]
}

/** Numbers that an entry leaves out where they are 0. */
const LEFT_OUT = ['available', 'held', 'spent', 'debt', 'in', 'out', 'burned']

/** The columns of a row that is written, each as `read` finds it in JSON. */
export function columnsFrom(name: TableName, read: (column: string) => string): string {
  return namesOf(name)
    .map((column) => (name === 'entries' && LEFT_OUT.includes(column) ? `coalesce(${read(column)}, 0)` : read(column)))
    .join(', ')
}

/** Whether a query is asked for anything: it is given partitions, where it looks into some, and texts or numbers. */
export function isAsked({ parameters }: Pick<Query, 'parameters'>, wanted: object): boolean {
  const isGiven = (name: string): boolean => {
    const value = (wanted as Readonly<Record<string, unknown>>)[name]
    return !Array.isArray(value) || value.length > 0
  }
  const others = parameters.filter((name) => name !== 'partitions')
  if (others.length < parameters.length && !isGiven('partitions')) return false
  return others.length === 0 || others.some(isGiven)
}

/** What a step reads. */
export function readQueries(d: Dialect): Readonly<Record<keyof FoundRows, Query>> {
  const budgets = d.table('budgets')
  const holds = `SELECT ${columnsOf('holds')} FROM ${d.table('holds')}`
  const up = (from: string): string =>
    `up("id") AS (${from}
      UNION SELECT b."parent" FROM ${budgets} b JOIN up ON b."id" = up."id" WHERE b."parent" IS NOT NULL)`
  const found = `SELECT ${columnsOf('budgets')} FROM ${budgets} WHERE "id" IN (SELECT "id" FROM up) ORDER BY "partition", "born"`
  return {
    holds: { columns: namesOf('holds'), sql: `${holds} WHERE ${d.isIn('"id"', 1)}`, parameters: ['holds'] },
    due: {
      columns: namesOf('holds'),
      sql: `${holds} WHERE "state" = 'open' AND ${d.isIn('"partition"', 1)} AND "deadline" <= ${d.number(2)}
        ORDER BY "deadline", "id" LIMIT ${d.number(3)}`,
      parameters: ['partitions', 'now', 'most'],
    },
    ending: {
      columns: ['id', 'ends_at'],
      sql: `SELECT "id", "ends_at" FROM ${budgets}
        WHERE "state" = 'open' AND ${d.isIn('"partition"', 1)} AND "ends_at" <= ${d.number(2)}
        ORDER BY "ends_at", "born" LIMIT ${d.number(3)}`,
      parameters: ['partitions', 'now', 'most'],
    },
    // Read with the holds, for it is not locked: what is forgotten meanwhile is seen in one of them.
    nowhere: {
      columns: ['forgotten'],
      sql: `SELECT "forgotten" FROM ${d.table('partitions')} WHERE "id" = ''`,
      parameters: [],
    },
    budgets: {
      columns: namesOf('budgets'),
      sql: `WITH RECURSIVE ${up(`SELECT * FROM (${d.texts(1)}) AS named`)} ${found}`,
      parameters: ['budgets'],
    },
    families: {
      columns: namesOf('budgets'),
      sql: `WITH RECURSIVE
          down("id") AS (
            SELECT * FROM (${d.texts(1)}) AS named
            UNION SELECT "budget" FROM ${d.table('prefixes')} WHERE ${d.isIn('"prefix"', 3)}
            UNION SELECT "id" FROM ${budgets} WHERE ${d.isIn('"nonce"', 4)}
            UNION SELECT b."id" FROM ${budgets} b JOIN down ON b."parent" = down."id" WHERE b."state" <> 'closed'),
          ${up(`SELECT "id" FROM down UNION SELECT "id" FROM ${budgets} WHERE ${d.isIn('"parent"', 2)}`)} ${found}`,
      parameters: ['trees', 'parents', 'prefixes', 'nonces'],
    },
    answers: {
      columns: namesOf('answers'),
      sql: `SELECT ${columnsOf('answers')} FROM ${d.table('answers')}
        WHERE ${d.isIn('"verb"', 1)} AND ${d.isIn('"id"', 2)}`,
      parameters: ['verbs', 'answers'],
    },
    counters: {
      columns: namesOf('counters'),
      sql: `SELECT ${columnsOf('counters')} FROM ${d.table('counters')} WHERE ("root", "prefix") IN (${d.pairs(1)})
        UNION SELECT ${columnsOf('counters')} FROM ${d.table('counters')} WHERE ${d.isIn('"root"', 2)}`,
      parameters: ['counters', 'full'],
    },
    counts: {
      columns: namesOf('counts'),
      sql: `SELECT ${columnsOf('counts')} FROM ${d.table('counts')} WHERE ${d.isIn('"root"', 1)}`,
      parameters: ['roots'],
    },
    bans: {
      columns: namesOf('bans'),
      sql: `SELECT ${columnsOf('bans')} FROM ${d.table('bans')} WHERE ("partition", "id") IN (${d.pairs(1)})`,
      parameters: ['bans'],
    },
    banCounts: {
      columns: ['partition', 'size'],
      sql: `SELECT "partition", count(*) AS "size" FROM ${d.table('bans')}
        WHERE ${d.isIn('"partition"', 1)} AND "kind" <> 'cutoffs' GROUP BY "partition"`,
      parameters: ['banned'],
    },
  }
}

/** A statement that takes away, and the names of its parameters. */
export type Removal = Omit<Query, 'columns'>

/** What takes away what is old: holds, answers, and delegated budgets that nothing is below of any more. */
export function forgetQueries(
  d: Dialect,
  lock: string,
): { readonly holds: Removal; readonly rest: readonly Removal[] } {
  const removal = (table: TableName, key: string, column: string, more = ''): Removal => ({
    sql: `DELETE FROM ${d.table(table)} WHERE (${key}) IN (SELECT ${key} FROM ${d.table(table)} AS old
      WHERE "${column}" <= ${d.number(1)} ${more} LIMIT 1000 ${lock})`,
    parameters: more === '' ? ['before'] : ['before', 'partitions'],
  })
  const here = `AND ${d.isIn('"partition"', 2)}`
  const below = `AND NOT EXISTS (SELECT 1 FROM ${d.table('budgets')} AS child WHERE child."parent" = old."id")`
  // What a lease has forfeited comes back through its budget, within a week.
  const forfeited = `AND ("forfeited" = 0 OR "closed_at" <= ${d.number(1)} - 604800000)`
  const holds = removal('holds', '"id"', 'ended_at', here)
  return {
    holds: { ...holds, sql: `${holds.sql} RETURNING "id", "partition"` },
    rest: [
      removal('answers', '"verb", "id"', 'at'),
      removal('budgets', '"id"', 'closed_at', `${here} ${below} ${forfeited}`),
    ],
  }
}

/** Writes rows of a table, out of a query with its columns. */
export function upsert(name: TableName, table: string, rows: string): string {
  const { key, rest } = ALL_TABLES[name]
  const set = rest.map((column) => `"${column}" = excluded."${column}"`).join(', ')
  const keys = key.map((column) => `"${column}"`).join(', ')
  const otherwise = `ON CONFLICT (${keys}) DO ${set === '' ? 'NOTHING' : `UPDATE SET ${set}`}`
  return isOnlyNew(name) ? insert(name, table, rows) : `${insert(name, table, rows)} ${otherwise}`
}

/** Writes rows that are new. */
export function insert(name: TableName, table: string, rows: string): string {
  return `INSERT INTO ${table} (${columnsOf(name)}) ${rows}`
}

// An entry, or an answer, is never written twice: that would be a step that was decided on something else.
function isOnlyNew(name: TableName): boolean {
  return name === 'entries' || name === 'answers' || name === 'calls'
}
