import {
  BudgetEvents,
  InMemoryBudgetEnforcer,
  MemoryLedger,
  withBudget,
  withCostProfile,
  withDelegation,
  withLedger,
  wrapTransport,
  type CallMiddleware,
  type DelegatingEnforcer,
  type PrincipalBudgetOptions,
  type SeatOptions,
} from 'mcp-budget'
import { FakeClock, settle } from 'mcp-budget/testing'
import { keys, tokenOf } from './tokens.js'
import { StubTransport } from './stub-transport.js'

/** Where a client puts its token. */
export const TOKEN = 'dev.mcp-budget/token'
export const KEY = 'dev.mcp-budget/idempotency-key'

interface SetUp {
  readonly delegation?: object
  readonly budget?: Partial<PrincipalBudgetOptions>
  readonly prices?: object
  readonly seat?: SeatOptions
  /** Between delegation and price. */
  readonly outer?: readonly CallMiddleware[]
  /** Between price and budget, on the clock of the seat. */
  readonly priced?: (clock: FakeClock) => readonly CallMiddleware[]
  readonly store?: (memory: InMemoryBudgetEnforcer, clock: FakeClock) => DelegatingEnforcer
  readonly budgets?: Readonly<Record<string, number>>
}

/** A server's seat that takes tokens, on a stub; the test is the client and the server. */
export function tokenSeat(options: SetUp = {}) {
  const { delegation = {}, budgets = { 'acme/agent-1': 100 }, prices = { defaultCost: 5 } } = options
  const clock = new FakeClock()
  const ledger = new MemoryLedger()
  const events = new BudgetEvents()
  const told: Array<[string, any]> = []
  for (const name of ['held', 'charged', 'refused', 'delegated', 'closed', 'revoked', 'fault', 'outage'] as const)
    events.on(name, (event: any) => void told.push([name, event]))
  const memory = new InMemoryBudgetEnforcer({ clock, ledger })
  for (const [budget, credits] of Object.entries(budgets)) memory.initialize(budget, credits)
  const enforcer = options.store?.(memory, clock) ?? memory
  const wire = new StubTransport()
  const transport = wrapTransport(
    wire,
    { clock, ...options.seat },
    ...([
      withLedger({ ledger, clock }),
      withDelegation({ keys, enforcer, clock, events, ...delegation }),
      ...(options.outer ?? []),
      withCostProfile({ ...prices, clock }),
      ...(options.priced?.(clock) ?? []),
      withBudget({ enforcer, clock, events, ...options.budget }),
    ] as unknown as readonly []),
  )
  const ran: any[] = []
  transport.onmessage = ((message: any, extra: any) => void ran.push({ message, extra })) as never
  let next = 0
  /** Asks for a method by a token; answers with what was sent back, or nothing where it waits. */
  const ask = async (method: string, params: object, token?: string, meta: object = {}, extra?: object) => {
    const id = ++next
    const _meta = { ...meta, ...(token !== undefined && { [TOKEN]: token }) }
    wire.receive({ jsonrpc: '2.0', id, method, params: { ...params, _meta } }, extra)
    await settle()
    return wire.messages.find((message) => message.id === id)
  }
  const call = (token?: string, name = 'search', more: object = {}, extra?: object) =>
    ask('tools/call', { name, arguments: { q: 'x' }, ...more }, token, {}, extra)
  /** Answers the call that came last, as the server. */
  const answer = async (result: object = { content: [] }) => {
    const { id } = ran.at(-1).message
    await (transport as any).send({ jsonrpc: '2.0', id, result })
    await settle()
    return wire.messages.at(-1)
  }
  const available = (budget = 'acme/agent-1') => memory.describe(budget).available
  return { clock, ledger, events, told, memory, wire, transport, ran, ask, call, answer, available }
}

/** A token on `acme/agent-1` that may do everything. */
export const ALL = 'ops=call,balance,delegate,close,revoke'
export const full = (...caveats: string[]) => tokenOf([ALL, ...caveats])
