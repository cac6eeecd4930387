import { assertKeys, credits, integer, misconfigured, oneOf } from '../core/settings.js'
import { BudgetEvents } from '../core/events.js'
import { canDelegate, type DelegatingEnforcer } from '../budget/enforcer.js'
import { systemClock, type Clock } from '../core/clock.js'
import type { Credits } from '../core/credits.js'
import type { MaybePromise } from '../core/maybe-promise.js'
import type { ToolCall } from '../core/call.js'
import type { TokenVerifierOptions } from './verifier-options.js'

/** A delegation that is asked for: `amount` credits out of the budget `parent`, by the token `tokenId`. */
export interface WantedDelegation {
  readonly tokenId: string
  readonly parent: string
  readonly amount: Credits
  readonly label: string | undefined
}

/** Settings of `withDelegation` at a seat that takes tokens. */
export interface TokenAuthOptions extends Omit<TokenVerifierOptions, 'clock'> {
  /**
   * Where a token is looked for: in `_meta` and in the header `mcp-budget-token` (`meta`, the default), or in
   * `Authorization: Bearer` as well (`header`).
   */
  readonly auth?: 'meta' | 'header'
  /**
   * The store of `withBudget`. With it the holder of a token may delegate, close and revoke, as far as its `ops` say so;
   * without it those methods do not exist.
   */
  readonly enforcer?: DelegatingEnforcer
  /** What this gateway is called: a token with `aud` must name one of these. None by default. */
  readonly audiences?: readonly string[]
  /** Whom the caller was authenticated as, apart from the token: a token of another tenant is refused, and every token where that is nobody. */
  readonly tenant?: string | ((call: ToolCall) => string | undefined)
  /** The SHA-256 of the key that the caller has proved to have, 43 characters of base64url, for tokens with `cnf`. */
  readonly keyHash?: (call: ToolCall) => string | undefined
  /** By how much this machine's clock may be wrong: 30,000 ms by default, 300,000 at most. */
  readonly skewMs?: number
  /** Asked before more than `approveAbove` is delegated; anything but `true`, or a throw, refuses. */
  readonly approve?: (wanted: WantedDelegation) => MaybePromise<boolean>
  /** Delegations up to this amount need no approval: 0 by default. */
  readonly approveAbove?: Credits
  /** Say nothing of what is left of the budget that is delegated from; `false` by default. */
  readonly hideBalance?: boolean
  /** How long the store may take to delegate, close or revoke: 250 ms by default, then one retry with the same id. */
  readonly storeTimeoutMs?: number
  /** Hears `refused`, `delegated`, `closed`, `revoked` and `fault`. */
  readonly events?: BudgetEvents
  readonly clock?: Clock
}

/** The settings with their defaults. */
export interface TokenAuthSettings {
  readonly header: boolean
  readonly verifier: TokenVerifierOptions
  readonly enforcer: DelegatingEnforcer | undefined
  readonly audiences: readonly string[]
  readonly tenant: (call: ToolCall) => string | undefined
  readonly keyHash: (call: ToolCall) => string | undefined
  readonly skewMs: number
  readonly approve: TokenAuthOptions['approve']
  readonly approveAbove: Credits
  readonly hideBalance: boolean
  readonly storeTimeoutMs: number
  readonly events: BudgetEvents
  readonly clock: Clock
}

const OWN = [
  'auth',
  'enforcer',
  'audiences',
  'tenant',
  'keyHash',
  'skewMs',
  'approve',
  'approveAbove',
  'hideBalance',
  'storeTimeoutMs',
  'events',
  'clock',
]
const OF_VERIFIER = ['keys', 'limits', 'strictLocation', 'kinds', 'remember']

/** @throws BudgetError `invalid_config`, `invalid_credits` */
export function tokenAuthSettings(options: TokenAuthOptions): TokenAuthSettings {
  assertKeys(options, [...OWN, ...OF_VERIFIER], 'options')
  const { auth, enforcer, audiences = [], tenant, keyHash, approve, events, clock = systemClock } = options
  const isName = (name: unknown): boolean => typeof name === 'string' && name !== ''
  if (!Array.isArray(audiences) || !audiences.every(isName))
    throw misconfigured('audiences', 'a list of names', audiences)
  if (enforcer !== undefined && !(typeof enforcer === 'object' && canDelegate(enforcer)))
    throw misconfigured('enforcer', 'a store that judges tokens, with `revoke`', enforcer)
  if (tenant !== undefined && !isName(tenant)) assertFunction(tenant, 'tenant')
  if (keyHash !== undefined) assertFunction(keyHash, 'keyHash')
  if (approve !== undefined || options.approveAbove !== undefined) assertFunction(approve, 'approve')
  const { keys, limits, strictLocation, kinds, remember } = options
  const verifier = { keys, limits, strictLocation, kinds, remember }
  return {
    header: oneOf(auth, ['meta', 'header'], 'auth') === 'header',
    verifier: Object.fromEntries(
      Object.entries(verifier).filter(([, value]) => value !== undefined),
    ) as unknown as TokenVerifierOptions,
    enforcer,
    audiences,
    // One that nobody knows is nobody's: no token is good for it.
    tenant: typeof tenant === 'function' ? (call) => tenant(call) ?? '' : () => tenant,
    keyHash: keyHash ?? (() => undefined),
    skewMs: integer(options.skewMs, { least: 0, most: 300_000, otherwise: 30_000 }, 'skewMs'),
    approve,
    approveAbove: credits(options.approveAbove ?? 0, 'approveAbove'),
    hideBalance: oneOf(options.hideBalance, [false, true], 'hideBalance'),
    storeTimeoutMs: integer(options.storeTimeoutMs, { least: 1, most: 86_400_000, otherwise: 250 }, 'storeTimeoutMs'),
    events: events ?? new BudgetEvents(),
    clock,
  }
}

function assertFunction(value: unknown, path: string): void {
  if (typeof value !== 'function') throw misconfigured(path, 'a function', value)
}
