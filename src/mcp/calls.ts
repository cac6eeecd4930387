import { andThen, isPromise, type MaybePromise } from '../core/maybe-promise.js'
import { newCall } from '../core/call.js'
import { isRefusal, refuse, refuseArguments, type Refusal } from '../core/refusal.js'
import { eraOf } from './eras.js'
import { forwardable, readCall, snapshotOf, toolOf } from './request.js'
import { newPending, PENDING_LIMIT, withOutcome, type PendingCall } from './pending.js'
import { outcomeOfResponse } from './evidence.js'
import type { CallAuth } from '../core/auth.js'
import type { CallOutcome, LostOutcome } from '../core/outcome.js'
import { ROUND_LIMITS, type Continuation, type Rounds } from './rounds.js'
import type { Engine, Passage } from '../core/engine.js'
import type { JsonObject } from '../core/json.js'
import type { RequestId } from './wire.js'
import type { Seat } from './seat.js'

/**
 * What became of a call that was to be let through. `dropped`: nobody waits for it, and it needs no answer; `closed`: the
 * transport is.
 */
export type Decision = PendingCall | Refusal | 'dropped' | 'closed'

/**
 * The calls that pass a transport in one direction, from the request to the end. Each goes through the steps and ends
 * exactly once. Belongs to one transport: shared between two, equal ids would cross.
 */
export class Calls {
  #closed = false
  readonly #seat: Seat
  readonly #engine: Engine
  readonly #rounds: Rounds
  readonly #pending = new Map<RequestId, PendingCall>()

  constructor(seat: Seat, engine: Engine, rounds: Rounds) {
    this.#seat = seat
    this.#engine = engine
    this.#rounds = rounds
  }

  get closed(): boolean {
    return this.#closed
  }

  /** The pending call of an id; `1` and `"1"` are two. */
  find(id: unknown): PendingCall | undefined {
    return this.#pending.get(id as RequestId)
  }

