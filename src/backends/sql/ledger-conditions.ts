import { isShortId } from '../../ledger/read-query.js'
import type { Dialect } from './queries.js'
import type { LedgerQuery } from '../../ledger/ledger.js'

/** Where a record stands in a ledger; `kind` is 0 for money, 1 for calls. */
export type Place = readonly [at: number, kind: number, partition: string, seq: number]

/** The two tables of a ledger. */
export type LedgerTable = 'entries' | 'calls'

/** Conditions of SQL, and the values of their parameters. */
export class Conditions {
  readonly values: Array<string | number> = []
  readonly #d: Dialect
  readonly #conditions: string[] = []

  constructor(d: Dialect) {
    this.#d = d
  }

  get where(): string {
    return this.#conditions.length === 0 ? '' : `WHERE ${this.#conditions.join(' AND ')}`
  }

  /** A value, as a parameter. */
  value(value: string | number): string {
    const n = this.values.push(value)
    return typeof value === 'number' ? this.#d.number(n) : this.#d.text(n)
  }

  add(...conditions: readonly string[]): void {
    this.#conditions.push(...conditions)
  }

  /** What comes after values, in the order of columns. */
  after(columns: string, values: ReadonlyArray<string | number>, sign = '>'): void {
    this.add(`(${columns}) ${sign} (${values.map((value) => this.value(value)).join(', ')})`)
  }
}

const OF_A_CALL = { tokenId: 'token_id', taskId: 'task_id', operationId: 'operation_id' } as const

/** Adds what a query asks of the rows of a table, whose texts are as they are kept. */
export function addQuery(c: Conditions, d: Dialect, table: LedgerTable, query: LedgerQuery): void {
  const equal = (column: string, value: string | undefined): void =>
    value === undefined ? undefined : c.add(`r."${column}" = ${c.value(value)}`)
  const { kind, since, until } = query
  equal('partition', query.partition)
  equal('tool', query.tool)
  const id = table === 'entries' ? 'id' : 'charge_id'
  equal(id, query.chargeId)
  for (const [key, column] of Object.entries(OF_A_CALL)) {
    const value = query[key as keyof typeof OF_A_CALL]
    if (value === undefined) continue
    // `~` comes after each character of an id.
    const begins = (): string => `"${column}" >= ${c.value(value)} AND "${column}" < ${c.value(`${value}~`)}`
    const is = key === 'tokenId' && isShortId(value) ? begins() : `"${column}" = ${c.value(value)}`
    const named = `SELECT "charge_id" FROM ${d.table('calls')} WHERE ${is}`
    c.add(`r."${id}" IN (${named})`)
  }
  if (table === 'calls' && kind !== undefined) c.add(`r."charge_id" IS ${kind === 'call' ? 'NOT NULL' : 'NULL'}`)
  if (since !== undefined) c.add(`r."at" >= ${c.value(since)}`)
  if (until !== undefined) c.add(`r."at" < ${c.value(until)}`)
  // What was folded away is neither before nor after any time.
  if (since !== undefined || until !== undefined) c.add(`r."at" >= 0`)
}

/**
 * The rows of a table that a query is about, before its other conditions: by a budget they are found, and put in order,
 * by an index.
 *
 * @returns SQL for FROM, and the columns of the order of time
 */
export function source(
  c: Conditions,
  d: Dialect,
  table: LedgerTable,
  { budget, tenant }: LedgerQuery,
): { readonly from: string; readonly order: readonly string[] } {
  const [rows, budgets] = [d.table(table), d.table('call_budgets')]
  const isOfTenant = (column: string, name: string): string =>
    // `0` comes after `/`, and nothing is between them.
    `${column} >= ${c.value(`${name}/`)} AND ${column} < ${c.value(`${name}0`)}`
  const order = (alias: string): readonly string[] => ['at', 'partition', 'seq'].map((name) => `${alias}."${name}"`)
  const plain = { from: `${rows} r`, order: order('r') }
  if (table === 'entries') {
    if (budget !== undefined) c.add(`r."budget" = ${c.value(budget)}`)
    if (tenant !== undefined) c.add(isOfTenant('r."budget"', tenant))
    return plain
  }
  if (tenant !== undefined) {
    const keys = `SELECT "partition", "seq" FROM ${budgets} WHERE ${isOfTenant('"budget"', tenant)}`
    c.add(`(r."partition", r."seq") IN (${keys})`)
  }
  if (budget === undefined) return plain
  c.add(`b."budget" = ${c.value(budget)}`)
  const join = `r."partition" = b."partition" AND r."seq" = b."seq"`
  return { from: `${budgets} b JOIN ${rows} r ON ${join}`, order: order('b') }
}
