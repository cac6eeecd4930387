import { canonicalJson, type JsonObject } from '../core/json.js'
import { objectAt } from './wire.js'
import type { Clock } from '../core/clock.js'
import type { PendingCall } from './pending.js'

/** How long a call may wait for input, how often it may ask, and how many states are remembered. */
export const ROUND_LIMITS = { ttlMs: 600_000, rounds: 10, open: 10_000 } as const

const PREFIX = 'mcpb-round.'

interface Round {
  readonly pending: PendingCall
  readonly args: string
  readonly original: unknown
  consumed: boolean
  readonly cancelTimer: () => void
}

/** What a continuation is: the same call, a state used before (a new call, which pays), or nothing we know. */
export type Continuation =
  | { readonly kind: 'same'; readonly pending: PendingCall; readonly message: JsonObject }
  | { readonly kind: 'again'; readonly message: JsonObject }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'none' }

/**
 * Multi-round trips at a client seat (2026-07-28): one call that asks for input and goes on under new ids. The
 * server's state is kept here and the client carries a random token in its place, which works once, so that no other
 * call can pass for a continuation.
 */
export class Rounds {
  readonly #open = new Map<string, Round>()
  readonly #clock: Clock
  readonly #onExpire: (pending: PendingCall) => void

  constructor(clock: Clock, onExpire: (pending: PendingCall) => void) {
    this.#clock = clock
    this.#onExpire = onExpire
  }

  /** Keeps a call open that asks for input; the response to hand on, or `undefined` when it has asked too often. */
  begin(pending: PendingCall, response: JsonObject): JsonObject | undefined {
    const args = digestible(pending.request ?? {})
    const full = pending.round >= ROUND_LIMITS.rounds || this.#open.size >= ROUND_LIMITS.open
    if (full || args === undefined) return undefined
    const token = `${PREFIX}${globalThis.crypto.randomUUID()}`
    const result = objectAt(response, 'result')
    const round: Round = {
      pending,
      args,
      original: result.requestState,
      consumed: false,
      cancelTimer: this.#clock.after(ROUND_LIMITS.ttlMs, () => this.#expire(token)),
    }
    this.#open.set(token, round)
    return { ...response, result: { ...result, requestState: token } }
  }

  /** What a request continues, by the state it carries. A state is consumed by its first use. */
  resume(request: JsonObject): Continuation {
    const params = objectAt(request, 'params')
    const { requestState } = params
    if (typeof requestState !== 'string' || !requestState.startsWith(PREFIX)) return { kind: 'none' }
    const round = this.#open.get(requestState)
    if (round === undefined || round.args !== digestible(request)) return { kind: 'unknown' }
    const { requestState: _, ...rest } = params
    const restored = round.original === undefined ? rest : { ...rest, requestState: round.original }
    const message = { ...request, params: restored }
    if (round.consumed) return { kind: 'again', message }
    round.consumed = true
    return { kind: 'same', pending: round.pending, message }
  }

  /** Ends all that waits; answers with the calls that were still open. */
  close(): PendingCall[] {
    const open: PendingCall[] = []
    for (const round of this.#open.values()) {
      round.cancelTimer()
      if (!round.consumed) open.push(round.pending)
    }
    this.#open.clear()
    return open
  }

  #expire(token: string): void {
    const round = this.#open.get(token)
    this.#open.delete(token)
    if (round?.consumed === false) this.#onExpire(round.pending)
  }
}

// Undefined for arguments that are no JSON, as an in-memory transport may carry: such a call has no second round.
function digestible(request: JsonObject): string | undefined {
  const { name, arguments: args } = objectAt(request, 'params')
  try {
    return canonicalJson({ name, arguments: args ?? {} })
  } catch {
    return undefined
  }
}
