import { BudgetError } from '../core/errors.js'
import { Calls, type Decision } from './calls.js'
import { eraOf } from './eras.js'
import { isPromise, type MaybePromise } from '../core/maybe-promise.js'
import { isRequestId, objectAt, type RequestId, type SendOptions, type Wire } from './wire.js'
import { Listings } from './listings.js'
import { misconfigured } from '../core/settings.js'
import { newCall } from '../core/call.js'
import { invalidMessage, isCall, ownParams, snapshotOf, toolOf } from './request.js'
import { observe } from './observe.js'
import { refusalAnswer } from './refusal.js'
import { takeCredentials, type Presented } from './credentials.js'
import { Screens } from './screens.js'
import type { JsonObject } from '../core/json.js'
import { methodNotFound, OWN_METHODS } from './methods.js'
import { PENDING_LIMIT, type PendingCall } from './pending.js'
import { isRefusal, refuse, type Refusal } from '../core/refusal.js'
import type { Seat } from './seat.js'

const DUPLICATE = { error: 'invalid_request', reason: 'duplicate_id' } as const
const FULL = { error: 'budget_unavailable', reason: 'pending_limit' } as const

/** Whose transport a seat is on, as far as is known when it is wrapped. */
export type Role = 'client' | 'handlers' | 'unknown'

/**
 * The calls that come in through a transport, usually a server's: takes each through the steps, and ends it by what is
 * answered, by a cancellation or by the end of the connection. Answers this library's own methods.
 *
 * In the role `handlers` the server's own handlers take calls through the steps (`wrapServer`): here they are noted, and
 * handed on in the same tick, so that what a server refuses before it asks a handler is refused as without a seat.
 */
export class ServerSeat {
  readonly calls: Calls
  /** Whether the transport has shown to be a client's: what a server calls there has no handler, and costs nothing. */
  isClient: boolean
  readonly #seat: Seat
  readonly #wire: Wire
  readonly #role: Role
  readonly #listings: Listings
  readonly #methods: ReadonlySet<unknown>
  readonly #screens: Screens
  /** Requests that are no calls, and not answered yet; those for our own methods with who may give them up. */
  readonly #others = new Map<RequestId, AbortController | undefined>()
  /** The ids of requests that were cancelled: a server that is not strict may still answer them. */
  readonly #cancelled = new Set<RequestId>()

  constructor(seat: Seat, wire: Wire, role: Role) {
    this.#seat = seat
    this.#wire = wire
    this.#role = role
    this.isClient = role === 'client'
    this.calls = new Calls(seat, seat.engine, seat.receivedRounds)
    const methods = seat.shadow ? [] : seat.engine.methods
    this.#methods = new Set([...OWN_METHODS, ...methods])
    this.#screens = new Screens(seat)
    this.#listings = new Listings(seat, 'server', methods)
  }

