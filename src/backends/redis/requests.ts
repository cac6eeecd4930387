import { assertCredits, type Credits } from '../../core/credits.js'
import { BudgetError, describeValue } from '../../core/errors.js'
import { budgetId } from '../../budget/budget-id.js'
import type { HoldLine, LineWindow } from '../../budget/enforcer.js'

const LONGEST_HOLD_MS = 86_400_000

/** @throws BudgetError `invalid_request` */
export function assertId(id: unknown, what: string): asserts id is string {
  if (typeof id === 'string' && id.length > 0 && id.length <= 128) return
  throw wrong(what, 'text of 1 to 128 characters', id)
}

/** @throws BudgetError `invalid_request` */
export function assertTtl(ttlMs: unknown): asserts ttlMs is number {
  if (Number.isSafeInteger(ttlMs) && (ttlMs as number) > 0 && (ttlMs as number) <= LONGEST_HOLD_MS) return
  throw wrong('ttlMs', `an integer from 1 to ${LONGEST_HOLD_MS}`, ttlMs)
}

/** @throws BudgetError `invalid_request` */
export function assertRound(round: unknown): asserts round is number | undefined {
  if (round === undefined || (Number.isSafeInteger(round) && (round as number) > 0)) return
  throw wrong('round', 'an integer from 1', round)
}

/** @throws BudgetError `invalid_credits`, for 0 too */
export function assertMoved(amount: unknown): asserts amount is Credits {
  assertCredits(amount, 'amount')
  if (amount > 0) return
  throw new BudgetError({ code: 'invalid_credits', message: 'Expected `amount` to be at least 1, got `0`' })
}

/**
 * The lines of a hold as the script takes them: `[budget, amount, unit, current, previous, next]`.
 *
 * @throws BudgetError `invalid_request`, `invalid_credits`, `invalid_budget_id`
 */
export function linesAsLists(lines: readonly HoldLine[]): unknown[][] {
  if (lines.length === 0) throw wrong('lines', 'at least one line', lines)
  const seen = new Set<string>()
  return lines.map(({ budget: name, amount, unit, window }) => {
    assertCredits(amount, 'amount')
    const budget = budgetId(name)
    if (seen.has(budget)) throw wrong('lines', 'each budget once', budget)
    seen.add(budget)
    const line = [budget, String(amount + 0), unit ?? false]
    return window === undefined ? [...line, false] : [...line, ...spansAsLists(window)]
  })
}

function spansAsLists(window: LineWindow): string[][] {
  const spans: unknown[] = [window.current, window.previous, window.next]
  return spans.map((span) => {
    const [from, till] = Array.isArray(span) ? (span as unknown[]) : []
    if (isTime(from) && isTime(till) && from < till) return [String(from), String(till)]
    throw wrong('window', '{ previous, current, next }, each [start, end) in ms', span)
  })
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function wrong(what: string, expected: string, value: unknown): BudgetError {
  return new BudgetError({
    code: 'invalid_request',
    message: `Expected \`${what}\` to be ${expected}, got ${describeValue(value)}`,
  })
}
