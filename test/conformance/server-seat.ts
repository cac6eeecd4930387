/** Where a server under test is metered: each is the identity where the seat is another. */
export interface ServerSeat {
  /** Around a server, before anything is registered with it. */
  server<Server>(server: Server): Server
  /** Around what makes the server of each request. */
  factory<Factory>(factory: Factory): Factory
  /** Around the server's end of a session's transport. */
  transport<Transport>(transport: Transport): Transport
}

/** No meter at all. */
export const BARE: ServerSeat = {
  server: (server) => server,
  factory: (factory) => factory,
  transport: (transport) => transport,
}
