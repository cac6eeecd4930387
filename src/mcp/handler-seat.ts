import { andThen, isPromise } from '../core/maybe-promise.js'
import { BudgetError } from '../core/errors.js'
import { isObject, type JsonObject } from '../core/json.js'
import { isRefusal } from '../core/refusal.js'
import { objectAt } from './wire.js'
import { refusalAnswer } from './refusal.js'
import { resultOutcome, thrownOutcome } from '../core/outcome.js'
import type { PendingCall } from './pending.js'
import type { Seat } from './seat.js'
import type { ServerSeat } from './server-seat.js'

/** A handler as the SDKs keep it, of either generation. */
type Handler = (request: JsonObject, context: JsonObject, ...rest: unknown[]) => unknown

/** Both generations keep handlers by method, and ask for one when a request has passed their own checks. */
interface Handled {
  readonly _requestHandlers?: unknown
  fallbackRequestHandler?: unknown
}

/**
 * The seat at a server's own handlers: a call goes through the steps when its handler is asked for, and a refusal is
 * what the handler throws. Handlers are taken where the SDK looks them up, so that it does not matter when they were
 * set; also the one for methods that have none.
 */
export class HandlerSeat {
  /** The seat on the transport that the server is connected to. */
  incoming: ServerSeat | undefined
  readonly #seat: Seat

  /** @throws BudgetError `not_supported` for a server that keeps its handlers elsewhere */
  constructor(server: object, seat: Seat) {
    this.#seat = seat
    const handled = server as Handled
    const handlers = handled._requestHandlers
    if (!(handlers instanceof Map)) {
      const message = 'Expected a server of SDK v1 or v2; for any other wrap its transport with wrapTransport'
      throw new BudgetError({ code: 'not_supported', message })
    }
    const get = handlers.get.bind(handlers) as (method: unknown) => unknown
    handlers.get = (method: unknown) => (seat.governed.has(method) ? this.#metered(get(method)) : get(method))
    let fallback = handled.fallbackRequestHandler
    Object.defineProperty(server, 'fallbackRequestHandler', {
      configurable: true,
      enumerable: true,
      get: () => this.#metered(fallback),
      set: (handler: unknown) => void (fallback = handler),
    })
  }

  #metered(handler: unknown): unknown {
    if (typeof handler !== 'function') return handler
    const run = handler as Handler
    const metered: Handler = (request, context, ...rest) =>
      this.#seat.governed.has(request.method)
        ? this.#run((...judged) => run(...judged, ...rest), request, context)
        : run(request, context, ...rest)
    return metered
  }

  #run(run: (request: JsonObject, context: JsonObject) => unknown, request: JsonObject, context: JsonObject): unknown {
    const calls = this.incoming?.calls
    const pending = calls?.find(context.requestId ?? objectAt(context, 'mcpReq').id)
    // A handler that calls the one that it was put in place of, and the watching of shadow mode.
    if (pending?.handled === true || this.#seat.shadow) {
      if (pending !== undefined) pending.handled = true
      return run(request, context)
    }
    if (calls === undefined || pending === undefined) {
      const message = 'Expected a call that came through the transport of its wrapped server'
      throw new BudgetError({ code: 'not_metered', message })
    }
    return andThen(calls.enter(pending), (decision) => {
      // Or given up since it was decided: its hold has ended.
      if (decision === 'dropped' || decision === 'closed' || pending.cancelled)
        throw new BudgetError({ code: 'transport_closed', message: 'Expected a caller' })
      if (isRefusal(decision)) return answerOrThrow(refusalAnswer(pending.request, pending.id, decision, this.#seat))
      pending.handled = true
      pending.sent = true
      const done = (value: unknown): void => calls.finish(pending, resultOutcome(value, 'unknown'))
      const answer = run(...judged(pending, request, context))
      if (isPromise(answer)) answer.then(done, (error: unknown) => calls.finish(pending, thrownOutcome(error)))
      else done(answer)
      return answer
    })
  }
}

/** A refusal on its way through an SDK, which makes a JSON-RPC error of what a handler throws. */
class RefusedCall extends Error {
  readonly code: unknown
  readonly data: unknown

  constructor({ message, code, data }: JsonObject) {
    super(String(message))
    this.code = code
    this.data = data
  }
}

function answerOrThrow({ result, error }: JsonObject): unknown {
  if (isObject(error)) throw new RefusedCall(error)
  return result
}

// As they came, but where a step changed the call.
function judged(pending: PendingCall, request: JsonObject, context: JsonObject): [JsonObject, JsonObject] {
  const seen = pending.call
  const call = pending.passage?.call ?? seen
  // Exchanged where a step changed the call, or where the decision took time in which somebody could have.
  if (pending.request === pending.delivered) return [request, context]
  const { requestState: _state, inputResponses: _responses, ...params } = objectAt(pending.request, 'params')
  const changed = { ...request, params: { ...objectAt(request, 'params'), ...params } }
  const mcpReq = isObject(context.mcpReq) ? { mcpReq: { ...context.mcpReq, _meta: call.meta } } : { _meta: call.meta }
  return [changed, call.meta === seen.meta ? context : { ...context, ...mcpReq }]
}
