import { addQuery, Conditions, source, type LedgerTable, type Place } from './ledger-conditions.js'
import { columnsOf, namesOf, type Dialect } from './queries.js'
import type { CallBudgetRow } from './rows.js'
import type { LedgerQuery } from '../../ledger/ledger.js'

/** A query of a ledger with the values of its parameters. */
export interface LedgerSelect {
  readonly sql: string
  readonly columns: readonly string[]
  readonly values: ReadonlyArray<string | number>
}

/** How a query is made for a database. */
export type LedgerSelectOf = (d: Dialect) => LedgerSelect

const BALANCE = ['available', 'held', 'spent', 'debt', 'in', 'out', 'burned'] as const
const TOTALS = ['calls', 'refused', 'charged', 'reported'] as const
const TOTALS_SQL = `sum(r."calls") AS "calls", sum(CASE WHEN r."outcome" = 'refused' THEN r."calls" ELSE 0 END) AS "refused",
  sum(r."charged") AS "charged", sum(r."reported") AS "reported"`

/** Keys that attempts are grouped by. */
export const GROUPS = {
  operations: ['operation_id', 'payer'],
  tasks: ['task_id', 'payer', 'server'],
} as const

/** Rows of a ledger's table in order of time, those after a place, up to a limit. */
export function recordsQuery(
  table: LedgerTable,
  query: LedgerQuery,
  { after, limit }: { readonly after?: Place | undefined; readonly limit?: number } = {},
): LedgerSelectOf {
  return (d) => {
    const c = new Conditions(d)
    const { from, order } = source(c, d, table, query)
    addQuery(c, d, table, query)
    if (after !== undefined) addAfter(c, order, table, after)
    const columns = table === 'entries' ? namesOf('entries') : ['at', 'partition', 'seq', 'body']
    const names = columns.map((name) => `r."${name}"`).join(', ')
    const most = limit === undefined ? '' : `LIMIT ${c.value(limit)}`
    return {
      sql: `SELECT ${names} FROM ${from} ${c.where} ORDER BY ${order.join(', ')} ${most}`,
      columns,
      values: c.values,
    }
  }
}

// Of one time, money comes before calls.
function addAfter(c: Conditions, order: readonly string[], table: LedgerTable, place: Place): void {
  const [at, kind, partition, seq] = place
  const own = table === 'entries' ? 0 : 1
  if (own === kind) c.after(order.join(', '), [at, partition, seq])
  else c.add(`${order[0]} ${own > kind ? '>=' : '>'} ${c.value(at)}`)
}

/** The change of each budget. */
export function balancesQuery(query: LedgerQuery): LedgerSelectOf {
  return (d) => {
    const c = new Conditions(d)
    const { from } = source(c, d, 'entries', query)
    addQuery(c, d, 'entries', query)
    const sums = BALANCE.map((name) => `sum(r."${name}") AS "${name}"`).join(', ')
    const sql = `SELECT r."budget", ${sums} FROM ${from} ${c.where} GROUP BY r."budget"`
    return { sql, columns: ['budget', ...BALANCE], values: c.values }
  }
}

/** The sums of calls, by a column of theirs or by their budgets. */
export function totalsQuery(by: 'tool' | 'proves' | 'budget', query: LedgerQuery): LedgerSelectOf {
  return (d) => {
    const c = new Conditions(d)
    const { from } = source(c, d, 'calls', query)
    addQuery(c, d, 'calls', query)
    // It has a record of its end, which counts it.
    c.add(`r."outcome" <> 'begun'`)
    const all = `JOIN ${d.table('call_budgets')} g ON g."partition" = r."partition" AND g."seq" = r."seq" AND g."at" = r."at"`
    const key = by === 'budget' ? 'g."budget"' : `r."${by}"`
    const sql = `SELECT ${key} AS "key", ${TOTALS_SQL} FROM ${from} ${by === 'budget' ? all : ''} ${c.where} GROUP BY ${key}`
    return { sql, columns: ['key', ...TOTALS], values: c.values }
  }
}

