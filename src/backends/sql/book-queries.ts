import { Conditions } from './ledger-conditions.js'
import { columnsOf, namesOf } from './queries.js'
import type { BookEnd } from '../../ledger/books.js'
import type { BudgetRow, CallBudgetRow, HoldRow } from './rows.js'
import type { LedgerSelectOf } from './ledger-queries.js'

/** A budget, with how many are open below it. */
export type BudgetBookRow = BudgetRow & BookEnd & { readonly found_children: number }

/** A hold; without an id where a partition has none of those that were asked for. */
export type HoldBookRow = BookEnd & { readonly [Column in keyof HoldRow]: HoldRow[Column] | null }

/** What finds a call by a budget, and the record of the call, where there is one. */
export type StrayRow = CallBudgetRow & { readonly call_at: number | null; readonly body: string | null }

/** A budget, and the partition that it is in: where a page of budgets ends. */
export type BudgetPlace = readonly [budget: string, partition: string]

/** So many holds are looked up at once. */
export const MOST_HOLDS = 100

const END = `coalesce(p."seq", 0) AS "money", coalesce(p."calls", 0) AS "call"`
const END_NAMES = ['money', 'call'] as const
const HOLDS = namesOf('holds')
  .map((name) => `h."${name}"`)
  .join(', ')

/** Budgets by their ids, those after one. */
export function budgetBookQuery(after: string, limit: number): LedgerSelectOf {
  return (d) => {
    const c = new Conditions(d)
    c.add(`b."id" > ${c.value(after)}`)
    const [budgets, names] = [d.table('budgets'), namesOf('budgets').map((name) => `b."${name}"`)]
    const below = `SELECT count(*) FROM ${budgets} c WHERE c."parent" = b."id" AND c."state" <> 'closed'`
    const sql = `SELECT ${names.join(', ')}, ${END}, (${below}) AS "found_children"
      FROM ${budgets} b LEFT JOIN ${d.table('partitions')} p ON p."id" = b."partition" ${c.where}
      ORDER BY b."id" LIMIT ${c.value(limit)}`
    return { sql, columns: [...namesOf('budgets'), ...END_NAMES, 'found_children'], values: c.values }
  }
}

/**
 * Forfeited leases that may still be reconciled, on a page of budgets: they are remembered from a week after their end
 * on, and nothing else is from a time to come. Those of a partition that goes on from one page to the next are parted by
 * their text, which begins with the budget: so each is on a page, whatever somebody has made of that text.
 */
export function forfeitedBookQuery(after: BudgetPlace | undefined, last: BudgetPlace | undefined): LedgerSelectOf {
  return (d) => {
    const c = new Conditions(d)
    const body = d.bytes('h."body"')
    // What comes after all that begins with the budget: no name has a sign that is less than a quotation mark.
    const end = (budget: string): string => c.value(`{"lines":[["${budget}"~`)
    if (after !== undefined) c.add(`(p."id" <> ${c.value(after[1])} OR ${body} > ${end(after[0])})`)
    if (last !== undefined) c.add(`(p."id" <> ${c.value(last[1])} OR ${body} <= ${end(last[0])})`)
    const upTo = last === undefined ? '' : ` AND "id" <= ${c.value(last[0])}`
    const range = `"id" >= ${c.value(after?.[0] ?? '')}${upTo}`
    c.add(`p."id" IN (SELECT "partition" FROM ${d.table('budgets')} WHERE ${range})`)
    c.add(`h."ended_at" > p."now"`, `h."state" = 'expired'`)
    const join = `JOIN ${d.table('holds')} h ON h."partition" = p."id"`
    const sql = `SELECT ${HOLDS}, ${END} FROM ${d.table('partitions')} p ${join} ${c.where}`
    return { sql, columns: [...namesOf('holds'), ...END_NAMES], values: c.values }
  }
}

/** Open holds, by their partitions and deadlines. */
export function openHoldsQuery(
  after: readonly [partition: string, deadline: number, id: string],
  limit: number,
): LedgerSelectOf {
  return (d) => {
    const c = new Conditions(d)
    c.add(`h."state" = 'open'`)
    const order = `h."partition", h."deadline", h."id"`
    c.after(order, after)
    const sql = `SELECT ${HOLDS}, ${END} FROM ${d.table('holds')} h
      LEFT JOIN ${d.table('partitions')} p ON p."id" = h."partition" ${c.where} ORDER BY ${order} LIMIT ${c.value(limit)}`
    return { sql, columns: [...namesOf('holds'), ...END_NAMES], values: c.values }
  }
}

/** Holds of a partition by at most {@link MOST_HOLDS} ids: a row at least, if there is such a partition. */
export function holdsByIdQuery(partition: string, ids: readonly string[]): LedgerSelectOf {
  return (d) => {
    const c = new Conditions(d)
    // Always as many, so that it is one statement.
    const list = Array.from({ length: MOST_HOLDS }, (_, i) => c.value(ids[i] ?? ids[0] ?? ''))
    const join = `h."partition" = p."id" AND h."id" IN (${list.join(', ')})`
    c.add(`p."id" = ${c.value(partition)}`)
    const sql = `SELECT ${HOLDS}, ${END} FROM ${d.table('partitions')} p LEFT JOIN ${d.table('holds')} h ON ${join} ${c.where}`
    return { sql, columns: [...namesOf('holds'), ...END_NAMES], values: c.values }
  }
}

/** What finds calls by their budgets, in the order of its key, each with the record that it finds. */
export function straysQuery(
  after: readonly [budget: string, at: number, partition: string, seq: number],
  limit: number,
): LedgerSelectOf {
  return (d) => {
    const c = new Conditions(d)
    const columns = columnsOf('call_budgets')
    c.after(columns, after)
    const some = `SELECT ${columns} FROM ${d.table('call_budgets')} ${c.where} ORDER BY ${columns} LIMIT ${c.value(limit)}`
    const names = namesOf('call_budgets').map((name) => `b."${name}"`)
    const sql = `SELECT ${names.join(', ')}, c."at" AS "call_at", c."body" FROM (${some}) b
      LEFT JOIN ${d.table('calls')} c ON c."partition" = b."partition" AND c."seq" = b."seq" ORDER BY ${names.join(', ')}`
    return { sql, columns: [...namesOf('call_budgets'), 'call_at', 'body'], values: c.values }
  }
}
