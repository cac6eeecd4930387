import { budgetId, type BudgetId } from '../../budget/budget-id.js'
import { BudgetError, describeValue } from '../../core/errors.js'
import { isCredits } from '../../core/credits.js'
import { assertKeys, integer, invalid, isCount, misconfigured } from '../../core/settings.js'
import type { Authority, PrefixLimit, Registration } from '../../budget/authority.js'
import type { NewBudget, RevokeRequest } from '../../budget/moves.js'

/** A NUL, or half a character: not every database can keep it. */
const NO_TEXT = /[\0\p{Surrogate}]/u
const CAPS = ['depth', 'children', 'amount'] as const

/** @throws BudgetError `invalid_config` for what no budget can be created with */
export function assertNewBudget(create: boolean | NewBudget): void {
  if (typeof create === 'boolean') return
  assertKeys(create, ['registration', 'expiresAt', 'caps'], 'create')
  const { registration, expiresAt, caps = {} } = create
  if (!isId(registration)) throw misconfigured('create.registration', 'the id of a prefix', registration)
  assertWhole(expiresAt, 'create.expiresAt')
  assertKeys(caps, CAPS, 'create.caps')
  for (const key of CAPS) assertWhole(caps[key], `create.caps.${key}`)
}

/** What makes a new budget the same as another. */
export function newBudgetKey(create: boolean | NewBudget): unknown {
  if (typeof create === 'boolean') return create
  const { registration, expiresAt, caps: { depth, children, amount } = {} } = create
  return [registration, expiresAt, depth, children, amount]
}

/** What is revoked, as one text. @throws BudgetError `invalid_request` where that is not exactly one thing */
export function assertRevoked(request: RevokeRequest): string {
  assertWhole(request.until, 'until')
  const named = (['prefixId', 'nonce', 'issuedBefore'] as const).filter((key) => Object.hasOwn(request, key))
  const [key] = named
  const value: unknown = key && (request as Partial<Record<typeof key, unknown>>)[key]
  const isOne = named.length === 1 && (key === 'issuedBefore' ? isCredits(value) : isId(value))
  if (isOne) return `${key}=${value as string}`
  throw new BudgetError({
    code: 'invalid_request',
    message: `Expected one of \`prefixId\`, \`nonce\` and \`issuedBefore\`, got ${named.length === 1 ? describeValue(value) : named.length}`,
  })
}

// One authority serves many calls, and may be long.
const whole = new WeakSet<Authority>()

/** What is left out, or is none, would not be judged. @throws BudgetError `invalid_request`, `invalid_budget_id` */
export function assertAuthority(authority: Authority | undefined): void {
  if (authority === undefined || whole.has(authority)) return
  const { budget: own, registrations, prefixIds, nonce, issuedAt, ceilings, calls, rates } = authority
  const lists: ReadonlyArray<readonly [unknown, (each: never) => boolean]> = [
    [registrations, ({ prefixId, budget, parent }: Registration) => isId(prefixId) && [budget, parent].every(isName)],
    [prefixIds, isId],
    [ceilings, isLimit],
    [calls, isLimit],
    [
      rates,
      ({ prefixId, calls: n, seconds }: Authority['rates'][number]) => isId(prefixId) && [n, seconds].every(isSome),
    ],
  ]
  const isWhole = lists.every(
    ([list, isOne]) => Array.isArray(list) && Array.from(list).every((each) => isOne(each as never)),
  )
  if (isWhole && isName(own) && prefixIds.length > 0 && isId(nonce) && isCredits(issuedAt)) {
    whole.add(authority)
    return
  }
  throw invalid('authority', 'as `clear` gives it, with each of its keys', authority)
}

function isLimit({ prefixId, limit }: PrefixLimit): boolean {
  return isId(prefixId) && isCredits(limit)
}

function assertWhole(value: unknown, path: string): void {
  integer(value, { least: 0, most: Number.MAX_SAFE_INTEGER, otherwise: 0 }, path)
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= 128 && !NO_TEXT.test(value)
}

// Throws what every verb throws for a name that is none.
function isName(value: BudgetId): boolean {
  return budgetId(value) !== ''
}

function isSome(value: unknown): boolean {
  return isCount(value, 1)
}