/** The keys of groups of attempts that come after one, in their order, up to a limit. */
export function groupsQuery(
  group: keyof typeof GROUPS,
  query: LedgerQuery,
  { after, limit }: { readonly after: readonly string[] | undefined; readonly limit: number },
): LedgerSelectOf {
  return (d) => {
    const c = attempts(d, query)
    const columns = GROUPS[group]
    c.conditions.add(`r."${columns[0]}" IS NOT NULL`)
    const keys = columns.map((name) => `r."${name}"`).join(', ')
    if (after !== undefined) c.conditions.after(keys, after)
    const sql = `SELECT DISTINCT ${keys} FROM ${c.from} ${c.conditions.where} ORDER BY ${keys} LIMIT ${c.conditions.value(limit)}`
    return { sql, columns, values: c.conditions.values }
  }
}

/** All records of the charges that have one in groups from the first to the last, in order of time. */
export function attemptsQuery(
  group: keyof typeof GROUPS,
  query: LedgerQuery,
  [first, last]: readonly [readonly string[], readonly string[]],
): LedgerSelectOf {
  return (d) => {
    const { conditions: c, from, order } = attempts(d, query)
    const names = GROUPS[group]
    const bound = (sign: string, key: readonly string[]): string =>
      `(${names.map((name) => `"${name}"`).join(', ')}) ${sign} (${key.map((value) => c.value(value)).join(', ')})`
    // Only with that may an index be used that leaves out what has no group.
    const range = `"${names[0]}" IS NOT NULL AND ${bound('>=', first)} AND ${bound('<=', last)}`
    const charges = `SELECT "charge_id" FROM ${d.table('calls')} WHERE ${range}`
    c.add(`r."charge_id" IN (${charges})`)
    const sql = `SELECT r."body" FROM ${from} ${c.where} ORDER BY ${order.join(', ')}`
    return { sql, columns: ['body'], values: c.values }
  }
}

function attempts(d: Dialect, query: LedgerQuery) {
  const conditions = new Conditions(d)
  const { from, order } = source(conditions, d, 'calls', query)
  addQuery(conditions, d, 'calls', query)
  conditions.add(`r."operation_id" IS NOT NULL`, `r."outcome" NOT IN ('refused', 'begun')`)
  return { conditions, from, order }
}

/** The rows of a partition after a number. */
export function numberedQuery(
  table: LedgerTable,
  { partition, after, limit }: { readonly partition: string; readonly after: number; readonly limit: number },
): LedgerSelectOf {
  return (d) => {
    const c = new Conditions(d)
    c.add(`"partition" = ${c.value(partition)}`, `"seq" > ${c.value(after)}`)
    const sql = `SELECT ${columnsOf(table)} FROM ${d.table(table)} ${c.where} ORDER BY "seq" LIMIT ${c.value(limit)}`
    return { sql, columns: namesOf(table), values: c.values }
  }
}

/** So many budgets of calls are asked for at once. */
export const MOST_BUDGETS = 100

/** Which of these budgets of calls there are, up to {@link MOST_BUDGETS}. */
export function knownBudgetsQuery(rows: readonly CallBudgetRow[]): LedgerSelectOf {
  return (d) => {
    const c = new Conditions(d)
    const columns = namesOf('call_budgets')
    // Always as many, so that it is one statement.
    const keys = Array.from({ length: MOST_BUDGETS }, (_, i) => {
      const { budget, at, partition, seq } = rows[Math.min(i, rows.length - 1)] as CallBudgetRow
      return `(${[budget, at, partition, seq].map((value) => c.value(value)).join(', ')})`
    })
    const names = columns.map((name) => `b."${name}"`).join(', ')
    // One look into the key for each; a list would be held against all rows of a budget.
    const isOne = columns.map((name, i) => `b."${name}" = v.column${i + 1}`).join(' AND ')
    const from = `(VALUES ${keys.join(', ')}) AS v CROSS JOIN ${d.table('call_budgets')} b`
    const sql = `SELECT ${names} FROM ${from} WHERE ${isOne}`
    return { sql, columns, values: c.values }
  }
}

/** The partitions that have records. */
export function partitionsQuery(d: Dialect): LedgerSelect {
  const sql = `SELECT "id" FROM ${d.table('partitions')} WHERE "seq" > 0 OR "calls" > 0 ORDER BY "id"`
  return { sql, columns: ['id'], values: [] }
}
