import {
  columnsFrom,
  columnsOf,
  forgetQueries,
  insert,
  isAsked,
  readQueries,
  upsert,
  type Dialect,
  type Query,
  type TableName,
} from '../sql/queries.js'
import { addSeal, SEAL_COLUMNS } from '../sql/sql-seals.js'
import { TABLES, type TableName as MoneyTableName } from '../sql/rows.js'
import { TASK_TABLES, type TaskTableName } from '../sql/task-rows.js'
import { taskQueries } from '../sql/task-queries.js'
import type { Changes, FoundRows, Wanted } from '../sql/transaction.js'
import type { LedgerSelectOf } from '../sql/ledger-queries.js'

/** A statement, the names of what its values are made of, and those of its one row, where it has one. */
export interface Prepared {
  readonly name: string
  readonly text: string
  readonly parameters: readonly string[]
  readonly columns?: readonly string[]
}

/** No more variants of statements are made: the next ones ask for all, and write all. */
const MOST_VARIANTS = 64
const SERVER_TIME = 'floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint'
const READS = readQueries(dialect(''))

/** A dialect, and what stands for a query's parameters: several queries may be one statement. */
export function dialect(schema: string, at: (parameter: number) => string = (n) => `$${n}`): Dialect {
  return {
    texts: (n) => `SELECT unnest(${at(n)}::text[]) COLLATE "C"`,
    isIn: (column, n) => `${column} = ANY (${at(n)}::text[])`,
    pairs: (n) => `SELECT pair ->> 0, pair ->> 1 FROM jsonb_array_elements(${at(n)}::jsonb) AS pair`,
    number: (n) => `${at(n)}::bigint`,
    text: (n) => `${at(n)}::text`,
    bytes: (text) => `${text} COLLATE "C"`,
    table: (name) => `${schema}.${name}`,
  }
}

/** All statements of the store. Each reads or writes rows as JSON, so that no setting of a driver changes a number. */
export class Statements {
  readonly lock: Prepared
  /** Locks the partitions of holds too, which it looks up. */
  readonly lockHolds: Prepared
  readonly partitions: Prepared
  readonly forgetHolds: Prepared
  readonly forgetRest: readonly Prepared[]
  readonly forgetBans: Prepared
  readonly tasks: Prepared
  readonly addSeal: Prepared
  readonly writeTasks: Prepared
  readonly #schema: string
  readonly #moment: string
  readonly #variants = new Map<string, Prepared>()

  constructor(schema: string) {
    this.#schema = schema
    const d = dialect(schema)
    const named = (name: string, text: string, parameters: readonly string[], columns?: string[]): Prepared => ({
      name: `mcp-budget ${schema} ${name}`,
      text,
      parameters,
      ...(columns && { columns }),
    })
    this.lock = named('lock', lockText(d), ['partitions'], ['partitions', 'now'])
    const ofHolds = ['partitions', 'known', 'homes', 'now']
    this.lockHolds = named('lock holds', lockHoldsText(d), ['partitions', 'holds'], ofHolds)
    const made = `INSERT INTO ${d.table('partitions')} (${columnsOf('partitions')}) SELECT "id", 0, 0, 0, 0, 0 FROM unnest($1::text[]) AS "id"`
    this.partitions = named('partitions', `${made} ON CONFLICT ("id") DO NOTHING`, ['partitions'])
    const { holds, rest } = forgetQueries(d, 'FOR UPDATE SKIP LOCKED')
    this.forgetHolds = named('forget holds', holds.sql, holds.parameters)
    this.forgetRest = rest.map(({ sql, parameters }, i) => named(`forget ${i}`, sql, parameters))
    const bans = `DELETE FROM ${d.table('bans')} WHERE ${d.isIn('"partition"', 1)} AND "value" <= $2::bigint`
    this.forgetBans = named('forget bans', `${bans} AND "kind" <> 'cutoffs'`, ['partitions', 'before'])
    this.addSeal = named(
      'add seal',
      addSeal(d.table('seals'), (n) => `$${n}`),
      SEAL_COLUMNS,
    )
    this.#moment = momentText(d)
    const kept = Object.keys(taskQueries(d)) as Array<keyof ReturnType<typeof taskQueries>>
    const tasks = together(schema, taskQueries, kept)
    this.tasks = named('tasks', `SELECT ${tasks.columns.join(',\n')}`, tasks.parameters, kept)
    const gone = ['goneTasks', 'goneKeys', 'goneFailures']
    const written = [...Object.keys(TASK_TABLES), 'partitions', ...gone]
    this.writeTasks = named('write tasks', writeTasksText(d), written, ['written'])
  }

