import { BudgetError } from '../core/errors.js'
import { ClientSeat } from './client-seat.js'
import { takeCredentials } from './credentials.js'
import { isOfClient } from './methods.js'
import { isResponse, type SendOptions, type TransportLike, type Wire } from './wire.js'
import { isObject, type JsonObject } from '../core/json.js'
import { ServerSeat, type Role } from './server-seat.js'
import type { Seat } from './seat.js'

const BRAND = Symbol.for('dev.mcp-budget.metered')

/** The members that the wrapper answers for itself; all others belong to the transport. */
interface Inner {
  send(message: unknown, options?: SendOptions): Promise<void>
  onmessage?: ((message: JsonObject, extra?: unknown) => void) | undefined
  onclose?: (() => void) | undefined
  onerror?: ((error: Error) => void) | undefined
  resumeStream?: unknown
  sessionId?: unknown
}

/** A transport with steps on it, and the seat of the calls that come in. */
export interface MeteredTransport<T> {
  readonly transport: T
  readonly incoming: ServerSeat
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

/**
 * Puts seats on a transport: the direction of each message tells which one has it. A Proxy, and neither a class of our
 * own nor a change of the transport: the SDKs look at a transport's prototype, constructor and undeclared members, and
 * chain the handlers that they find.
 *
 * @param role whose transport it is: a client's; a server's whose own handlers take calls through the steps; or not
 * known, until a message shows it
 */
export function meterTransport<T extends TransportLike>(transport: T, seat: Seat, role: Role): MeteredTransport<T> {
  const inner = transport as unknown as Inner
  let { onmessage, onclose } = inner
  let attached = onmessage !== undefined
  const wire: Wire = {
    send: (message, options) => inner.send(message, options),
    deliver: (message, extra) => onmessage?.(message, extra),
    fault: (error) => inner.onerror?.(error as Error),
    resumes: typeof inner.resumeStream === 'function',
    get session() {
      return typeof inner.sessionId === 'string' ? inner.sessionId : undefined
    },
    link: {},
    get isClient() {
      return incoming.isClient
    },
  }
  const outgoing = new ClientSeat(seat, wire)
  const incoming = new ServerSeat(seat, wire, role)
  const send = (message: unknown, options?: SendOptions): Promise<void> => {
    attached = true
    if (isObject(message)) {
      if (isResponse(message)) return incoming.answer(message, options)
      incoming.isClient ||= isOfClient(message)
    }
    return outgoing.send(message, options)
  }
  const receive = (message: unknown, extra?: unknown): void => {
    if (!attached) throw bypassed()
    if (Array.isArray(message)) message.forEach((each) => receive(each, extra))
    else if (!isObject(message)) onmessage?.(message as JsonObject, extra)
    else if (isResponse(message)) outgoing.receive(message, seat.shadow ? extra : takeCredentials({}, extra).extra)
    else incoming.receive(message, extra)
  }
  const over = (): void => {
    outgoing.close()
    incoming.close()
  }
  inner.onmessage = receive
  inner.onclose = () => {
    over()
    onclose?.()
  }
  const bound = new WeakMap<object, unknown>()
  const proxy = new Proxy(transport, {
    get(target, key) {
      if (key === 'send') return send
      if (key === 'onmessage') return onmessage
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
        outgoing.open()
        incoming.calls.open()
        const started = method(...args)
        // One that did not start sends nothing: what it is asked to send has not run.
        Promise.resolve(started).then(undefined, over)
        return started
      }
      const own = key === 'start' ? starting : method
      bound.set(value, own)
      return own
    },
    set(target, key, value: unknown) {
      attached = true
      if (key === 'onmessage') onmessage = value as typeof onmessage
      else if (key === 'onclose') onclose = value as typeof onclose
      else return Reflect.set(target, key, value, target)
      return true
    },
  })
  return { transport: proxy, incoming }
}

function bypassed(): BudgetError {
  return new BudgetError({
    code: 'not_metered',
    message: 'Expected what wrapTransport returned to be used, not what is inside',
  })
}
