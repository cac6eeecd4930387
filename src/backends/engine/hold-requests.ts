import { assertAuthority } from './delegation-requests.js'
import { assertCredits, type Credits } from '../../core/credits.js'
import { BudgetError } from '../../core/errors.js'
import { budgetId } from '../../budget/budget-id.js'
import { invalid, isCount } from '../../core/settings.js'
import type {
  CaptureRequest,
  ExtendRequest,
  HoldLine,
  HoldMeta,
  HoldRequest,
  LineWindow,
  ReleaseRequest,
  SpendRequest,
} from '../../budget/enforcer.js'
import type { OnExpire, Overage } from '../../budget/hold.js'

const LONGEST_HOLD_MS = 86_400_000
const ON_EXPIRE: readonly OnExpire[] = ['capture', 'release']
const OVERAGE: readonly Overage[] = ['cap', 'debt']

/** @throws BudgetError `invalid_request` */
export function assertId(id: unknown, what: string): asserts id is string {
  assert(typeof id === 'string' && id.length > 0 && id.length <= 128, what, 'text of 1 to 128 characters', id)
}

/** @throws BudgetError `invalid_request`, `invalid_credits` */
export function assertSpend({ chargeId, tool, cost }: SpendRequest): void {
  assertCredits(cost, 'cost')
  assertId(chargeId, 'chargeId')
  assertText(tool, 'tool')
}

/** @throws BudgetError `invalid_credits`, for 0 too */
export function assertMoved(amount: unknown): asserts amount is Credits {
  assertCredits(amount, 'amount')
  if (amount > 0) return
  throw new BudgetError({ code: 'invalid_credits', message: 'Expected `amount` to be at least 1, got `0`' })
}

/** @throws BudgetError `invalid_request`, `invalid_credits`, `invalid_budget_id` */
export function assertHold({ id, ttlMs, onExpire, overdraft, lines, meta, authority }: HoldRequest): void {
  assertId(id, 'id')
  assertTtl(ttlMs)
  assertOnExpire(onExpire)
  assert(overdraft === undefined || typeof overdraft === 'boolean', 'overdraft', 'a boolean', overdraft)
  assertLines(lines)
  assertMeta(meta)
  assertAuthority(authority)
}

/** @throws BudgetError `invalid_request`, `invalid_credits`, `invalid_budget_id` */
export function assertCapture({ id, holdId, amount, overage, lines, meta }: CaptureRequest): void {
  assertEnd(id, holdId)
  assertCredits(amount, 'amount')
  assert(OVERAGE.includes(overage), 'overage', '"cap" or "debt"', overage)
  if (lines !== undefined) assertLines(lines)
  assertMeta(meta)
}

/** @throws BudgetError `invalid_request` */
export function assertRelease({ id, holdId }: ReleaseRequest): void {
  assertEnd(id, holdId)
}

/** @throws BudgetError `invalid_request`, `invalid_credits`, `invalid_budget_id` */
export function assertExtend({ id, holdId, ttlMs, round, onExpire, lines }: ExtendRequest): void {
  assertEnd(id, holdId)
  assertTtl(ttlMs)
  assert(round === undefined || isCount(round, 1), 'round', 'an integer from 1', round)
  if (onExpire !== undefined) assertOnExpire(onExpire)
  if (lines !== undefined) assertLines(lines)
}

/** @throws BudgetError `invalid_request` */
export function assertEnd(id: unknown, holdId: unknown): void {
  assertId(id, 'id')
  assertId(holdId, 'holdId')
}

/** @throws BudgetError `invalid_request` */
export function assertTtl(ttlMs: unknown): void {
  const isTtl = isCount(ttlMs, 1) && ttlMs <= LONGEST_HOLD_MS
  assert(isTtl, 'ttlMs', `an integer from 1 to ${LONGEST_HOLD_MS}`, ttlMs)
}

function assertOnExpire(onExpire: OnExpire): void {
  assert(ON_EXPIRE.includes(onExpire), 'onExpire', '"capture" or "release"', onExpire)
}

function assertLines(lines: readonly HoldLine[]): void {
  assert(Array.isArray(lines) && lines.length > 0, 'lines', 'a list of at least one line', lines)
  const ids = lines.map(({ budget, amount, unit, window }) => {
    assertCredits(amount, 'amount')
    if (unit !== undefined) assertText(unit, 'unit')
    if (window !== undefined) assertWindow(window)
    return budgetId(budget)
  })
  const isOnce = ids.length === 1 || new Set(ids).size === ids.length
  assert(isOnce, 'lines', 'each of another budget', lines)
}

function assertMeta(meta: HoldMeta | undefined): void {
  if (meta === undefined) return
  assertText(meta.tool, 'meta.tool')
  if (meta.server !== undefined) assertText(meta.server, 'meta.server')
}

function assertText(text: unknown, what: string): void {
  assert(typeof text === 'string', what, 'text', text)
}

function assertWindow({ previous, current, next }: LineWindow): void {
  for (const span of [previous, current, next] as readonly unknown[]) {
    const [from, till] = Array.isArray(span) ? (span as unknown[]) : []
    const isSpan = isCount(from, 0) && isCount(till, 0) && from < till
    assert(isSpan, 'window', '{ previous, current, next }, each [start, end) in ms', span)
  }
}

function assert(isSo: boolean, what: string, expected: string, value: unknown): void {
  if (!isSo) throw invalid(what, expected, value)
}