  /** What reads all that is wanted, and no more. */
  read(wanted: Wanted): Prepared {
    const names = Object.keys(READS) as Array<keyof FoundRows>
    const asked = names.map((name) => isAsked(READS[name], wanted))
    return this.#variant('read', asked, (isPart) => {
      const own = names.filter((_, i) => isPart[i])
      const { columns, parameters } = together(this.#schema, readQueries, own, ['now', 'partitions'])
      const text = `WITH moment AS MATERIALIZED (${this.#moment}) SELECT (SELECT "now"::text FROM moment) AS "now"`
      return { text: [text, ...columns].join(',\n'), parameters, columns: ['now', ...own] }
    })
  }

  /** What writes the tables in which something has changed. */
  write(changes: Changes): Prepared {
    const parts = writeParts(dialect(this.#schema))
    const written = parts.map(({ rows }) => changes[rows].length > 0)
    return this.#variant('write', written, (isPart) => {
      const own = parts.filter((_, i) => isPart[i])
      const text = own.map(({ name, sql }, i) => `${name} AS (${sql(i + 1)})`)
      const parameters = own.map(({ rows }) => rows)
      return { text: `WITH ${text.join(',\n')} SELECT 1 AS written`, parameters, columns: ['written'] }
    })
  }

  // Few of them are ever used; a bound, for a connection keeps each that it was sent.
  #variant(
    kind: string,
    parts: readonly boolean[],
    make: (isPart: readonly boolean[]) => Omit<Prepared, 'name'>,
  ): Prepared {
    const key = (isPart: readonly boolean[]): string => parseInt(isPart.map(Number).join(''), 2).toString(36)
    const name = `mcp-budget ${this.#schema} ${kind} ${key(parts)}`
    const known = this.#variants.get(name)
    if (known !== undefined) return known
    if (this.#variants.size >= MOST_VARIANTS && parts.includes(false))
      return this.#variant(
        kind,
        parts.map(() => true),
        make,
      )
    const made = { ...make(parts), name }
    this.#variants.set(name, made)
    return made
  }

  /** What reads a ledger. It has no name, so that it is planned for what it is asked. */
  ledger(of: LedgerSelectOf): { readonly text: string; readonly values: Array<string | number> } {
    const { sql, values } = of(dialect(this.#schema))
    return { text: `SELECT ${rowsOf({ sql })} AS rows`, values: [...values] }
  }
}

// The time is read when the locks are there.
function lockText(d: Dialect): string {
  const locked = `SELECT * FROM ${d.table('partitions')} WHERE "id" = ANY ($1::text[]) ORDER BY "id" = '', "id" FOR UPDATE`
  return `SELECT coalesce(json_agg(locked), '[]')::text AS partitions, (${SERVER_TIME})::text AS now FROM (${locked}) AS locked`
}

function lockHoldsText(d: Dialect): string {
  const partitions = d.table('partitions')
  const holds = `SELECT "id", "partition" FROM ${d.table('holds')} WHERE ${d.isIn('"id"', 2)}`
  return `WITH known AS (${holds}),
    locked AS (
      SELECT * FROM ${partitions} WHERE "id" = ANY ($1::text[]) OR "id" IN (SELECT "partition" FROM known)
      ORDER BY "id" = '', "id" FOR UPDATE)
    SELECT (SELECT coalesce(json_agg(locked), '[]')::text FROM locked) AS partitions,
      (SELECT coalesce(json_agg("id"), '[]')::text FROM known) AS known,
      (SELECT coalesce(json_agg(DISTINCT "partition"), '[]')::text FROM known) AS homes,
      (SELECT ${SERVER_TIME}::text FROM (SELECT count(*) FROM locked) AS after) AS now`
}

/** The store's time: what is given, or the server's, and that of its partitions where it is later. */
function momentText(d: Dialect): string {
  const latest = `SELECT max("now") FROM ${d.table('partitions')} WHERE ${d.isIn('"id"', 2)}`
  return `SELECT greatest(coalesce(${d.number(1)}, ${SERVER_TIME}), (${latest})) AS "now"`
}

/** Several queries as columns of one statement, each with its rows; what they have in common is one parameter. */
function together<Name extends string>(
  schema: string,
  queriesOf: (d: Dialect) => Readonly<Record<Name, Query>>,
  names: readonly Name[],
  before: readonly string[] = [],
): { readonly columns: string[]; readonly parameters: readonly string[] } {
  const parameters = [...before]
  const known = queriesOf(dialect(schema))
  const columns = names.map((name) => {
    const own = known[name].parameters
    for (const each of own) if (!parameters.includes(each)) parameters.push(each)
    // Now is what the statement finds it to be.
    const at = (n: number): string =>
      own[n - 1] === 'now' && before.length > 0
        ? '(SELECT "now" FROM moment)'
        : `$${parameters.indexOf(own[n - 1] as string) + 1}`
    return `${rowsOf(queriesOf(dialect(schema, at))[name])} AS "${name}"`
  })
  return { columns, parameters }
}

function rowsOf({ sql }: Pick<Query, 'sql'>): string {
  return `(SELECT coalesce(json_agg(found), '[]')::text FROM (${sql}) AS found)`
}

interface WritePart {
  readonly name: string
  readonly rows: keyof Changes
  readonly sql: (parameter: number) => string
}

/** What a step may write, each with the rows that it is given. */
function writeParts(d: Dialect): WritePart[] {
  const upserted = (Object.keys(TABLES) as MoneyTableName[]).map((rows) => ({
    name: `${rows}_written`,
    rows,
    sql: (n: number) => upsert(rows, d.table(rows), rowsFrom(d, rows, n)),
  }))
  const gone = (n: number): string => `DELETE FROM ${d.table('counters')} WHERE ("root", "prefix") IN (${d.pairs(n)})`
  const made = (n: number): string => insert('holds', d.table('holds'), rowsFrom(d, 'holds', n))
  return [
    ...upserted,
    { name: 'uncounted', rows: 'uncounted', sql: gone },
    { name: 'new_holds', rows: 'newHolds', sql: made },
  ]
}

function writeTasksText(d: Dialect): string {
  const names: TableName[] = [...(Object.keys(TASK_TABLES) as TaskTableName[]), 'partitions']
  const n = names.length
  const gone = [
    `gone_tasks AS (DELETE FROM ${d.table('tasks')} WHERE ("name", "principal") IN (${d.pairs(n + 1)}))`,
    `gone_keys AS (DELETE FROM ${d.table('attempt_keys')} WHERE ("principal", "key") IN (${d.pairs(n + 2)}))`,
    `gone_failures AS (DELETE FROM ${d.table('failures')} WHERE "operation" IN (
      SELECT json_array_elements_text($${n + 3}::json)))`,
  ]
  return `WITH ${[...upserts(d, names), ...gone].join(',\n')} SELECT 1 AS written`
}

function upserts(d: Dialect, names: readonly TableName[]): string[] {
  return names.map((name, i) => `${name}_written AS (${upsert(name, d.table(name), rowsFrom(d, name, i + 1))})`)
}

function rowsFrom(d: Dialect, name: TableName, parameter: number): string {
  const columns = columnsFrom(name, (column) => `"${column}"`)
  return `SELECT ${columns} FROM json_populate_recordset(NULL::${d.table(name)}, $${parameter}::json)`
}
