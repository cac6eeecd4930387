import { isObject, type JsonObject } from '../core/json.js'
import { isPromise, type MaybePromise } from '../core/maybe-promise.js'
import { admitBatch } from './batch.js'
import { BudgetError } from '../core/errors.js'
import { Calls, type Decision } from './calls.js'
import { eraOf } from './eras.js'
import { Listings } from './listings.js'
import { observe } from './observe.js'
import { outcomeOfSendFailure } from './evidence.js'
import { refusalAnswer } from './refusal.js'
import { takeCredentials, withTokens } from './credentials.js'
import { isCall, requireId } from './request.js'
import { watchOptions } from './watch-options.js'
import type { Admitted } from './batch.js'
import type { LostOutcome } from '../core/outcome.js'
import type { PendingCall } from './pending.js'
import { numberOf, type RequestId, type SendOptions, type Wire } from './wire.js'
import { isRefusal, type Refusal } from '../core/refusal.js'
import type { Seat } from './seat.js'

/**
 * The calls that are sent through a transport, usually a client's: takes each through the steps, and ends it by what
 * comes back, by a cancellation, by a failed send or by the end of the connection.
 */
export class ClientSeat {
  readonly #seat: Seat
  readonly #wire: Wire
  readonly #calls: Calls
  readonly #listings: Listings