  /** All pending calls. */
  all(): readonly PendingCall[] {
    return [...this.#pending.values()]
  }

  /** The same call from now on under another id. */
  rename(pending: PendingCall, id: RequestId): void {
    this.#pending.delete(pending.id)
    pending.id = id
    this.#pending.set(id, pending)
  }

  /** Takes a request for a call, or a further round of one; no step is entered yet. */
  take(message: JsonObject, id: RequestId, auth: CallAuth | undefined): MaybePromise<PendingCall | Refusal> {
    if (this.#pending.has(id)) return refuse(toolOf(message), { error: 'invalid_request', reason: 'duplicate_id' })
    const call = readCall(message, this.#seat.server, auth, this.#seat.clock.now())
    if (call.kind === 'refused') return call
    if (this.#pending.size >= PENDING_LIMIT)
      return refuse(call.tool, { error: 'budget_unavailable', reason: 'pending_limit' })
    const pending = newPending(id, call, eraOf(message), message)
    this.#pending.set(id, pending)
    const continued = this.#rounds.resume(message, call)
    if (!isPromise(continued)) return this.#continued(pending, continued)
    return Promise.resolve(continued).then((later) => this.#continued(pending, later))
  }

  /** Notes a request that is refused, for its handler to say so: until it is asked for the server may say something else. */
  refuseLater(message: JsonObject, id: RequestId, refusal: Refusal): PendingCall {
    const pending = newPending(id, newCall({ tool: refusal.tool }, this.#seat.clock.now()), eraOf(message), message)
    pending.refusal = refusal
    this.#pending.set(id, pending)
    return pending
  }

  /** Takes a call through the steps. */
  enter(pending: PendingCall): MaybePromise<Decision> {
    pending.awaited = false
    if (pending.cancelled || pending.refusal !== undefined) {
      this.#forget(pending)
      return pending.cancelled ? 'dropped' : (pending.refusal as Refusal)
    }
    const passage = this.#engine.enter(pending.call, pending)
    if (!isPromise(passage)) return this.#decided(pending, passage, undefined)
    const snapshot = snapshotOf(pending.request)
    return passage.then((later) => this.#decided(pending, later, snapshot))
  }

  /** Takes a call through the steps beside its way, which does not wait for them: in shadow mode. */
  watch(taken: MaybePromise<PendingCall | Refusal>): void {
    void andThen(taken, (pending) => {
      if (isRefusal(pending)) return undefined
      pending.sent = true
      return andThen(this.enter(pending), () => {})
    })
  }

  /** Ends a call by its answer; the answer to hand on. */
  answered(pending: PendingCall, message: JsonObject): MaybePromise<JsonObject> {
    pending.awaited = false
    this.#forget(pending)
    const { passage } = pending
    // Answered before the steps were asked, or because they refused it.
    if (passage === undefined || passage.left !== undefined) return message
    const outcome = outcomeOfResponse(message, pending.call.asTask || pending.handled)
    if (outcome.kind === 'input-required') return this.#asks(pending, passage, message)
    const left = this.#engine.leave(passage, outcome)
    if (!isPromise(left)) return withOutcome(message, outcome, left)
    return left.then((later) => withOutcome(message, outcome, later))
  }

  /** Ends a call whose answer will not come. The first end counts; the engine ignores any other. */
  lose(
    pending: PendingCall,
    cause: LostOutcome['cause'],
    // What was sent may have run, what was not has not.
    proves: LostOutcome['proves'] = pending.sent ? 'unknown' : 'not-run',
  ): void {
    this.#forget(pending)
    pending.cancelled = true
    if (pending.passage !== undefined) this.#leave(pending.passage, { kind: 'lost', cause, proves })
  }

  /** Ends a call that a handler of this process had done when nobody waited for it any more. */
  finish(pending: PendingCall, outcome: CallOutcome): void {
    if (pending.cancelled && pending.passage !== undefined) this.#leave(pending.passage, outcome)
  }

  /** The transport is started, perhaps again. */
  open(): void {
    this.#closed = false
  }

  /** The connection is gone: what a handler has goes on, unseen, and ends when that has done it. */
  close(): void {
    this.#closed = true
    for (const pending of this.all()) {
      pending.awaited = false
      if (!pending.handled) this.lose(pending, 'closed')
      else {
        this.#forget(pending)
        pending.cancelled = true
      }
    }
  }

  #continued(pending: PendingCall, continued: Continuation): PendingCall | Refusal {
    const { call } = pending
    if (continued.kind === 'invalid') {
      this.#forget(pending)
      return refuse(call.tool, { error: 'invalid_request_state', reason: 'invalid_request_state' })
    }
    if (continued.kind === 'same') {
      pending.call = newCall(call, call.startedAt, call.asTask, continued.earlier)
      pending.request = continued.message
    }
    return pending
  }

  #decided(pending: PendingCall, passage: Passage, snapshot: JsonObject | undefined): MaybePromise<Decision> {
    const { refusal } = passage
    const { call } = pending
    if (refusal !== undefined) {
      pending.passage = undefined
      if (refusal.reason === 'round_used' && call.round > 0 && !pending.cancelled) {
        // A round is consumed once: who brings it again makes a new call, and pays.
        pending.request = snapshot ?? pending.request
        pending.call = newCall(call, this.#seat.clock.now(), call.asTask)
        return this.enter(pending)
      }
      this.#forget(pending)
      return pending.cancelled || this.#closed ? 'dropped' : refusal
    }
    if (pending.cancelled || this.#closed || passage.left !== undefined) {
      this.lose(pending, this.#closed ? 'closed' : 'cancelled')
      return this.#closed ? 'closed' : 'dropped'
    }
    try {
      pending.request = forwardable(pending.request, call, passage.call, snapshot)
    } catch (error) {
      this.lose(pending, 'not-sent')
      return refuseArguments(passage.call.tool, error)
    }
    return pending
  }

  #asks(pending: PendingCall, passage: Passage, message: JsonObject): MaybePromise<JsonObject> {
    return andThen(this.#rounds.begin(pending.call, message), (asking) => {
      const waitMs = asking === undefined ? undefined : ROUND_LIMITS.ttlMs
      const left = this.#engine.leave(passage, { kind: 'input-required', proves: 'unknown', waitMs })
      return andThen(left, () => asking ?? message)
    })
  }

  #leave(passage: Passage, outcome: CallOutcome): void {
    const left = this.#engine.leave(passage, outcome)
    if (isPromise(left)) left.then(undefined, () => {})
  }

  #forget(pending: PendingCall): void {
    if (!pending.awaited && this.#pending.get(pending.id) === pending) this.#pending.delete(pending.id)
    pending.cleanUp?.()
  }
}
