import { BudgetError } from '../core/errors.js'
import { Engine, type Passage } from '../core/engine.js'
import { isObject, type JsonObject } from '../core/json.js'
import { andThen, isPromise, type MaybePromise } from '../core/maybe-promise.js'
import { refuse, refuseArguments, type Refusal } from '../core/refusal.js'
import { eraOf, type Era } from './eras.js'
import { admitBatch, type Admitted } from './batch.js'
import { forwardable, readCall, requireId, snapshotOf, toolOf } from './request.js'
import { outcomeOfResponse, outcomeOfSendFailure } from './evidence.js'
import { isResponse, isToolsCall, objectAt, type RequestId, type SendOptions } from './wire.js'
import { newPending, PENDING_LIMIT, withOutcome, type PendingCall } from './pending.js'
import { refusalError, refusalResult } from './refusal.js'
import { Rounds } from './rounds.js'
import { watchOptions } from './watch-options.js'
import type { LostOutcome } from '../core/outcome.js'
import type { Seat } from './seat.js'

/** The transport below a seat, as the seat uses it. */
export interface Wire {
  send(message: unknown, options: SendOptions | undefined): Promise<void>
  /** Tells of a receiver that threw where nobody would catch it. */
  fault(error: unknown): void
  /** Whether a `resumptionToken` really resumes a stream there; elsewhere the call would run, and must be paid. */
  readonly resumes: boolean
}

/** Slugs that are the protocol's own errors: never answered as a tool result. */
const PROTOCOL_ERRORS = new Set<Refusal['error']>(['invalid_request', 'invalid_params', 'invalid_request_state'])

/**
 * The seat on a client's transport: takes each outgoing `tools/call` through the steps, and ends it by what comes
 * back, by a cancellation, by a failed send or by the end of the connection. Its state belongs to one transport:
 * shared between two, equal ids would cross.
 */
export class ClientSeat {
  /** Who receives what comes in. */
  onmessage: ((message: JsonObject, extra?: unknown) => void) | undefined
  readonly #seat: Seat
  readonly #engine: Engine
  readonly #wire: Wire
  readonly #pending = new Map<RequestId, PendingCall>()
  readonly #rounds: Rounds
  readonly #observes: boolean
  #closed = false

  constructor(seat: Seat, wire: Wire) {
    this.#seat = seat
    this.#wire = wire
    this.#engine = new Engine(seat.steps, seat.clock)
    this.#observes = this.#engine.observes
    this.#rounds = new Rounds(seat.clock, (pending) => this.#lose(pending, 'timed-out'))
  }

