import {
  columnsOf,
  firstQueries,
  forgetQueries,
  insert,
  restQueries,
  upsert,
  type Dialect,
  type Query,
  type TableName,
} from '../sql/queries.js'
import { addSeal, SEAL_COLUMNS } from '../sql/sql-seals.js'
import { TABLES } from '../sql/rows.js'
import { TASK_TABLES, type TaskTableName } from '../sql/task-rows.js'
import { taskQueries } from '../sql/task-queries.js'
import type { LedgerSelectOf } from '../sql/ledger-queries.js'

/** A statement, and the names of what its values are made of. */
export interface Prepared {
  readonly name: string
  readonly text: string
  readonly parameters: readonly string[]
}

/** A dialect whose parameters are counted on from `before`: several queries are one statement. */
export function dialect(schema: string, before = 0): Dialect {
  return {
    texts: (n) => `SELECT unnest($${before + n}::text[])`,
    isIn: (column, n) => `${column} = ANY ($${before + n}::text[])`,
    pairs: (n) => `SELECT pair ->> 0, pair ->> 1 FROM jsonb_array_elements($${before + n}::jsonb) AS pair`,
    number: (n) => `$${before + n}::bigint`,
    text: (n) => `$${before + n}::text`,
    table: (name) => `${schema}.${name}`,
  }
}

/** All statements of the store. Each reads or writes rows as JSON, so that no setting of a driver changes a number. */
export class Statements {
  readonly lock: Prepared
  readonly partitions: Prepared
  readonly forgetHolds: Prepared
  readonly forgetRest: readonly Prepared[]
  readonly forgetBans: Prepared
  readonly first: Prepared
  readonly rest: Prepared
  readonly write: Prepared
  readonly tasks: Prepared
  readonly addSeal: Prepared
  readonly writeTasks: Prepared
  readonly #schema: string

  constructor(schema: string) {
    this.#schema = schema
    const d = dialect(schema)
    const named = (name: string, text: string, parameters: readonly string[]): Prepared => ({
      name: `mcp-budget ${schema} ${name}`,
      text,
      parameters,
    })
    this.lock = named('lock', lockText(d), ['partitions', 'holds'])
    const made = `INSERT INTO ${d.table('partitions')} (${columnsOf('partitions')}) SELECT "id", 0, 0, 0, 0, 0 FROM unnest($1::text[]) AS "id"`
    this.partitions = named('partitions', `${made} ON CONFLICT ("id") DO NOTHING`, ['partitions'])
    const { holds, rest } = forgetQueries(d, 'FOR UPDATE SKIP LOCKED')
    this.forgetHolds = named('forget holds', holds.sql, holds.parameters)
    this.forgetRest = rest.map(({ sql, parameters }, i) => named(`forget ${i}`, sql, parameters))
    const bans = `DELETE FROM ${d.table('bans')} WHERE ${d.isIn('"partition"', 1)} AND "value" <= $2::bigint`
    this.forgetBans = named('forget bans', `${bans} AND "kind" <> 'cutoffs'`, ['partitions', 'before'])
    this.first = { ...together(schema, firstQueries), name: `mcp-budget ${schema} first` }
    this.rest = { ...together(schema, restQueries), name: `mcp-budget ${schema} rest` }
    this.write = named('write', writeText(d), [...(Object.keys(TABLES) as TableName[]), 'uncounted', 'newHolds'])
    this.addSeal = named(
      'add seal',
      addSeal(d.table('seals'), (n) => `$${n}`),
      SEAL_COLUMNS,
    )
    this.tasks = { ...together(schema, taskQueries), name: `mcp-budget ${schema} tasks` }
    const gone = ['goneTasks', 'goneKeys', 'goneFailures']
    this.writeTasks = named('write tasks', writeTasksText(d), [...Object.keys(TASK_TABLES), 'partitions', ...gone])
  }

  /** What reads a ledger. It has no name, so that it is planned for what it is asked. */
  ledger(of: LedgerSelectOf): { readonly text: string; readonly values: Array<string | number> } {
    const { sql, values } = of(dialect(this.#schema))
    return { text: `SELECT ${rowsOf({ sql })} AS rows`, values: [...values] }
  }
}

function lockText(d: Dialect): string {
  const partitions = d.table('partitions')
  const holds = `SELECT "id", "partition" FROM ${d.table('holds')} WHERE ${d.isIn('"id"', 2)}`
  // The time is read when the locks are there.
  return `WITH known AS (${holds}),
    locked AS (
      SELECT * FROM ${partitions} WHERE "id" = ANY ($1::text[]) OR "id" IN (SELECT "partition" FROM known)
      ORDER BY "id" = '', "id" FOR UPDATE)
    SELECT (SELECT coalesce(json_agg(locked), '[]')::text FROM locked) AS partitions,
      (SELECT coalesce(json_agg("id"), '[]')::text FROM known) AS known,
      (SELECT coalesce(json_agg(DISTINCT "partition"), '[]')::text FROM known) AS homes,
      (SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::text FROM (SELECT count(*) FROM locked) AS after) AS now`
}

/** Several queries as one statement: a column for each, with its rows. */
function together<Name extends string>(
  schema: string,
  queriesOf: (d: Dialect) => Readonly<Record<Name, Query>>,
): Omit<Prepared, 'name'> {
  const names = Object.keys(queriesOf(dialect(schema))) as Name[]
  const parameters: string[] = []
  const columns = names.map((name) => {
    const query = queriesOf(dialect(schema, parameters.length))[name]
    parameters.push(...query.parameters)
    return `${rowsOf(query)} AS "${name}"`
  })
  return { text: `SELECT ${columns.join(',\n')}`, parameters }
}

function rowsOf({ sql }: Pick<Query, 'sql'>): string {
  return `(SELECT coalesce(json_agg(found), '[]')::text FROM (${sql}) AS found)`
}

/** All that a step writes, as one statement. */
function writeText(d: Dialect): string {
  const names = Object.keys(TABLES) as TableName[]
  const writes = upserts(d, names)
  const made = `new_holds AS (${insert('holds', d.table('holds'), rowsFrom(d, 'holds', names.length + 2))})`
  const pairs = d.pairs(names.length + 1)
  const gone = `uncounted AS (DELETE FROM ${d.table('counters')} WHERE ("root", "prefix") IN (${pairs}))`
  return `WITH ${[...writes, gone, made].join(',\n')} SELECT 1`
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
  return `WITH ${[...upserts(d, names), ...gone].join(',\n')} SELECT 1`
}

function upserts(d: Dialect, names: readonly TableName[]): string[] {
  return names.map((name, i) => `${name}_written AS (${upsert(name, d.table(name), rowsFrom(d, name, i + 1))})`)
}

function rowsFrom(d: Dialect, name: TableName, parameter: number): string {
  return `SELECT ${columnsOf(name)} FROM json_populate_recordset(NULL::${d.table(name)}, $${parameter}::json)`
}