  constructor(seat: Seat, wire: Wire) {
    this.#seat = seat
    this.#wire = wire
    this.#calls = new Calls(seat, seat.engine, seat.sentRounds)
    this.#listings = new Listings(seat, 'client')
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

  /** Takes in an answer. */
  receive(message: JsonObject, extra: unknown): void {
    const pending = this.#calls.find(message.id) ?? this.#calls.find(numberOf(message.id))
    if (pending?.sent !== true) {
      observe(this.#seat, this.#wire, message, 'in')
      return this.#wire.deliver(this.#listings.answer(message), extra)
    }
    const answer = this.#calls.answered(pending, message)
    if (!isPromise(answer)) return this.#wire.deliver(answer, extra)
    void Promise.resolve(answer).then((later) => this.#deliver(later, extra))
  }

  /** The transport is started, perhaps again. */
  open(): void {
    this.#calls.open()
  }

  /** The connection is gone: what was sent may have run, what was not has not. */
  close(): void {
    this.#calls.close()
  }

  async #sendBatch(messages: readonly unknown[], options: SendOptions | undefined): Promise<void> {
    const decided = await admitBatch(
      messages,
      (message) => isCall(message, this.#seat),
      (message) => this.#admitOrPass(message, options),
      (each) => this.#drop(each),
    )
    const passing = decided.filter((each) => !this.#droppedFromBatch(each))
    const calls = passing.flatMap((each) => each.pending ?? [])
    const sent = passing.map((each) => each.message)
    if (sent.length > 0) await this.#post(sent, calls, options)
  }

  // A call may be cancelled, or the transport closed, while the rest of its batch is being decided.
  #droppedFromBatch(admitted: Admitted): boolean {
    if (admitted.pending?.cancelled !== true && !this.#calls.closed) return false
    this.#drop(admitted)
    return true
  }

  #drop({ pending }: Admitted): void {
    if (pending !== undefined) this.#calls.lose(pending, 'cancelled')
  }

  #admitOrPass(message: JsonObject, options: SendOptions | undefined): MaybePromise<Admitted | undefined> {
    if (isCall(message, this.#seat)) return this.#admit(message, options)
    if (message.method === 'notifications/cancelled') this.#cancel(message)
    this.#listings.request(message)
    observe(this.#seat, this.#wire, message, 'out')
    return { message, pending: undefined }
  }

  // Undefined when there is nothing to forward: the answer has been given here.
  #admit(message: JsonObject, options: SendOptions | undefined): MaybePromise<Admitted | undefined> {
    const id = requireId(message)
    if (this.#isResumption(message, options) && this.#calls.find(id) === undefined)
      return this.#resumed(message, id, options)
    // No step is shown what the caller wants to send; the seat writes it into the message again.
    const presented = takeCredentials(message, undefined)
    const taken = this.#calls.take(presented.message, id, presented.auth)
    if (this.#seat.shadow) return this.#watched(taken, message)
    if (!isPromise(taken)) return this.#taken(taken, message, id)
    return Promise.resolve(taken).then((later) => this.#taken(later, message, id))
  }

  // In shadow mode every call goes on in the same tick, as it came, also one that cannot be metered.
  #watched(taken: MaybePromise<PendingCall | Refusal>, message: JsonObject): Admitted {
    this.#calls.watch(taken)
    return { message, pending: isPromise(taken) || isRefusal(taken) ? undefined : taken }
  }

  #taken(taken: PendingCall | Refusal, message: JsonObject, id: RequestId): MaybePromise<Admitted | undefined> {
    if (isRefusal(taken)) return this.#refuse(message, id, taken)
    const decision = this.#calls.enter(taken)
    if (!isPromise(decision)) return this.#decided(decision, message, id)
    return Promise.resolve(decision).then((later) => this.#decided(later, message, id))
  }

  #decided(decision: Decision, message: JsonObject, id: RequestId): Admitted | undefined {
    if (decision === 'dropped') return undefined
    if (decision === 'closed') throw closed()
    if (isRefusal(decision)) return this.#refuse(message, id, decision)
    return { message: withTokens(decision.request, decision.passage?.call), pending: decision }
  }

  #forward(admitted: Admitted | undefined, options: SendOptions | undefined): Promise<void> {
    if (admitted === undefined) return Promise.resolve()
    // Given up since it was decided: its hold has ended.
    if (admitted.pending?.cancelled === true) return this.#calls.closed ? Promise.reject(closed()) : Promise.resolve()
    return this.#post(admitted.message, admitted.pending === undefined ? [] : [admitted.pending], options)
  }

  #post(message: unknown, calls: readonly PendingCall[], options: SendOptions | undefined): Promise<void> {
    const signal = options?.requestSignal
    if (signal?.aborted === true && calls.length > 0) {
      for (const pending of calls) this.#calls.lose(pending, 'cancelled')
      return Promise.reject(signal.reason as Error)
    }
    const onEnd = (pending: PendingCall, cause: LostOutcome['cause']): void => this.#calls.lose(pending, cause)
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
  #isResumption(message: JsonObject, options: SendOptions | undefined): boolean {
    // With an empty token the transport sends the call after all.
    return Boolean(options?.resumptionToken) && this.#wire.resumes && eraOf(message) === 'legacy'
  }

  #resumed(message: JsonObject, id: RequestId, options: SendOptions | undefined): Admitted {
    for (const pending of this.#calls.all()) {
      if (pending.resumptionToken !== options?.resumptionToken) continue
      // The answer will come under the new id.
      this.#calls.rename(pending, id)
      return { message, pending }
    }
    return { message, pending: undefined }
  }

  #cancel(message: JsonObject): void {
    const pending = this.#calls.find((message.params as JsonObject | undefined)?.requestId)
    if (pending !== undefined) this.#calls.lose(pending, 'cancelled')
  }

  #notSent(calls: readonly PendingCall[], before: readonly PendingCall[], error: unknown, message: unknown): void {
    const { cause, proves } = outcomeOfSendFailure(error, message, !this.#calls.closed)
    // What was sent before, on a stream that broke, may have run whatever becomes of this.
    for (const pending of calls)
      if (before.includes(pending)) this.#calls.lose(pending, 'closed')
      else this.#calls.lose(pending, cause, proves)
  }

  // What a receiver throws in time goes to the transport, which knows what to do; later there is nobody to catch it.
  #deliver(message: JsonObject, extra?: unknown): void {
    try {
      this.#wire.deliver(message, extra)
    } catch (error) {
      this.#wire.fault(error)
    }
  }

  #refuse(request: JsonObject, id: RequestId, refusal: Refusal): undefined {
    const answer = refusalAnswer(request, id, refusal, this.#seat)
    // After `send` has answered, as an answer from a server would come.
    queueMicrotask(() => this.#deliver(answer))
    return undefined
  }
}

function closed(): BudgetError {
  return new BudgetError({ code: 'transport_closed', message: 'Expected an open transport, got a closed one' })
}