  /** Sends a message or a batch: what is not a call goes on in the same tick. */
  send(message: unknown, options: SendOptions | undefined): Promise<void> {
    if (Array.isArray(message)) return this.#sendBatch(message, options)
    if (!isObject(message)) return this.#wire.send(message, options)
    let admitted: MaybePromise<Admitted | undefined>
    try {
      admitted = this.#admitOrPass(message, options)
    } catch (error) {
      return Promise.reject(error)
    }
    if (!isPromise(admitted)) return this.#forward(admitted, options)
    return Promise.resolve(admitted).then((later) => this.#forward(later, options))
  }

  /** Takes in a message from the server. */
  receive(message: unknown, extra: unknown): void {
    if (isObject(message)) {
      const pending = isResponse(message) ? this.#pending.get(message.id as RequestId) : undefined
      if (pending?.sent === true) return this.#answered(pending, message, extra)
      if (this.#observes) this.#engine.observe({ message, direction: 'in', server: this.#seat.server })
    }
    this.onmessage?.(message as JsonObject, extra)
  }

  /** The transport is started, perhaps again. */
  open(): void {
    this.#closed = false
  }

  /** The connection is gone: what was sent may have run, what was not has not. */
  close(): void {
    this.#closed = true
    for (const pending of [...this.#pending.values(), ...this.#rounds.close()]) this.#lose(pending, 'closed')
  }

  async #sendBatch(messages: readonly unknown[], options: SendOptions | undefined): Promise<void> {
    const admitted = admitBatch(
      messages,
      (message) => this.#admitOrPass(message, options),
      (each) => this.#drop(each),
    )
    return andThen(admitted, (decided) => {
      const passing = decided.filter((each) => !this.#droppedFromBatch(each))
      const calls = passing.flatMap((each) => each.pending ?? [])
      const sent = passing.map((each) => each.message)
      return sent.length === 0 ? undefined : this.#post(sent, calls, options)
    })
  }

  // A call may be cancelled, or the transport closed, while the rest of its batch is being decided.
  #droppedFromBatch(admitted: Admitted): boolean {
    if (admitted.pending?.cancelled !== true && !this.#closed) return false
    this.#drop(admitted)
    return true
  }

  #drop({ pending }: Admitted): void {
    if (pending !== undefined) this.#lose(pending, 'cancelled')
  }

  #admitOrPass(message: JsonObject, options: SendOptions | undefined): MaybePromise<Admitted | undefined> {
    if (isToolsCall(message)) return this.#admit(message, options)
    this.#passing(message)
    return { message, pending: undefined }
  }

  #passing(message: JsonObject): void {
    if (message.method === 'notifications/cancelled') this.#cancel(objectAt(message, 'params').requestId)
    if (this.#observes) this.#engine.observe({ message, direction: 'out', server: this.#seat.server })
  }

  // Undefined when there is nothing to forward: the answer has been given here.
  #admit(message: JsonObject, options: SendOptions | undefined): MaybePromise<Admitted | undefined> {
    const id = requireId(message)
    const era = eraOf(message)
    if (this.#pending.has(id))
      return this.#refuse(id, era, refuse(toolOf(message), { error: 'invalid_request', reason: 'duplicate_id' }))
    if (this.#isResumption(era, options)) return this.#resumed(message, id, options)
    const continued = this.#rounds.resume(message)
    if (continued.kind === 'unknown') {
      return this.#refuse(
        id,
        era,
        refuse(toolOf(message), { error: 'invalid_request_state', reason: 'invalid_request_state' }),
      )
    }
    if (continued.kind === 'same') return this.#continued(continued.pending, continued.message, id)
    return this.#begin(continued.kind === 'again' ? continued.message : message, id, era)
  }

  #begin(message: JsonObject, id: RequestId, era: Era): MaybePromise<Admitted | undefined> {
    const call = readCall(message, this.#seat.server, this.#seat.clock.now())
    if (call.kind === 'refused') return this.#refuse(id, era, call)
    if (this.#pending.size >= PENDING_LIMIT) {
      return this.#refuse(id, era, refuse(call.tool, { error: 'budget_unavailable', reason: 'pending_limit' }))
    }
    const pending = newPending(id, call, era)
    this.#pending.set(id, pending)
    const passage = this.#engine.enter(call, pending)
    if (!isPromise(passage)) return this.#decided(pending, message, passage, undefined)
    const snapshot = snapshotOf(message)
    return passage.then((later) => this.#decided(pending, message, later, snapshot))
  }

  #decided(
    pending: PendingCall,
    message: JsonObject,
    passage: Passage,
    snapshot: JsonObject | undefined,
  ): Admitted | undefined {
    if (passage.refusal !== undefined) {
      if (this.#pending.get(pending.id) === pending) this.#pending.delete(pending.id)
      return pending.cancelled || this.#closed ? undefined : this.#refuse(pending.id, pending.era, passage.refusal)
    }
    pending.passage = passage
    if (pending.cancelled || this.#closed) {
      this.#lose(pending, this.#closed ? 'closed' : 'cancelled')
      if (!this.#closed) return undefined
      throw new BudgetError({
        code: 'transport_closed',
        message: 'Expected an open transport, got a closed one',
      })
    }
    try {
      pending.request = forwardable(message, pending.call, passage.call, snapshot)
    } catch (error) {
      this.#lose(pending, 'not-sent')
      return this.#refuse(pending.id, pending.era, refuseArguments(passage.call.tool, error))
    }
    return { message: pending.request, pending }
  }

  #continued(before: PendingCall, message: JsonObject, id: RequestId): Admitted {
    const pending = newPending(id, before.call, before.era, before.round + 1)
    pending.passage = before.passage
    // Its first round ran: whatever becomes of this one, nobody can say that nothing did.
    pending.sent = true
    this.#pending.set(id, pending)
    pending.request = message
    return { message, pending }
  }

  #forward(admitted: Admitted | undefined, options: SendOptions | undefined): Promise<void> {
    if (admitted === undefined) return Promise.resolve()
    return this.#post(admitted.message, admitted.pending === undefined ? [] : [admitted.pending], options)
  }

  #post(message: unknown, calls: readonly PendingCall[], options: SendOptions | undefined): Promise<void> {
    const signal = options?.requestSignal
    if (signal?.aborted === true && calls.length > 0) {
      for (const pending of calls) this.#lose(pending, 'cancelled')
      return Promise.reject(signal.reason as Error)
    }
    const onEnd = (pending: PendingCall, cause: LostOutcome['cause']): void => this.#lose(pending, cause)
    const watched = calls.reduce((given, pending) => watchOptions(pending, given, onEnd), options)
    const before = calls.filter((pending) => pending.sent)
    for (const pending of calls) pending.sent = true
    let sent: Promise<void>
    try {
      sent = this.#wire.send(message, watched)
    } catch (error) {
      this.#notSent(calls, before, error, message)
      throw error
    }
    if (calls.length > 0) sent.then(undefined, (error: unknown) => this.#notSent(calls, before, error, message))
    return sent
  }

  // Legacy Streamable HTTP only: the transport opens a stream and sends nothing.
  #isResumption(era: Era, options: SendOptions | undefined): boolean {
    // With an empty token the transport sends the call after all.
    return Boolean(options?.resumptionToken) && era === 'legacy' && this.#wire.resumes
  }

  #resumed(message: JsonObject, id: RequestId, options: SendOptions | undefined): Admitted {
    for (const pending of this.#pending.values()) {
      if (pending.resumptionToken !== options?.resumptionToken) continue
      // The answer will come under the new id.
      this.#pending.delete(pending.id)
      pending.id = id
      this.#pending.set(id, pending)
      return { message, pending }
    }
    return { message, pending: undefined }
  }

