import {
  BudgetEvents,
  InMemoryBudgetEnforcer,
  InMemoryTaskStore,
  MemoryLedger,
  withBudget,
  withCostProfile,
  withLedger,
  withTaskTracking,
  wrapTransport,
  type BudgetOptions,
  type CallMiddleware,
  type CallRecord,
  type CostProfileOptions,
  type SeatOptions,
  type TaskStore,
  type TaskTrackingOptions,
} from 'mcp-budget'
import { FakeClock, settle } from 'mcp-budget/testing'
import { MODERN } from './seat.js'
import { StubTransport } from './stub-transport.js'

/** How the two generations of the protocol say the same. */
export interface Generation {
  readonly era: 'legacy' | 'modern'
  /** What a request carries beside its own parameters. */
  readonly meta: Record<string, unknown>
  /** The result of a call that became a task. */
  created(taskId: string, ttl?: number | null): Record<string, unknown>
  /** The result of `tasks/get`. */
  status(taskId: string, status: string, more?: Record<string, unknown>): Record<string, unknown>
  /** A notification of the same. */
  notification(taskId: string, status: string, more?: Record<string, unknown>): Record<string, unknown>
  /** Messages that say that the task is over, with a result. */
  over(taskId: string, result: Record<string, unknown>): Record<string, unknown>
}

const DATES = { createdAt: '2027-01-15T08:00:00Z', lastUpdatedAt: '2027-01-15T08:00:00Z' }

export const LEGACY: Generation = {
  era: 'legacy',
  meta: {},
  created: (taskId, ttl = 600_000) => ({ task: { taskId, status: 'working', ttl, ...DATES } }),
  status: (taskId, status, more = {}) => ({ taskId, status, ttl: 600_000, ...DATES, ...more }),
  notification: (taskId, status, more = {}) => ({
    method: 'notifications/tasks/status',
    params: { taskId, status, ttl: 600_000, ...DATES, ...more },
  }),
  over: (taskId, result) => LEGACY.notification(taskId, result.isError === true ? 'failed' : 'completed'),
}

export const EXTENSION: Generation = {
  era: 'modern',
  meta: MODERN,
  created: (taskId, ttlMs = 600_000) => ({ resultType: 'task', taskId, status: 'working', ttlMs, ...DATES }),
  status: (taskId, status, more = {}) => ({
    resultType: 'complete',
    taskId,
    status,
    ttlMs: 600_000,
    ...DATES,
    ...more,
  }),
  notification: (taskId, status, more = {}) => ({
    method: 'notifications/tasks',
    params: { taskId, status, ttlMs: 600_000, ...DATES, ...more },
  }),
  over: (taskId, result) => EXTENSION.notification(taskId, 'completed', { result }),
}

export const GENERATIONS = [LEGACY, EXTENSION] as const

export interface GateSetUp {
  readonly side?: 'client' | 'server'
  readonly clock?: FakeClock
  readonly ledger?: MemoryLedger
  readonly enforcer?: InMemoryBudgetEnforcer
  readonly tasks?: TaskStore
  readonly credits?: number
  readonly prices?: Partial<CostProfileOptions>
  readonly budget?: Partial<BudgetOptions>
  readonly tracking?: Partial<TaskTrackingOptions>
  readonly seat?: SeatOptions
  readonly outer?: readonly CallMiddleware[]
}

/** A gate that tracks tasks, at a client's or a server's stub; several may share a clock, an enforcer and a task store. */
export function gateOn(options: GateSetUp = {}) {
  const { side = 'client', credits = 1_000, prices = { defaultCost: 40 }, outer = [] } = options
  const clock = options.clock ?? new FakeClock()
  const ledger = options.ledger ?? new MemoryLedger()
  const events = new BudgetEvents()
  const enforcer = options.enforcer ?? new InMemoryBudgetEnforcer({ clock, ledger })
  if (options.enforcer === undefined) enforcer.initialize('a', credits)
  const tasks = options.tasks ?? new InMemoryTaskStore({ clock })
  const tracking = withTaskTracking({ tasks, clock, events, ...options.tracking })
  const wire = new StubTransport()
  const transport = wrapTransport(
    wire,
    { clock, server: 'studio', ...options.seat },
    ...([
      withLedger({ ledger, clock }),
      ...outer,
      withCostProfile({ ...prices, clock }),
      tracking,
      withBudget({ enforcer, budget: 'a', clock, events, ...options.budget }),
    ] as unknown as readonly []),
  )
  const received: any[] = []
  transport.onmessage = (message: any) => void received.push(message)
  let count = 0
  const isClient = side === 'client'
  // As every client does first.
  if (isClient) void transport.send({ jsonrpc: '2.0', id: 'first', method: 'tools/list' })
  /** The client says it. */
  const fromClient = async (message: object, extra?: unknown): Promise<void> => {
    if (isClient) await transport.send(message)
    else wire.receive(message, extra)
    await settle()
  }
  /** The server says it. */
  const fromServer = async (message: object): Promise<void> => {
    if (isClient) wire.receive(message)
    else await transport.send(message)
    await settle()
  }
  /** Everything that the client is told. */
  const told = (): any[] => (isClient ? received : wire.messages)
  /** Everything that reaches the server. */
  const reached = (): any[] => (isClient ? wire.messages : received)
  const request = async (method: string, params: object, extra?: unknown): Promise<number> => {
    const id = ++count
    await fromClient({ jsonrpc: '2.0', id, method, params }, extra)
    return id
  }
  const answer = (id: number, result: object): Promise<void> => fromServer({ jsonrpc: '2.0', id, result })
  return {
    clock,
    ledger,
    events,
    enforcer,
    tasks,
    tracking,
    wire,
    transport,
    fromClient,
    fromServer,
    told,
    reached,
    request,
    answer,
    /** A call of `render`, or of another tool. */
    call: (more: Record<string, unknown> = {}, meta: object = {}, extra?: unknown) =>
      request('tools/call', { name: 'render', arguments: { q: 'x' }, _meta: meta, ...more }, extra),
    fail: (id: number, code: number) => fromServer({ jsonrpc: '2.0', id, error: { code, message: 'no' } }),
    notify: (message: Record<string, unknown>) => fromServer({ jsonrpc: '2.0', ...message }),
    answerTo: (id: number) => told().find((message) => message.id === id),
    async wait(ms: number): Promise<void> {
      await clock.advanceAsync(ms)
      await settle()
    },
    balance: (budget = 'a') => {
      const { available, held, spent, debt } = enforcer.describe(budget)
      return { available, held, spent, debt }
    },
    records: (): readonly CallRecord[] => ledger.entries({ kind: 'call' }),
  }
}

/** A gate as {@link gateOn} makes it. */
export type TestGate = ReturnType<typeof gateOn>

/** A call that becomes the task `t1`, or another. */
export async function startTask(
  gate: TestGate,
  generation: Generation,
  more: { readonly taskId?: string; readonly ttl?: number | null; readonly params?: Record<string, unknown> } = {},
): Promise<void> {
  const { taskId = 't1', ttl = 600_000, params = {} } = more
  const task = generation.era === 'legacy' ? { task: { ttl } } : {}
  const id = await gate.call({ ...task, ...params }, { ...generation.meta, ...((params._meta as object) ?? {}) })
  await gate.answer(id, generation.created(taskId, ttl))
}
