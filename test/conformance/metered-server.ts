import { wrapServer, wrapServerFactory, wrapTransport } from 'mcp-budget'
import { openMetering, type Settled, type Store } from './metering.js'
import { BARE, type ServerSeat } from './server-seat.js'

/** Which of the three seats a server has. */
export type SeatName = keyof ServerSeat

/** A seat with a budget of its own, for one process under test. */
export async function meteredServer(
  seat: string,
  store: Store,
): Promise<{ seat: ServerSeat; settled(): Promise<Settled> }> {
  const { steps, settled } = await openMetering(store)
  // The seats take what has the right shape; here it can be of either SDK generation.
  const seats: Readonly<Record<SeatName, ServerSeat>> = {
    server: { ...BARE, server: (server) => wrapServer(server as never, ...steps) },
    factory: { ...BARE, factory: (factory) => wrapServerFactory(factory as never, ...steps) },
    transport: { ...BARE, transport: (transport) => wrapTransport(transport as never, ...steps) },
  }
  if (!Object.hasOwn(seats, seat)) throw new Error(`unknown seat ${seat}`)
  return { seat: seats[seat as SeatName], settled }
}
