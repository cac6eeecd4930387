import { alreadyWrapped, isMetered, meterTransport } from './metered-transport.js'
import { readSeat, type Seat, type SeatOptions } from './seat.js'
import type { CallMiddleware, Ordered } from '../core/middleware.js'
import { notSupported } from './not-supported.js'
import type { Role } from './server-seat.js'
import type { TransportLike } from './wire.js'

const wrapped = new WeakSet<object>()

/**
 * Puts steps around every `tools/call` that passes a transport: those that a client sends, or those that a server
 * receives, for the direction of each message tells the side. Any transport of SDK v1 or v2, every protocol revision;
 * wrap it before `connect`. Answers with a transport of the same type that takes the given one's place; use only that.
 * Messages are never changed but for what is this library's own, and what is not a call passes in the same tick.
 *
 * A refused call is answered here and never handed on: with a JSON-RPC error, or with `refusal: 'result'` as an
 * `isError` result.
 *
 * @param transport what the client or the server will be given
 * @param steps settings first if any (`{ server, refusal, codes, governed, sealKeys }`), then steps, outermost first
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
  options: SeatOptions,
  ...steps: List & Ordered<List>
): T
export function wrapTransport<T extends TransportLike, List extends readonly CallMiddleware[]>(
  transport: T,
  ...steps: List & Ordered<List>
): T
export function wrapTransport<T extends TransportLike>(
  transport: T,
  ...given: readonly (SeatOptions | CallMiddleware)[]
): T {
  assertTransport(transport)
  return wrapIn(transport, readSeat('wrapTransport', given), 'unknown').transport
}

/** Puts a seat on a transport, which must not have one. @throws BudgetError `already_wrapped` */
export function wrapIn<T extends TransportLike>(transport: T, seat: Seat, role: Role) {
  assertTransport(transport)
  wrapped.add(transport)
  return meterTransport(transport, seat, role)
}

function assertTransport(transport: unknown): void {
  const { start, send, close } = Object(transport) as Partial<TransportLike>
  if (![start, send, close].every((each) => typeof each === 'function')) {
    throw notSupported('wrapTransport', 'a transport, with `start`, `send` and `close`', transport)
  }
  if (isMetered(transport) || wrapped.has(transport as object)) throw alreadyWrapped('transport')
}