  /** Takes in a request or a notification. */
  receive(given: JsonObject, besides: unknown): void {
    const { shadow } = this.#seat
    const presented = takeCredentials(given, besides, this.#wire.session)
    const { method, id } = given
    const mayRun = !this.isClient || method === 'sampling/createMessage'
    if (mayRun && isCall(given, this.#seat))
      return shadow ? this.#watch(presented, given, besides) : this.#call(presented)
    const { message, extra } = presented
    if (method === 'notifications/cancelled') this.#cancel(message)
    const isScreened = !this.isClient && this.#screens.asks(message)
    // A server that is not strict would do it, for whoever asks.
    if (isScreened && !isRequestId(id))
      return this.#wire.fault(invalidMessage('a request with an id, text or an integer'))
    if (isRequestId(id) && !this.#open(message, id, method)) return
    if (!this.isClient && !shadow && this.#methods.has(method) && isRequestId(id)) return this.#own(presented, id)
    if (isScreened && isRequestId(id)) return this.#screened(presented, id)
    this.#pass(message, shadow ? given : message, shadow ? besides : extra)
  }

  /** Sends an answer. */
  answer(message: JsonObject, options: SendOptions | undefined): Promise<void> {
    const pending = this.calls.find(message.id)
    // Nor is it the answer to a call that nobody was handed yet.
    if (pending === undefined || this.#isUndelivered(pending)) {
      if (!this.#others.delete(message.id as RequestId)) this.#cancelled.delete(message.id as RequestId)
      const answer = this.#screens.answer(message)
      if (isPromise(answer)) return Promise.resolve(answer).then((later) => this.#answerOther(later, options))
      return this.#answerOther(answer, options)
    }
    const gated = this.#role === 'handlers' && !this.#seat.shadow
    if (gated && pending.passage === undefined && message.result !== undefined) return this.#bypassed(pending, options)
    const answer = this.calls.answered(pending, message)
    if (!isPromise(answer)) return this.#wire.send(answer, options)
    return Promise.resolve(answer).then((later) => this.#wire.send(later, options))
  }

  /** The connection is gone. */
  close(): void {
    for (const request of this.#others.values()) request?.abort()
    this.#others.clear()
    this.#cancelled.clear()
    this.#screens.clear()
    this.calls.close()
  }

  #isUndelivered(pending: PendingCall): boolean {
    return !pending.sent && this.#role !== 'handlers' && !this.#seat.shadow
  }

  #answerOther(message: JsonObject, options: SendOptions | undefined): Promise<void> {
    observe(this.#seat, this.#wire, message, 'out')
    return this.#wire.send(this.#listings.answer(message), options)
  }

  #pass(seen: JsonObject, message: JsonObject, extra: unknown): void {
    this.#listings.request(seen)
    observe(this.#seat, this.#wire, seen, 'in')
    this.#wire.deliver(message, extra)
  }

  #screened({ message, extra, auth }: Presented, id: RequestId): void {
    const refusal = this.#screens.ask(message, id, auth)
    const decided = (answer: Refusal | undefined, pass: () => void): void => {
      // One that was cancelled meanwhile is not waited for.
      if (!this.#others.has(id)) return
      if (answer === undefined) return pass()
      this.#others.delete(id)
      this.#refuse(message, id, answer)
    }
    if (!isPromise(refusal)) return decided(refusal, () => this.#pass(message, message, extra))
    const snapshot = snapshotOf(message)
    void Promise.resolve(refusal).then((later) =>
      decided(later, () => this.#guarded(() => this.#pass(snapshot, snapshot, extra))),
    )
  }

  // One id stands for one request: the answer to another must not end a call.
  #open(message: JsonObject, id: RequestId, method: unknown): boolean {
    if (this.#seat.shadow) return true
    const isOurs = this.#methods.has(method) || (!this.isClient && this.#screens.asks(message))
    // What goes on to a server is the server's to refuse, and what is judged or answered here must be refused here.
    const isTaken =
      this.calls.find(id) !== undefined ||
      this.#screens.awaits(id) ||
      (isOurs && (this.#others.has(id) || this.#cancelled.has(id)))
    const isFull = this.#others.size >= PENDING_LIMIT
    if (!isTaken && !(isOurs && isFull)) {
      if (!isFull) this.#others.set(id, undefined)
      return true
    }
    this.#refuse(message, id, refuse('', isTaken ? DUPLICATE : FULL))
    return false
  }

  // In shadow mode a call goes on as it came, with its tokens; the steps are shown none.
  #watch({ message, auth }: Presented, given: JsonObject, besides: unknown): void {
    this.calls.watch(this.calls.take(message, given.id as RequestId, auth))
    this.#wire.deliver(given, besides)
  }

  #call({ message, extra, auth }: Presented): void {
    const { id } = message
    // A server that is not strict would run it, unanswered and unpaid.
    if (!isRequestId(id)) return this.#wire.fault(invalidMessage('a call with an id, text or an integer'))
    const isTaken = this.#others.has(id) || this.#cancelled.has(id)
    if (isTaken || this.#others.size >= PENDING_LIMIT) {
      return this.#refuse(message, id, refuse(toolOf(message), isTaken ? DUPLICATE : FULL))
    }
    if (this.#seat.clientOnly && !this.isClient) {
      const detail = misconfigured('steps', 'those of a server', undefined, 'one that attaches what a client sends')
      return this.#refuse(message, id, refuse(toolOf(message), { error: 'step_failed', reason: 'step_failed', detail }))
    }
    const taken = this.calls.take(message, id, auth)
    if (!isPromise(taken)) return this.#taken(taken, message, id, extra, false)
    void Promise.resolve(taken).then((later) => this.#taken(later, message, id, extra, true))
  }

  #taken(taken: PendingCall | Refusal, message: JsonObject, id: RequestId, extra: unknown, late: boolean): void {
    if (isRefusal(taken)) {
      if (this.#role !== 'handlers' || !isForHandler(taken, message)) return this.#refuse(message, id, taken)
      return this.#deliver(this.calls.refuseLater(message, id, taken), extra, late)
    }
    if (this.#role === 'handlers') return this.#deliver(taken, extra, late)
    const decided = (decision: Decision, later: boolean): void => {
      // Nobody waits for an answer.
      if (decision === 'dropped' || decision === 'closed') return
      if (isRefusal(decision)) this.#refuse(message, id, decision)
      // Given up since it was decided: its hold has ended.
      else if (!decision.cancelled) this.#deliver(decision, extra, later)
    }
    const decision = this.calls.enter(taken)
    if (!isPromise(decision)) return decided(decision, late)
    void Promise.resolve(decision).then((later) => decided(later, true))
  }

  // What a receiver throws in time goes to the transport, which knows what to do; later there is nobody to catch it.
  #deliver(pending: PendingCall, extra: unknown, late: boolean): void {
    // Nothing of it has begun while its handler still has to be asked for.
    pending.sent = this.#role !== 'handlers'
    pending.awaited = !pending.sent
    pending.delivered = pending.request
    if (!late) return this.#wire.deliver(pending.request, extra)
    this.#guarded(() => this.#wire.deliver(pending.request, extra))
  }

  #guarded(deliver: () => void): void {
    try {
      deliver()
    } catch (error) {
      this.#wire.fault(error)
    }
  }

  #cancel(message: JsonObject): void {
    const { requestId } = objectAt(message, 'params')
    const pending = this.calls.find(requestId)
    this.#screens.cancel(requestId as RequestId)
    // Until it is answered all the same, its id stands for no call.
    this.#others.get(requestId as RequestId)?.abort()
    if (this.#others.delete(requestId as RequestId) || pending !== undefined) {
      const [oldest] = this.#cancelled
      if (oldest !== undefined && this.#cancelled.size >= PENDING_LIMIT) this.#cancelled.delete(oldest)
      this.#cancelled.add(requestId as RequestId)
    }
    if (pending !== undefined && !pending.cancelled) this.calls.lose(pending, 'cancelled')
  }

  #own({ message, auth }: Presented, id: RequestId): void {
    const { server, clock, engine } = this.#seat
    const params = objectAt(message, 'params')
    const about = { tool: String(message.method), args: ownParams(params), meta: objectAt(params, '_meta') }
    const request = newCall({ ...about, server, auth }, clock.now())
    const given = new AbortController()
    this.#others.set(id, given)
    const answered = (answer: JsonObject | Refusal | undefined): void => {
      if (!this.#others.delete(id)) this.#cancelled.delete(id)
      if (isRefusal(answer)) return this.#refuse(message, id, answer)
      if (answer === undefined) return this.#answerLater(methodNotFound(id))
      const result = eraOf(message) === 'modern' ? { resultType: 'complete', ...answer } : { ...answer }
      this.#answerLater({ jsonrpc: '2.0', id, result })
    }
    const answer: MaybePromise<JsonObject | Refusal> | undefined = engine.answer(request, given.signal)
    if (answer === undefined || !isPromise(answer)) answered(answer)
    else void Promise.resolve(answer).then(answered)
  }

  // In a turn of its own, as the answer of a handler: what a server answers at once has another HTTP status.
  #refuse(message: JsonObject, id: RequestId, refusal: Refusal): void {
    this.#answerLater(refusalAnswer(message, id, refusal, this.#seat))
  }

  #answerLater(answer: JsonObject): void {
    const send = async (): Promise<void> => this.#wire.send(answer, undefined)
    queueMicrotask(() => {
      send().catch((error: unknown) => this.#wire.fault(error))
    })
  }

  // Something ran that no step was asked about: whoever did it must not profit.
  #bypassed(pending: PendingCall, options: SendOptions | undefined): Promise<void> {
    this.calls.lose(pending, 'not-sent')
    const error = new BudgetError({
      code: 'not_metered',
      message: 'Expected the handler of a wrapped server to answer a call, got an answer of something else',
    })
    this.#wire.fault(error)
    const answer = { jsonrpc: '2.0', id: pending.id, error: { code: -32603, message: error.message } }
    return this.#wire.send(answer, options)
  }
}

/**
 * Whether a refusal may wait for the handler, so that what the server says before keeps its HTTP status. Not one of an
 * id that is taken, nor of a call whose answer would come inside of another one.
 */
function isForHandler({ reason }: Refusal, message: JsonObject): boolean {
  if (reason === 'related_task') return eraOf(message) === 'modern'
  return reason !== 'duplicate_id' && reason !== 'pending_limit'
}
