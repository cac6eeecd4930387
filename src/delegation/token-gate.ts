import { crypto } from '#crypto'
import { andThen, type MaybePromise } from '../core/maybe-promise.js'
import { BoundedMap } from './bounded-map.js'
import { BudgetError } from '../core/errors.js'
import { clearSome } from './clear.js'
import { isRefusal, refuse, type Refusal } from '../core/refusal.js'
import { PresentedAuth } from '../core/auth.js'
import { presentedToken } from './presented.js'
import { forbids, refusalOfToken, unauthorized } from './refusal.js'
import { arg } from './caveats/arg.js'
import { deny } from './caveats/deny.js'
import { tool } from './caveats/tool.js'
import { sid } from './caveats/sid.js'
import { SteadyClock } from './steady-clock.js'
import { toBase64url } from './base64url.js'
import { TokenVerifier } from './token-verifier.js'
import type { CaveatKind } from './caveat.js'
import type { Authority } from '../budget/authority.js'
import type { ClearRequest, TokenOp } from './request.js'
import type { Principal } from '../budget/principal.js'
import type { ToolCall } from '../core/call.js'
import type { TokenAuthSettings } from './options.js'
import type { VerifiedToken } from './verified-token.js'

/** Whose token it is, proved and cleared for one request. */
export interface Identity {
  readonly token: VerifiedToken
  readonly principal: Principal
  readonly authority: Authority
  /** The token itself: a secret. */
  readonly text: string
  readonly bare: boolean
}

/** How many sessions are known by the budget that their first token was minted on. */
const SESSIONS = 10_000

/** How often what was made of one minted token may revoke. */
const BANS = 1_000

/** What judges a call by its tool and its arguments, and nothing else. */
const OF_CALLS: readonly CaveatKind[] = [tool, deny, arg]

/** The `_meta` key of the id of the work that a call belongs to. */
const OPERATION = 'dev.mcp-budget/operation-id'

/** Finds the token of a request, verifies it and clears it. Each request anew: a session proves nothing. */
export class TokenGate {
  readonly verifier: TokenVerifier
  readonly #settings: TokenAuthSettings
  readonly #clock: SteadyClock
  readonly #sessions = new BoundedMap<string, string>(SESSIONS)
  readonly #bans = new BoundedMap<string, number>(SESSIONS)
  #isBack = false

  /** @throws BudgetError `invalid_config` */
  constructor(settings: TokenAuthSettings) {
    this.#settings = settings
    this.#clock = new SteadyClock(settings.clock)
    this.verifier = new TokenVerifier({ ...settings.verifier, clock: this.#clock })
  }

  /**
   * Who asks, or why it may not. Never throws for what a caller sent.
   *
   * @param isCall whether the request is a call of its own, and not one about a call that was made
   */
  identify(call: ToolCall, op: TokenOp, isCall = true): MaybePromise<Identity | Refusal> {
    const found = presentedToken(call, (from) => from !== 'authorization' || this.#settings.header)
    if (found.kind === 'ambiguous') return refuse(call.tool, { error: 'unauthorized', reason: 'ambiguous_credentials' })
    if (found.kind === 'none') return unauthorized(call.tool, 'no token')
    const { text, bare } = found
    return andThen(this.verifier.verify(text, { bare }), (token) => {
      if (token.kind === 'refused') return refusalOfToken(call.tool, undefined, token.reason)
      return andThen(this.#clear(token, call, op, isCall), (cleared) =>
        isRefusal(cleared) ? cleared : { ...cleared, token, text, bare },
      )
    })
  }

  #clear(
    token: VerifiedToken,
    call: ToolCall,
    op: TokenOp,
    isCall: boolean,
  ): MaybePromise<Pick<Identity, 'principal' | 'authority'> | Refusal> {
    const { tenant, tokenId, authority } = token
    const { session } = PresentedAuth.credentialsOf(call)
    return andThen(sessionHash(token, session), (hash) => {
      const request = this.#request(call, op, hash)
      const clears = (isAsked: (kind: CaveatKind) => boolean, cost?: number): Refusal | undefined => {
        for (const now of this.#times()) {
          const cleared = clearSome(token, { ...request, cost, now }, isAsked)
          if (cleared.kind === 'refused') return refusalOfToken(call.tool, tokenId, cleared.reason)
        }
        return undefined
      }
      const waits = (kind: CaveatKind): boolean =>
        (op === 'call' && kind.readsCost === true) || (!isCall && OF_CALLS.includes(kind))
      // First what is said to nobody: of a token that does not serve at all, nobody learns what it forbids.
      const refusal =
        clears((kind) => !waits(kind) && !forbids(kind)) ?? clears((kind) => !waits(kind) && forbids(kind))
      if (refusal !== undefined) return refusal
      if (!this.#isOfSession(token, session)) return refusalOfToken(call.tool, tokenId, 'session_mismatch')
      const denies = (cost: number): Refusal | undefined => clears(() => true, cost)
      return { principal: { tenant, budget: authority.budget, tokenId, denies }, authority }
    })
  }

  /** Whether what was made of one minted token may ban once more. */
  mayBan(nonce: string): boolean {
    const bans = this.#bans.get(nonce) ?? 0
    this.#bans.set(nonce, bans + 1)
    return bans < BANS
  }

  #request(call: ToolCall, op: TokenOp, hash: string | undefined): Omit<ClearRequest, 'now'> {
    const { audiences, tenant, keyHash, skewMs } = this.#settings
    const operationId = call.meta?.[OPERATION]
    return {
      op,
      skewMs,
      tool: call.tool,
      server: call.server,
      args: call.args,
      tenant: tenant(call),
      audiences,
      operationId: typeof operationId === 'string' ? operationId : undefined,
      sessionHash: hash,
      keyHash: keyHash(call),
    }
  }

  // One time, as a rule. Where the clock was set back nobody knows which of the two it is, and a token must be good at both.
  #times(): readonly number[] {
    const { skewMs, events } = this.#settings
    const { now, latest } = this.#clock.read()
    const isBack = latest - now > skewMs
    if (isBack && !this.#isBack) {
      const message = `Expected time to go on from ${new Date(latest).toISOString()}, got ${latest - now} ms before it`
      events.emit('fault', { where: 'withDelegation', error: new BudgetError({ code: 'clock_skew', message }) })
    }
    this.#isBack = isBack
    return isBack ? [now, latest] : [latest]
  }

  // A session that was begun on one minted budget goes on with it, and with what is delegated from that.
  #isOfSession({ tenant, budget }: VerifiedToken, session: string | undefined): boolean {
    if (session === undefined) return true
    const root = `${tenant}/${budget}`
    const known = this.#sessions.get(session)
    if (known === undefined) this.#sessions.set(session, root)
    return known === undefined || known === root
  }
}

function sessionHash({ caveats }: VerifiedToken, session: string | undefined): MaybePromise<string | undefined> {
  if (session === undefined || !caveats.some(({ kind }) => kind === sid)) return undefined
  return andThen(crypto.sha256(session), toBase64url)
}
