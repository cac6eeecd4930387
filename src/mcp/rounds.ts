import { andThen, isPromise, type MaybePromise } from '../core/maybe-promise.js'
import { boundTo, type Seal } from './seal.js'
import { objectAt } from './wire.js'
import type { Clock } from '../core/clock.js'
import type { EarlierLeg, ToolCall } from '../core/call.js'
import type { JsonObject } from '../core/json.js'

/** How long a call may wait for input, how often it may ask, and how many are remembered that are only watched. */
export const ROUND_LIMITS = { ttlMs: 600_000, rounds: 10, open: 10_000 } as const

/** What a request continues: the same call; nothing; or it brings a state that was forged, moved or is too old. */
export type Continuation =
  | { readonly kind: 'same'; readonly earlier: EarlierLeg; readonly message: JsonObject }
  | { readonly kind: 'none' }
  | { readonly kind: 'invalid' }

/** Multi-round trips (2026-07-28): one call that asks for input and goes on under new ids. */
export interface Rounds {
  /** What the request of a call continues. Pure: a round is consumed by the step that holds the credits. */
  resume(request: JsonObject, call: ToolCall): MaybePromise<Continuation>
  /** The response to hand on, which lets the call go on; `undefined` when it will not. */
  begin(call: ToolCall, response: JsonObject): MaybePromise<JsonObject | undefined>
}

const NONE: Continuation = { kind: 'none' }
const INVALID: Continuation = { kind: 'invalid' }

/** Rounds by a sealed state, which any process with the keys can take up. Nothing is remembered. */
export class SealedRounds implements Rounds {
  readonly #seal: Seal
  readonly #clock: Clock

  constructor(seal: Seal, clock: Clock) {
    this.#seal = seal
    this.#clock = clock
  }

  resume(request: JsonObject, call: ToolCall): MaybePromise<Continuation> {
    const params = objectAt(request, 'params')
    if (!this.#seal.owns(params.requestState)) return NONE
    return andThen(this.#seal.open(params.requestState), (state) => {
      if (state === undefined || state.expiresAt <= this.#clock.now()) return INVALID
      return andThen(digestOf(call), (digest) => {
        if (digest !== state.digest) return INVALID
        const { requestState: _, ...rest } = params
        const { id, round, original } = state
        const restored = original === undefined ? rest : { ...rest, requestState: original }
        return { kind: 'same', earlier: { id, round }, message: { ...request, params: restored } }
      })
    })
  }

  begin(call: ToolCall, response: JsonObject): MaybePromise<JsonObject | undefined> {
    const result = objectAt(response, 'result')
    const { requestState: original } = result
    const round = call.round + 1
    const sealable = original === undefined || typeof original === 'string'
    if (round > ROUND_LIMITS.rounds || !sealable) return undefined
    const expiresAt = this.#clock.now() + ROUND_LIMITS.ttlMs
    return andThen(
      orUndefined(() => this.#seal.seal(call, round, expiresAt, original)),
      (requestState) => (requestState === undefined ? undefined : { ...response, result: { ...result, requestState } }),
    )
  }
}

/**
 * Rounds as a seat in shadow mode takes them, which may not change a message: by the server's own state, or by the
 * call's digest where it sends none. Good enough to simulate by, for no credits depend on it.
 */
export class WatchedRounds implements Rounds {
  readonly #clock: Clock
  /** By key, oldest first: calls that are alike wait side by side. */
  readonly #open = new Map<string, Array<EarlierLeg & { readonly expiresAt: number }>>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  resume(request: JsonObject, call: ToolCall): MaybePromise<Continuation> {
    const { requestState, inputResponses } = objectAt(request, 'params')
    if (this.#open.size === 0 || (requestState === undefined && inputResponses === undefined)) return NONE
    return andThen(digestOf(call), (digest) => {
      const key = keyOf(digest, requestState)
      const waiting = this.#open.get(key) ?? []
      // The first that brings it goes on; another is a call of its own.
      const earlier = waiting.shift()
      if (waiting.length === 0) this.#open.delete(key)
      if (earlier === undefined || earlier.expiresAt <= this.#clock.now()) return NONE
      return { kind: 'same', earlier, message: request }
    })
  }

  begin(call: ToolCall, response: JsonObject): MaybePromise<JsonObject | undefined> {
    const round = call.round + 1
    if (round > ROUND_LIMITS.rounds) return undefined
    return andThen(digestOf(call), (digest) => {
      if (digest === undefined) return undefined
      const [oldest] = this.#open.keys()
      if (oldest !== undefined && this.#open.size >= ROUND_LIMITS.open) this.#open.delete(oldest)
      const key = keyOf(digest, objectAt(response, 'result').requestState)
      const waiting = this.#open.get(key) ?? []
      if (waiting.length >= ROUND_LIMITS.open) waiting.shift()
      waiting.push({ id: call.id, round, expiresAt: this.#clock.now() + ROUND_LIMITS.ttlMs })
      this.#open.set(key, waiting)
      return response
    })
  }
}

function keyOf(digest: string | undefined, state: unknown): string {
  return `${digest} ${typeof state === 'string' ? state : ''}`
}

// Undefined for arguments that are no JSON, as an in-memory transport may carry: such a call has no second round.
function digestOf(call: ToolCall): MaybePromise<string | undefined> {
  return orUndefined(() => boundTo(call))
}

function orUndefined(make: () => MaybePromise<string>): MaybePromise<string | undefined> {
  try {
    const made = make()
    return isPromise(made) ? Promise.resolve(made).catch(() => undefined) : made
  } catch {
    return undefined
  }
}
