import { BudgetError } from '../core/errors.js'
import { ClientSeat, type Wire } from './client-seat.js'
import { isRequestId, isToolsCall, type SendOptions, type TransportLike } from './wire.js'
import { isObject, type JsonObject } from '../core/json.js'
import { readSeat, type SeatOptions } from './seat.js'
import type { CallMiddleware, Ordered } from '../core/middleware.js'

const BRAND = Symbol.for('dev.mcp-budget.metered')
const wrapped = new WeakSet<object>()

/** The members that the wrapper answers for itself; all others belong to the transport. */
interface Inner {
  send(message: unknown, options?: SendOptions): Promise<void>
  onmessage?: ((message: JsonObject, extra?: unknown) => void) | undefined
  onclose?: (() => void) | undefined
  onerror?: ((error: Error) => void) | undefined
  resumeStream?: unknown
}

/**
 * Puts steps around every `tools/call` that a client sends through a transport. Any transport of SDK v1 or v2, every
 * protocol revision; wrap it before `connect`. Answers with a transport of the same type that takes the given one's
 * place; use only that. Messages are never changed, and what is not a call passes in the same tick.
 *
 * A refused call is answered here and never sent: with a JSON-RPC error, or with `refusal: 'result'` as an `isError`
 * result.
 *
 * @param transport what the client will be given
 * @param steps settings first if any (`{ server, refusal, codes }`), then steps, outermost first
 * @throws BudgetError `already_wrapped`, `invalid_config`, `wrong_order`
 * @example
 * ```ts
 * await client.connect(wrapTransport(new StdioClientTransport({ command: 'my-mcp-server' }),
 *   withCostProfile({ defaultCost: 5, costs: { web_search: 5, 'gpt4_*': 25 } }),
 *   withBudget({ enforcer, budget: 'agent-1' }),
 * ))
 * ```
 */
export function wrapTransport<T extends TransportLike, List extends readonly CallMiddleware[]>(
  transport: T,
  ...steps: List & Ordered<List>
): T
export function wrapTransport<T extends TransportLike, List extends readonly CallMiddleware[]>(
  transport: T,
  options: SeatOptions,
  ...steps: List & Ordered<List>
): T
export function wrapTransport<T extends TransportLike>(
  transport: T,
  ...given: readonly (SeatOptions | CallMiddleware)[]
): T {
  if (isMetered(transport) || wrapped.has(transport)) {
    throw alreadyWrapped('transport')
  }
  const seat = readSeat('wrapTransport', given)
  wrapped.add(transport)
  return meteredProxy(transport, transport as unknown as Inner, (wire) => new ClientSeat(seat, wire))
}

/** Whether calls through a transport are metered. */
export function isMetered(transport: unknown): boolean {
  return (Object(transport) as { [BRAND]?: unknown })[BRAND] === true
}

/** The error of wrapping a thing twice. */
export function alreadyWrapped(what: string): BudgetError {
  const message = `Expected a ${what} that is not wrapped; give all steps to one call`
  return new BudgetError({ code: 'already_wrapped', message })
}

// A Proxy, and neither a class of our own nor a change of the transport: the SDKs look at a transport's prototype,
// constructor and undeclared members, and chain the handlers that they find.
function meteredProxy<T extends TransportLike>(transport: T, inner: Inner, seatOn: (wire: Wire) => ClientSeat): T {
  const seat = seatOn({
    send: (message, options) => inner.send(message, options),
    fault: (error) => inner.onerror?.(error as Error),
    resumes: typeof inner.resumeStream === 'function',
  })
  seat.onmessage = inner.onmessage
  let onclose = inner.onclose
  let attached = seat.onmessage !== undefined
  const send = (message: unknown, options?: SendOptions): Promise<void> => {
    attached = true
    return seat.send(message, options)
  }
  const receive = (message: unknown, extra?: unknown): void => {
    if (!attached) throw bypassed()
    if (Array.isArray(message)) message.forEach((each) => receive(each, extra))
    else if (isObject(message) && isToolsCall(message)) notServed(message, inner)
    else seat.receive(message, extra)
  }
  inner.onmessage = receive
  inner.onclose = () => {
    seat.close()
    onclose?.()
  }
  const bound = new WeakMap<object, unknown>()
  return new Proxy(transport, {
    get(target, key) {
      if (key === 'send') return send
      if (key === 'onmessage') return seat.onmessage
      if (key === 'onclose') return onclose
      if (key === BRAND) return true
      const value: unknown = Reflect.get(target, key, target)
      if (typeof value !== 'function' || key === 'constructor') return value
      // Bound to the transport, whose private fields a Proxy cannot reach; the same function each time.
      const known = bound.get(value)
      if (known !== undefined) return known
      const method = (value as (...args: unknown[]) => unknown).bind(target)
      const starting = (...args: unknown[]): unknown => {
        attached = true
        seat.open()
        const started = method(...args)
        // One that did not start sends nothing: what it is asked to send has not run.
        Promise.resolve(started).then(undefined, () => seat.close())
        return started
      }
      const own = key === 'start' ? starting : method
      bound.set(value, own)
      return own
    },
    set(target, key, value: unknown) {
      attached = true
      if (key === 'onmessage') seat.onmessage = value as ClientSeat['onmessage']
      else if (key === 'onclose') onclose = value as typeof onclose
      else return Reflect.set(target, key, value, target)
      return true
    },
  })
}

function bypassed(): BudgetError {
  return new BudgetError({
    code: 'not_metered',
    message: 'Expected what wrapTransport returned to be used, not what is inside',
  })
}

// A client serves no tools. Either a server asks for one all the same, and must not end the connection by it; or this is
// a server's transport, where the call must not run unpaid.
function notServed({ id }: JsonObject, inner: Inner): void {
  const message = "Expected a client's transport, got a server's"
  inner.onerror?.(new BudgetError({ code: 'not_supported', message }))
  if (!isRequestId(id)) return
  const error = { code: -32601, message: 'Method not found' }
  const answering = async (): Promise<void> => inner.send({ jsonrpc: '2.0', id, error })
  answering().catch((error: unknown) => inner.onerror?.(error as Error))
}
