import { andThen, type MaybePromise } from '../core/maybe-promise.js'
import { badParams, delegateParams, keyOf, paramsOf, seedDelegateParams, type DelegateParams } from './method-params.js'
import { BoundedMap } from './bounded-map.js'
import { callRef } from '../core/events.js'
import { closeBudget } from './close-budget.js'
import { delegate } from './delegate.js'
import { isRefusal, type Refusal } from '../core/refusal.js'
import { Outbox } from '../budget/outbox.js'
import { revokeToken } from './revoke-token.js'
import type { CallMiddleware } from '../core/middleware.js'
import type { DelegatingEnforcer } from '../budget/enforcer.js'
import type { Identity, TokenGate } from './token-gate.js'
import type { JsonObject } from '../core/json.js'
import type { TokenAuthSettings } from './options.js'
import type { TokenOp } from './request.js'
import type { ToolCall } from '../core/call.js'

/** One request of a method, with what each of them needs. */
export interface Asked {
  readonly request: ToolCall
  readonly identity: Identity
  /** What the caller made the request one by. */
  readonly key: string | undefined
  readonly enforcer: DelegatingEnforcer
  readonly settings: TokenAuthSettings
  readonly gate: TokenGate
  /** Takes back what nobody heard of. */
  readonly outbox: Outbox
  /** Whether a request has not been told of yet; from then on it has. */
  readonly told: (id: string) => boolean
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal | undefined
}

type Method = (request: ToolCall, signal?: AbortSignal) => MaybePromise<JsonObject | Refusal>

/** How many delegations are remembered that were told of. */
const MOST_TOLD = 10_000

/** The methods by which the holder of a token hands on what it has; none without a store. */
export function delegationMethods(
  settings: TokenAuthSettings,
  gate: TokenGate,
): NonNullable<CallMiddleware['methods']> {
  const { enforcer, clock, events, storeTimeoutMs: timeoutMs } = settings
  if (enforcer === undefined) return {}
  const outbox = new Outbox({ timeoutMs, clock, events }, () => {})
  const known = new BoundedMap<string, true>(MOST_TOLD)
  const told = (id: string): boolean => {
    const isNew = known.get(id) === undefined
    known.set(id, true)
    return isNew
  }
  const heard = (request: ToolCall, answer: JsonObject | Refusal): JsonObject | Refusal => {
    if (isRefusal(answer)) events.emit('refused', { call: callRef(request), refusal: answer, enforced: true })
    return answer
  }
  const asked = (op: TokenOp, run: (asked: Asked) => MaybePromise<JsonObject | Refusal>): Method => {
    return (request, signal) => {
      // Admitted already; what it brings is needed again, and it is remembered.
      const answer = andThen(gate.identify(request, op), (identity) => {
        if (isRefusal(identity)) return identity
        const key = keyOf(request)
        if (isRefusal(key)) return key
        return run({ request, identity, ...key, enforcer, settings, gate, outbox, told, signal })
      })
      return andThen(answer, (given) => heard(request, given))
    }
  }
  const delegating = (read: (request: ToolCall) => DelegateParams | Refusal): Method =>
    asked('delegate', (given) => {
      const params = read(given.request)
      return isRefusal(params) ? params : delegate(given, params)
    })
  return {
    'budget/delegate': delegating(delegateParams),
    'satgate/delegate': asked('delegate', (given) => {
      // What it counts from is the time of the request, so that two of them are not the same.
      if (given.key !== undefined && given.request.args?.expiresIn !== undefined)
        return badParams(given.request, 'no `expiresIn` beside a key; say `exp` to budget/delegate')
      const params = seedDelegateParams(given.request, clock.now())
      return isRefusal(params) ? params : delegate(given, params)
    }),
    'budget/close': asked('close', (given) => {
      const params = paramsOf(given.request, ['budget'])
      return isRefusal(params) ? params : closeBudget(given, params)
    }),
    'budget/revoke': asked('revoke', (given) => {
      const params = paramsOf(given.request, ['token', 'budget'])
      return isRefusal(params) ? params : revokeToken(given, params)
    }),
  }
}
