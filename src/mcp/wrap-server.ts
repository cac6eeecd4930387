import { alreadyWrapped } from './metered-transport.js'
import { andThen, type MaybePromise } from '../core/maybe-promise.js'
import { BudgetError } from '../core/errors.js'
import { HandlerSeat } from './handler-seat.js'
import { isObject, type JsonObject } from '../core/json.js'
import { isServer, notSupported } from './not-supported.js'
import { readSeat, type Seat, type SeatOptions } from './seat.js'
import { wrapIn } from './wrap-transport.js'
import type { CallMiddleware, Ordered } from '../core/middleware.js'
import type { ServerLike, TransportLike } from './wire.js'

/** The server of each wrapped one, and the seat that it has. */
const seats = new WeakMap<object, Seat>()

/** What is used of a low-level server, beside its handlers. */
interface LowServer {
  connect(transport: TransportLike, ...rest: unknown[]): Promise<void>
  readonly transport?: unknown
}

/**
 * Puts steps around every tool of a server, of SDK v1 or v2: an `McpServer` or a `Server`. Tools may be registered
 * before or after. A call goes through the steps when the SDK asks the server's handler for it, so that all that is
 * refused before keeps its answer and its HTTP status. The same server is answered.
 *
 * `tools/list` shows each tool's price, `budget/balance` is answered, and what asks for input goes on sealed. In
 * shadow mode no message is changed or answered.
 *
 * @param server one that is not connected yet; for a server that is made per request use `wrapServerFactory`
 * @param steps settings first if any (`{ server, refusal, codes, governed, sealKeys }`), then steps, outermost first
 * @throws BudgetError `already_connected`, `already_wrapped`, `not_supported` for something that is no server,
 * `invalid_config`, `wrong_order`
 * @example
 * ```ts
 * const server = wrapServer(new McpServer({ name: 'search', version: '1.0.0' }),
 *   withCostProfile({ defaultCost: 5 }),
 *   withBudget({ enforcer, budget: (call) => call.auth?.clientId ?? 'anonymous' }),
 * )
 * ```
 */
export function wrapServer<T extends ServerLike, List extends readonly CallMiddleware[]>(
  server: T,
  options: SeatOptions,
  ...steps: List & Ordered<List>
): T
export function wrapServer<T extends ServerLike, List extends readonly CallMiddleware[]>(
  server: T,
  ...steps: List & Ordered<List>
): T
export function wrapServer<T extends ServerLike>(server: T, ...given: readonly (SeatOptions | CallMiddleware)[]): T {
  const low = lowServer(server, 'wrapServer')
  return seatServer(server, low, readSeat('wrapServer', given))
}

/**
 * Puts steps around every tool of the servers that a factory makes, one for each request or connection: for
 * `createMcpHandler` and `serveStdio` of SDK v2. Answers with a factory of the same type. All its servers share the
 * steps, so that the budget is one.
 *
 * @param factory makes an `McpServer` or a `Server`, or promises one; it may make the same one again
 * @param steps as for `wrapServer`
 * @throws BudgetError `not_supported` for something that is no factory, `invalid_config`, `wrong_order`
 * @example
 * ```ts
 * const handler = createMcpHandler(wrapServerFactory(makeServer,
 *   withCostProfile({ defaultCost: 5 }),
 *   withBudget({ enforcer, budget: (call) => call.auth?.clientId ?? 'anonymous' }),
 * ))
 * ```
 */
export function wrapServerFactory<F extends ServerFactory, List extends readonly CallMiddleware[]>(
  factory: F,
  options: SeatOptions,
  ...steps: List & Ordered<List>
): F
export function wrapServerFactory<F extends ServerFactory, List extends readonly CallMiddleware[]>(
  factory: F,
  ...steps: List & Ordered<List>
): F
export function wrapServerFactory<F extends ServerFactory>(
  factory: F,
  ...given: readonly (SeatOptions | CallMiddleware)[]
): F {
  const made: unknown = factory
  if (typeof made !== 'function') throw notSupported('wrapServerFactory', 'a function that makes a server', made)
  const seat = readSeat('wrapServerFactory', given)
  const wrap = (server: ServerLike): ServerLike => {
    const low = lowServer(server, 'wrapServerFactory')
    return seats.get(low) === seat ? server : seatServer(server, low, seat)
  }
  const wrapping = (...args: unknown[]): unknown => {
    const server = (made as (...args: unknown[]) => MaybePromise<ServerLike>)(...args)
    return andThen(server, wrap)
  }
  return wrapping as unknown as F
}

/** What makes a server, now or later. */
export type ServerFactory = (...args: never[]) => ServerLike | Promise<ServerLike>

function seatServer<T extends ServerLike>(server: T, low: LowServer, seat: Seat): T {
  if (seats.has(low)) throw alreadyWrapped('server')
  if (low.transport !== undefined && low.transport !== null) throw connected('call wrapServer before connect')
  const handlers = new HandlerSeat(low, seat)
  const connect = low.connect.bind(low)
  // A server may close and connect again, through the same transport.
  const known = new WeakMap<object, ReturnType<typeof wrapIn>>()
  low.connect = async (transport, ...rest) => {
    if (low.transport !== undefined && low.transport !== null)
      throw connected('make a server for each connection, or answers cross')
    const own = known.get(transport) ?? wrapIn(transport, seat, 'handlers')
    known.set(transport, own)
    handlers.incoming = own.incoming
    return connect(own.transport, ...rest)
  }
  seats.set(low, seat)
  return server
}

/** Whether a server is wrapped. */
export function isWrappedServer(server: unknown): boolean {
  return isObject(server) && (seats.has(server) || (isObject(server.server) && seats.has(server.server)))
}

function lowServer(server: unknown, who: string): LowServer {
  if (!isServer(server)) throw notSupported(who, 'a server of an MCP SDK', server)
  const given = server as JsonObject
  return (isObject(given.server) ? given.server : given) as unknown as LowServer
}

function connected(hint: string): BudgetError {
  return new BudgetError({ code: 'already_connected', message: `Expected a server that is not connected; ${hint}` })
}
