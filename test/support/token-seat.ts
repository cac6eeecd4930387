import {
  BudgetEvents,
  InMemoryBudgetEnforcer,
  MemoryLedger,
  withBudget,
  withCostProfile,
  withDelegation,
  withLedger,
  wrapTransport,
  type BudgetEventMap,
  type BudgetEventName,
  type CallMiddleware,
  type DelegatingEnforcer,
  type PrincipalBudgetOptions,
  type SeatOptions,
  type TokenAuthOptions,
} from 'mcp-budget'
import { mint, type MintOptions } from 'mcp-budget/delegation'
import { FakeClock, settle } from 'mcp-budget/testing'
import { keys } from './tokens.js'
import { MODERN } from './seat.js'
import { StubTransport } from './stub-transport.js'

export const TOKEN = 'dev.mcp-budget/token'
export const KEY = 'dev.mcp-budget/idempotency-key'
export const ALL_OPS = ['call', 'balance', 'delegate', 'close', 'revoke'] as const

export interface TokenSeatSetUp {
  readonly credits?: number
  readonly auth?: Partial<TokenAuthOptions>
  readonly budget?: Partial<PrincipalBudgetOptions>
  readonly seat?: SeatOptions
  readonly store?: (memory: InMemoryBudgetEnforcer, clock: FakeClock) => DelegatingEnforcer
  readonly clock?: FakeClock
  readonly memory?: InMemoryBudgetEnforcer
  /** What goes in place of `withDelegation({ keys })`. */
  readonly step?: CallMiddleware<unknown, any>
}

export interface Sending {
  readonly token?: string | undefined
  readonly meta?: Record<string, unknown>
  readonly extra?: unknown
  readonly modern?: boolean
}

const EVENTS: readonly BudgetEventName[] = [
  'held',
  'charged',
  'refused',
  'simulated',
  'delegated',
  'closed',
  'revoked',
  'fault',
]

/** A server's seat that takes tokens, with a budget `acme/agent-1` of 1,000 and a price of 5, on virtual time. */
export function tokenSeat(options: TokenSeatSetUp = {}) {
  const clock = options.clock ?? new FakeClock()
  const ledger = new MemoryLedger()
  const events = new BudgetEvents()
  const memory = options.memory ?? new InMemoryBudgetEnforcer({ clock, ledger })
  if (options.memory === undefined) memory.initialize('acme/agent-1', options.credits ?? 1_000)
  const enforcer = options.store?.(memory, clock) ?? memory
  const heard: Array<{ readonly name: BudgetEventName; readonly event: any }> = []
  for (const name of EVENTS)
    events.on(name, (event: BudgetEventMap[BudgetEventName][0]) => void heard.push({ name, event }))
  const wire = new StubTransport()
  const transport = wrapTransport(
    wire,
    { clock, ...options.seat },
    ...([
      withLedger({ ledger, clock, events }),
      options.step ?? withDelegation({ keys, enforcer, clock, events, ...options.auth }),
      withCostProfile({ defaultCost: 5, costs: { dear: 50, 'read_*': 1 }, clock, events, enforce: true }),
      withBudget({ enforcer, clock, events, ...options.budget }),
    ] as unknown as readonly []),
  )
  /** What the server behind the seat was handed, and beside it. */
  const handed: Array<{ readonly message: any; readonly extra: any }> = []
  let ids = 0
  transport.onmessage = (message: any, extra?: any) => {
    handed.push({ message, extra })
    const result = { content: [{ type: 'text', text: 'done' }] }
    if (message.id !== undefined) void transport.send({ jsonrpc: '2.0', id: message.id, result })
  }
  /** Sends a request and waits for its answer. */
  async function request(method: string, params: object, { token, meta, extra, modern }: Sending = {}): Promise<any> {
    const id = `r${++ids}`
    const _meta = { ...(modern && MODERN), ...(token !== undefined && { [TOKEN]: token }), ...meta }
    const about = Object.keys(_meta).length > 0 ? { _meta } : {}
    wire.receive({ jsonrpc: '2.0', id, method, params: { ...params, ...about } }, extra)
    await settle()
    return wire.messages.find((message) => message.id === id)
  }
  return {
    clock,
    ledger,
    events,
    memory,
    enforcer,
    wire,
    transport,
    handed,
    heard,
    /** What the listeners of one event were told. */
    told: (name: BudgetEventName) => heard.filter((each) => each.name === name).map(({ event }) => event),
    request,
    /** A call of a tool; the answer on the wire. */
    call: (token?: string, tool = 'search', more: Sending & { readonly args?: object } = {}) =>
      request('tools/call', { name: tool, arguments: more.args ?? { q: 'x' } }, { token, ...more }),
    /** One of the methods of this library; what it answers, or its error. */
    async ask(method: string, params: object, token?: string, more: Sending = {}): Promise<any> {
      const { result, error } = (await request(method, params, { token, ...more })) ?? {}
      return result ?? error
    },
    /** A token on `acme/agent-1` that may do everything. */
    mint: (more: Partial<MintOptions> = {}) =>
      mint(keys, {
        budget: 'acme/agent-1',
        exp: Math.floor(clock.now() / 1_000) + 3_600,
        ops: ALL_OPS,
        depth: 16,
        clock,
        ...more,
      }) as string,
    balance: (budget = 'acme/agent-1') => {
      const { available, held, spent, debt } = memory.describe(budget)
      return { available, held, spent, debt }
    },
  }
}

/** An answer without its id, so that two can be compared. */
export function anonymous(answer: any): string {
  return JSON.stringify({ ...answer, id: undefined })
}
