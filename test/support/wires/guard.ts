import {
  InMemoryBudgetEnforcer,
  withBudget,
  withCostProfile,
  wrapServer,
  wrapServerFactory,
  wrapTransport,
  type BudgetOptions,
  type SeatOptions,
  type ServerFactory,
  type ServerLike,
  type TransportLike,
} from 'mcp-budget'
import { asyncEnforcer } from '../async-enforcer.js'

/** How a server is guarded: plain data, for a server may be another process. */
export interface Guarding {
  readonly seat: 'wrapServer' | 'wrapServerFactory' | 'wrapTransport'
  readonly store: 'at once' | 'later'
  readonly refusal?: SeatOptions['refusal']
  readonly governed?: SeatOptions['governed']
  readonly mode?: BudgetOptions['mode']
  readonly credits?: number
}

/** Puts a seat where `Guarding` says, and nothing anywhere else. */
export interface Guard {
  server<T extends ServerLike>(server: T): T
  factory<F extends ServerFactory>(factory: F): F
  transport<T extends TransportLike>(transport: T): T
}

export const PRICE = 5
export const BUDGET = 'agent-1'

export const unguarded: Guard = {
  server: (server) => server,
  factory: (factory) => factory,
  transport: (transport) => transport,
}

/** All servers behind one guard share its budget. */
export function guardOf(guarding: Guarding | undefined): Guard {
  if (guarding === undefined) return unguarded
  const { seat, store, refusal = 'error', governed = [], mode = 'hard', credits = 2 * PRICE } = guarding
  const memory = new InMemoryBudgetEnforcer()
  memory.initialize(BUDGET, credits)
  const enforcer = store === 'at once' ? memory : asyncEnforcer(memory)
  const steps = [withCostProfile({ defaultCost: PRICE }), withBudget({ enforcer, budget: BUDGET, mode })] as const
  const options: SeatOptions = { refusal, governed }
  return {
    ...unguarded,
    ...(seat === 'wrapServer' && { server: (server) => wrapServer(server, options, ...steps) }),
    ...(seat === 'wrapServerFactory' && { factory: (factory) => wrapServerFactory(factory, options, ...steps) }),
    ...(seat === 'wrapTransport' && { transport: (transport) => wrapTransport(transport, options, ...steps) }),
  }
}
