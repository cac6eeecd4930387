import { BudgetError } from '../core/errors.js'
import { alreadyWrapped, isMetered } from './metered-transport.js'
import { isWrappedServer } from './wrap-server.js'
import { isServer, notSupported } from './not-supported.js'
import { wrapIn } from './wrap-transport.js'
import { readSeat, type SeatOptions } from './seat.js'
import type { CallMiddleware, Ordered } from '../core/middleware.js'
import type { ClientLike, ServerLike, TransportLike } from './wire.js'

const wrapped = new WeakSet<object>()

/**
 * Puts steps around every tool call of a client, of SDK v1 or v2: whatever transport `connect` is given, now or later,
 * is wrapped. Answers with the same client, so that no unmetered one is left.
 *
 * @param client one that is not connected yet
 * @param steps settings first if any (`{ server, refusal, codes, governed }`), then steps, outermost first
 * @throws BudgetError `already_connected`, `already_wrapped`, `invalid_config`, `wrong_order`
 * @example
 * ```ts
 * const client = wrapClient(new Client({ name: 'agent', version: '1.0.0' }),
 *   withCostProfile({ defaultCost: 5 }),
 *   withBudget({ enforcer, budget: 'agent-1' }),
 * )
 * await client.connect(transport)
 * ```
 */
export function wrapClient<T extends ClientLike, List extends readonly CallMiddleware[]>(
  client: T,
  options: SeatOptions,
  ...steps: List & Ordered<List>
): T
export function wrapClient<T extends ClientLike, List extends readonly CallMiddleware[]>(
  client: T,
  ...steps: List & Ordered<List>
): T
export function wrapClient<T extends ClientLike>(client: T, ...given: readonly (SeatOptions | CallMiddleware)[]): T {
  const connect = (Object(client) as Partial<ClientLike>).connect as unknown
  if (typeof connect !== 'function' || isServer(client) || isMetered(client) || 'send' in client)
    throw notSupported('wrapClient', 'a client of an MCP SDK', client)
  if (client.transport !== undefined && client.transport !== null) {
    throw new BudgetError({
      code: 'already_connected',
      message: 'Expected a client that is not connected; call wrapClient before connect',
    })
  }
  if (wrapped.has(client)) throw alreadyWrapped('client')
  const seat = readSeat('wrapClient', given)
  // A client may close and connect again, through the same transport.
  const known = new WeakMap<TransportLike, TransportLike>()
  const metered = async (transport: TransportLike, ...rest: unknown[]): Promise<void> => {
    const own = known.get(transport) ?? wrapIn(transport, seat, 'client').transport
    known.set(transport, own)
    return Reflect.apply(connect, client, [own, ...rest]) as Promise<void>
  }
  client.connect = metered
  wrapped.add(client)
  return client
}

/**
 * Makes sure that a client's calls, a server's, or those through a transport, are metered: for the start of a program that must
 * not run without.
 *
 * @throws BudgetError `not_metered`
 * @example assertMetered(client)
 */
export function assertMetered(target: ClientLike | ServerLike | TransportLike): void {
  const metered = isMetered(target) || wrapped.has(target) || isWrappedServer(target)
  if (metered || ('transport' in target && isMetered(target.transport))) return
  throw new BudgetError({
    code: 'not_metered',
    message: 'Expected a wrapped client, server or transport',
  })
}
