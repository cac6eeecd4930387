import { budgetId } from '../budget/budget-id.js'
import { assertKeys, integer, misconfigured, oneOf } from '../core/settings.js'
import { BudgetError } from '../core/errors.js'
import type { LedgerQuery, PageRequest } from './ledger.js'

const TEXTS = ['partition', 'tenant', 'tokenId', 'tool', 'taskId', 'operationId', 'chargeId'] as const
const TIMES = ['since', 'until'] as const
const KEYS = ['kind', 'budget', ...TEXTS, ...TIMES]
const KINDS = ['money', 'call', 'calls'] as const
const ANY_TIME = { least: Number.MIN_SAFE_INTEGER, most: Number.MAX_SAFE_INTEGER, otherwise: 0 }

/** A query that was checked, and what a page is asked for beside it. */
export interface ReadPage {
  readonly query: LedgerQuery
  readonly cursor: string | undefined
  readonly limit: number
}

/**
 * Checks a query; the budget comes back by its full name.
 *
 * @throws BudgetError `invalid_config` for a key or a value that is none, `invalid_budget_id`
 */
export function readQuery(query: LedgerQuery = {}): LedgerQuery {
  assertKeys(query, KEYS, 'query')
  if (query.kind !== undefined) oneOf(query.kind, KINDS, 'query.kind')
  for (const key of TEXTS)
    if (query[key] !== undefined && typeof query[key] !== 'string')
      throw misconfigured(`query.${key}`, 'a text', query[key])
  for (const key of TIMES) integer(query[key], ANY_TIME, `query.${key}`)
  return query.budget === undefined ? query : { ...query, budget: budgetId(query.budget) }
}

/**
 * Checks what a page is asked for.
 *
 * @throws BudgetError `invalid_config`, `invalid_budget_id`
 */
export function readPage({ cursor, limit, ...query }: LedgerQuery & PageRequest = {}): ReadPage {
  const bounds = { least: 1, most: 10_000, otherwise: 1_000 }
  return { query: readQuery(query), cursor, limit: integer(limit, bounds, 'limit') }
}

/**
 * What a cursor says: as many texts and integers as `like` has, of the same types. Without a cursor: `undefined`.
 *
 * @throws BudgetError `invalid_config` for what no page has given
 */
export function readCursor<Position extends ReadonlyArray<string | number>>(
  cursor: string | undefined,
  like: Position,
): Position | undefined {
  if (cursor === undefined) return undefined
  try {
    const said: unknown = JSON.parse(cursor)
    const isLike = (value: unknown, i: number): boolean =>
      typeof value === typeof like[i] && (typeof value === 'string' || Number.isSafeInteger(value))
    if (Array.isArray(said) && said.length === like.length && said.every(isLike)) return said as unknown as Position
  } catch {
    // Said below.
  }
  throw misconfigured('cursor', 'the `next` of the page before', cursor)
}

/** Records that a cursor has not passed were folded away: what comes now would look like all of them. */
export function foldedMeanwhile(): BudgetError {
  const message = 'Expected all records from a cursor on, got some folded: begin anew'
  return new BudgetError({ code: 'ledger_gap', message })
}

/** Whether a text is how the id of a token is shown to people: its first twelve characters. */
export function isShortId(id: string): boolean {
  return id.length === 12
}
