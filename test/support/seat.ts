import {
  BudgetEvents,
  InMemoryBudgetEnforcer,
  MemoryLedger,
  withBudget,
  withCostProfile,
  withLedger,
  wrapTransport,
  type BudgetOptions,
  type CallMiddleware,
  type CostProfileOptions,
  type HoldingEnforcer,
  type SeatOptions,
} from 'mcp-budget'
import { asyncEnforcer, FakeClock } from 'mcp-budget/testing'
import { StubTransport } from './stub-transport.js'

export interface SeatSetUp<Wire extends StubTransport> {
  readonly wire?: Wire
  readonly credits?: number
  readonly prices?: Partial<CostProfileOptions>
  readonly budget?: Partial<BudgetOptions>
  readonly seat?: SeatOptions
  /** A store that answers later, or one that goes wrong. */
  readonly store?: 'at once' | 'later' | ((memory: HoldingEnforcer, clock: FakeClock) => HoldingEnforcer)
  /** Steps inside of the budget. */
  readonly inner?: readonly CallMiddleware[]
}

/** A budget of 100, a price of 5, and a wrapped stub, on virtual time. */
export function seatOn<Wire extends StubTransport = StubTransport>(options: SeatSetUp<Wire> = {}) {
  const { credits = 100, prices = { defaultCost: 5 }, store = 'at once', inner = [] } = options
  const clock = new FakeClock()
  const ledger = new MemoryLedger()
  const events = new BudgetEvents()
  const memory = new InMemoryBudgetEnforcer({ clock, ledger })
  memory.initialize('a', credits)
  const enforcer = store === 'at once' ? memory : store === 'later' ? asyncEnforcer(memory) : store(memory, clock)
  const wire = options.wire ?? (new StubTransport() as Wire)
  const transport = wrapTransport(
    wire,
    { clock, ...options.seat },
    ...([
      withLedger({ ledger, clock }),
      withCostProfile({ ...prices, clock }),
      withBudget({ enforcer, budget: 'a', clock, events, ...options.budget }),
      ...inner,
    ] as unknown as readonly []),
  )
  const received: any[] = []
  transport.onmessage = (message: any) => void received.push(message)
  return {
    clock,
    ledger,
    events,
    memory,
    wire,
    transport,
    received,
    balance: () => {
      const { available, held, spent, debt } = memory.describe('a')
      return { available, held, spent, debt }
    },
    openHolds: () => memory.describe('a').openHolds,
    records: () => ledger.entries({ kind: 'call' }) as any[],
  }
}

/** A `tools/call`, of either era. */
export function call(id: string | number, name = 'search', more: Record<string, unknown> = {}) {
  return { jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: { q: 'x' }, ...more } }
}

/** What a 2026-07-28 client puts into `_meta` of each request. */
export const MODERN = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
}

export const resultOf = (id: string | number, result: object = { content: [{ type: 'text', text: 'done' }] }) => ({
  jsonrpc: '2.0',
  id,
  result,
})

export const errorOf = (id: string | number, code: number, data?: unknown) => ({
  jsonrpc: '2.0',
  id,
  error: { code, message: 'no', ...(data !== undefined && { data }) },
})

/** JSON that cannot change, however deep. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const each of Object.values(value)) deepFreeze(each)
  }
  return value
}
