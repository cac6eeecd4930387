import { andThen, type MaybePromise } from '../core/maybe-promise.js'
import { assertKeys, misconfigured } from '../core/settings.js'
import { budgetId, type BudgetId } from '../budget/budget-id.js'
import { systemClock, type Clock } from '../core/clock.js'
import { CAVEAT_KEYS, writeCaveats, type Caveats } from './caveat-list.js'
import { caveatKinds } from './caveats/kinds.js'
import { checkedToken } from './checked-token.js'
import { KeyRing } from './key-ring.js'
import { mintMacaroon } from './macaroon.js'
import { toBase64url } from './base64url.js'
import { writeIdentifier } from './identifier.js'
import type { CaveatKind } from './caveat.js'

/** The longest life that is given without saying `'never'`. */
const DAY_SECONDS = 86_400

/** What a new token is to be. */
export interface MintOptions extends Omit<Caveats, 'exp'> {
  /** Who pays, by its id: `<tenant>/<name>`, or a bare name of tenant `default`. */
  readonly budget: BudgetId
  /** When the token ends, seconds since 1970, within 24 hours; or `'never'`, which leaves the caveat out. */
  readonly exp: number | 'never'
  /** Kinds of caveats of your own, for what stands in `own`. */
  readonly kinds?: readonly CaveatKind[]
  readonly clock?: Clock
}

/**
 * Mints a token on a budget. Without more it may call and ask for its balance, and must not delegate: `ops` is
 * `['call', 'balance']` and `depth` is 0 by default.
 *
 * The text is a secret: whoever has it spends the budget within its caveats.
 *
 * @throws BudgetError `invalid_config`, `invalid_budget_id`, `too_large`
 * @example
 * ```ts
 * const inOneHour = Math.floor(Date.now() / 1000) + 3600
 * const token = await mint(keys, { budget: 'acme/agent-1', exp: inOneHour, tool: ['web_*'], aud: 'gateway-1' })
 * ```
 */
export function mint(keys: KeyRing, options: MintOptions): MaybePromise<string> {
  if (!(keys instanceof KeyRing)) throw misconfigured('keys', 'a KeyRing', keys)
  assertKeys(options, ['budget', 'kinds', 'clock', ...CAVEAT_KEYS], 'options')
  const { budget, exp, kinds, clock = systemClock, ops = ['call', 'balance'], depth = 0, ...more } = options
  const [tenant = '', name = ''] = budgetId(budget).split('/')
  const issuedAt = Math.floor(clock.now() / 1_000)
  const ends = exp === 'never' ? {} : { exp: withinADay(exp, issuedAt) }
  const caveats = writeCaveats({ ...more, ...ends, ops, depth }, caveatKinds(kinds))
  const nonce = toBase64url(globalThis.crypto.getRandomValues(new Uint8Array(16)))
  const identifier = writeIdentifier({ kid: keys.kid, tenant, budget: name, issuedAt, nonce })
  return andThen(keys.keysOf(keys.kid, tenant), ({ root }) => checkedToken(mintMacaroon(root, identifier, caveats)))
}

function withinADay(exp: unknown, now: number): number {
  if (Number.isSafeInteger(exp) && (exp as number) > now && (exp as number) <= now + DAY_SECONDS) return exp as number
  throw misconfigured('exp', `seconds since 1970 from ${now + 1} to ${now + DAY_SECONDS}, or 'never'`, exp)
}