  #cancel(requestId: unknown): void {
    const pending = this.#pending.get(requestId as RequestId)
    if (pending !== undefined) this.#lose(pending, 'cancelled')
  }

  #notSent(calls: readonly PendingCall[], before: readonly PendingCall[], error: unknown, message: unknown): void {
    const { cause, proves } = outcomeOfSendFailure(error, message, !this.#closed)
    // What was sent before, in an earlier round or on a stream that broke, may have run whatever becomes of this.
    for (const pending of calls)
      if (before.includes(pending)) this.#lose(pending, 'closed')
      else this.#lose(pending, cause, proves)
  }

  #answered(pending: PendingCall, message: JsonObject, extra: unknown): void {
    this.#pending.delete(pending.id)
    pending.cleanUp?.()
    const outcome = outcomeOfResponse(message, pending.call.asTask || pending.round > 0)
    if (outcome.kind === 'lost') {
      const asking = this.#rounds.begin(pending, message)
      if (asking === undefined) this.#lose(pending, 'input-required')
      return this.onmessage?.(asking ?? message, extra)
    }
    const left = this.#engine.leave(pending.passage as Passage, outcome)
    if (!isPromise(left)) return this.onmessage?.(withOutcome(message, outcome, left), extra)
    void left.then((later) => this.#deliver(withOutcome(message, outcome, later), extra))
  }

  // What a receiver throws in time goes to the transport, which knows what to do; later there is nobody to catch it.
  #deliver(message: JsonObject, extra?: unknown): void {
    try {
      this.onmessage?.(message, extra)
    } catch (error) {
      this.#wire.fault(error)
    }
  }

  // The first end counts; the engine ignores any other.
  #lose(
    pending: PendingCall,
    cause: LostOutcome['cause'],
    // What was sent may have run, what was not has not.
    proves: LostOutcome['proves'] = pending.sent ? 'unknown' : 'not-run',
  ): void {
    if (this.#pending.get(pending.id) === pending) this.#pending.delete(pending.id)
    pending.cleanUp?.()
    pending.cancelled = true
    if (pending.passage === undefined) return
    const left = this.#engine.leave(pending.passage, { kind: 'lost', cause, proves })
    if (isPromise(left)) left.then(undefined, () => {})
  }

  #refuse(id: RequestId, era: Era, refusal: Refusal): undefined {
    const asResult = this.#seat.refusal === 'result' && !PROTOCOL_ERRORS.has(refusal.error)
    const answer = asResult
      ? { jsonrpc: '2.0', id, result: refusalResult(refusal, era) }
      : refusalError(id, refusal, era, this.#seat.codes)
    // After `send` has answered, as an answer from a server would come.
    queueMicrotask(() => this.#deliver(answer))
    return undefined
  }
}
