import {
  InMemoryBudgetEnforcer,
  InMemoryTaskStore,
  MemoryLedger,
  withBudget,
  withCostProfile,
  withLedger,
  withTaskTracking,
  wrapServer,
  wrapServerFactory,
  type TaskTrackingOptions,
} from 'mcp-budget'
import { CallToolResultSchema, CreateTaskResultSchema } from '@modelcontextprotocol/sdk/types.js'
import { InMemoryTaskStore as ServerTasks } from '@modelcontextprotocol/sdk/experimental/tasks/stores/in-memory.js'
import { describe, expect, test } from 'vitest'
import { clientV1, renderV1, studioV1, type Plan } from '../../examples/task-retries/v1.js'
import { clientV2, renderV2, studioV2, type RenderTask } from '../../examples/task-retries/extension.js'

const N = 41

function stores() {
  const ledger = new MemoryLedger()
  const enforcer = new InMemoryBudgetEnforcer({ ledger })
  enforcer.initialize('a', 1_000)
  // What the servers have, and what the gates have.
  const servers = { v1: new ServerTasks(), v2: new Map<string, RenderTask>() }
  /** The work is done after all. */
  const finish = async (taskId: string): Promise<void> => {
    const result = { content: [{ type: 'text' as const, text: 'works' }] }
    const task = servers.v2.get(taskId)
    if (task === undefined) return servers.v1.storeTaskResult(taskId, 'completed', result)
    Object.assign(task, { status: 'completed', result: { resultType: 'complete', ...result } })
  }
  return { ledger, enforcer, tasks: new InMemoryTaskStore(), servers, finish }
}

function gate(tracking: Partial<TaskTrackingOptions>, side: string, shared = stores()) {
  const { ledger, enforcer, tasks } = shared
  const steps = () =>
    [
      withLedger({ ledger }),
      withCostProfile({ defaultCost: N }),
      withTaskTracking({ tasks, ...tracking }),
      withBudget({ enforcer, budget: 'a' }),
    ] as const
  return { ...shared, steps, side }
}

type Gate = ReturnType<typeof gate>

/** What an agent does with the tool `render`. */
interface Agent {
  render(plan: Plan): Promise<'works' | 'fails'>
  /** Starts a task, and says its id. */
  start(plan: Plan, ttl?: number | null): Promise<string>
  cancel(taskId: string): Promise<unknown>
  get(taskId: string): Promise<unknown>
  /** Asks for what it came to. */
  result(taskId: string): Promise<unknown>
}

async function legacy({ side, steps, servers }: Gate): Promise<Agent> {
  const studio = studioV1(servers.v1)
  const server = side === 'server' ? wrapServer(studio, { server: 'studio' }, ...steps()) : studio
  const client = await clientV1(server, side === 'client' ? steps() : [])
  const { tasks } = client.experimental
  return {
    render: (plan) => renderV1(client, plan),
    async start(plan, ttl = 60_000) {
      const params = { name: 'render', arguments: { plan }, task: ttl === null ? {} : { ttl } }
      const { task } = await client.request({ method: 'tools/call', params }, CreateTaskResultSchema)
      return task.taskId
    },
    cancel: (taskId) => tasks.cancelTask(taskId),
    get: (taskId) => tasks.getTask(taskId),
    result: (taskId) => tasks.getTaskResult(taskId, CallToolResultSchema),
  }
}

async function extension({ side, steps, servers }: Gate): Promise<Agent> {
  const studio = () => studioV2(servers.v2)
  const make = side === 'server' ? wrapServerFactory(studio, { server: 'studio' }, ...steps()) : studio
  const client = await clientV2(make, side === 'client' ? steps() : [])
  const { dispatch } = client
  const ask = (method: string, params: object) => dispatch(method, params)
  const get = async (taskId: string): Promise<void> => {
    const { error } = await ask('tasks/get', { taskId })
    if (error !== undefined) throw new Error('no task', { cause: error })
  }
  return {
    get,
    result: get,
    render: (plan) => renderV2(client, plan),
    async start(plan) {
      const { result } = await ask('tools/call', { name: 'render', arguments: { plan } })
      return String(result?.taskId)
    },
    cancel: (taskId) => ask('tasks/cancel', { taskId }),
  }
}

const ROWS = [
  ['2025-11-25', 'client', legacy],
  ['2025-11-25', 'server', legacy],
  ['2026-07-28', 'client', extension],
  ['2026-07-28', 'server', extension],
] as const

const later = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms))

describe.each(ROWS)('a real task of %s, at the seat of a %s,', (_, side, connect) => {
  test('is held while it runs, and charged when it has completed [seed-000:task-id-from-responses, L-P22]', async () => {
    const on = gate({}, side)
    const agent = await connect(on)
    const rendering = agent.render('works')
    await expect.poll(() => on.enforcer.describe('a').held, { interval: 2 }).toBe(N)
    expect(await rendering).toBe('works')
    await expect.poll(() => on.enforcer.describe('a')).toMatchObject({ held: 0, spent: N })
    const [created, ended] = on.ledger.entries({ kind: 'call' })
    expect(created).toMatchObject({ outcome: 'task', attempt: 1 })
    expect(created?.taskId).toMatch(/^[\w-]{16,}$/)
    expect(ended).toMatchObject({ taskId: created?.taskId, taskEnd: 'completed' })
  })

  test.each([
    ['full', {}, 6 * N],
    ['first-only', { retryCostMode: 'first-only' }, N],
    ['reduced', { retryCostMode: 'reduced', retryRateBps: 2_500 }, N + 5 * 11],
  ] as const)('fails, and five retries cost by %s', async (_, tracking, cost) => {
    const on = gate(tracking, side)
    const agent = await connect(on)
    for (let n = 0; n < 6; n++) {
      expect(await agent.render('fails')).toBe('fails')
      await expect.poll(() => on.enforcer.describe('a').openHolds).toBe(0)
    }
    expect(on.enforcer.describe('a')).toMatchObject({ held: 0, spent: cost })
  })

  test('is charged when it is cancelled [T29]', async () => {
    const on = gate({ graceMs: 50 }, side)
    const agent = await connect(on)
    await agent.cancel(await agent.start('hangs'))
    await expect.poll(() => on.enforcer.describe('a'), { timeout: 5_000 }).toMatchObject({ held: 0, spent: N })
  })

  test('comes back when its time is over, without anybody asking [seed-000:release-on-expiry, T30]', async () => {
    const on = gate({ maxHoldMs: 150 }, side)
    const agent = await connect(on)
    await agent.start('hangs', 300_000)
    expect(on.enforcer.describe('a')).toMatchObject({ held: N })
    await later(200)
    expect(on.enforcer.describe('a')).toMatchObject({ held: 0, spent: 0, available: 1_000 })
  })

  test('comes back after the longest hold when it may live for ever [T30]', async () => {
    const on = gate({ maxHoldMs: 150 }, side)
    await (await connect(on)).start('hangs', null)
    expect(on.enforcer.describe('a')).toMatchObject({ held: N })
    await later(200)
    expect(on.enforcer.describe('a')).toMatchObject({ held: 0, spent: 0 })
  })

  test('is debited late when it has come back and completed all the same [seed-000:grace-for-late-completion]', async () => {
    const on = gate({ maxHoldMs: 60, minTaskTtlMs: 0 }, side)
    const agent = await connect(on)
    const taskId = await agent.start('hangs')
    await later(120)
    expect(on.enforcer.describe('a')).toMatchObject({ held: 0, spent: 0 })
    await on.finish(taskId)
    await agent.result(taskId)
    await expect.poll(() => on.enforcer.describe('a')).toMatchObject({ held: 0, spent: N })
    expect(on.ledger.entries({ kind: 'money' }).map(({ op }) => op)).toEqual(['grant', 'hold', 'expire', 'late'])
  })

  test('costs nothing when it failed and onTaskFailure gives it back', async () => {
    const on = gate({ onTaskFailure: 'release' }, side)
    expect(await (await connect(on)).render('fails')).toBe('fails')
    await expect.poll(() => on.enforcer.describe('a')).toMatchObject({ held: 0, spent: 0 })
  })

  test('is ended by another gate that shares the stores, as after a restart, and once', async () => {
    const shared = stores()
    const taskId = await (await connect(gate({}, side, shared))).start('works')
    await later(60)
    const others = [gate({}, side, shared), gate({}, side, shared)]
    await Promise.all((await Promise.all(others.map(connect))).map((agent) => agent.result(taskId)))
    await expect.poll(() => shared.enforcer.describe('a')).toMatchObject({ held: 0, spent: N, openHolds: 0 })
    expect(shared.ledger.entries({ kind: 'call' }).filter(({ taskEnd }) => taskEnd !== undefined)).toHaveLength(1)
  })

  test('fails, and five retries at gates that were begun anew cost as at one [L-P22]', async () => {
    const shared = stores()
    for (let n = 0; n < 6; n++) {
      const on = gate({ retryCostMode: 'reduced', retryRateBps: 2_500 }, side, shared)
      expect(await (await connect(on)).render('fails')).toBe('fails')
      await expect.poll(() => shared.enforcer.describe('a').openHolds).toBe(0)
    }
    expect(shared.enforcer.describe('a')).toMatchObject({ held: 0, spent: N + 5 * 11 })
  })

  test('is not found under an id that nobody has', async () => {
    const agent = await connect(gate({}, side))
    await expect(agent.get('0123456789abcdef0123456789abcdef')).rejects.toThrow()
  })
})

describe('a real task of 2025-11-25 whose client asks for a time to live of 1 ms', () => {
  test.each(['client', 'server'])('is charged, at the seat of a %s [T29]', async (side) => {
    const on = gate({ minTaskTtlMs: 100, graceMs: 100 }, side)
    const agent = await legacy(on)
    const taskId = await agent.start('works', 1)
    await later(30)
    await expect(agent.get(taskId)).rejects.toThrow()
    await expect.poll(() => on.enforcer.describe('a')).toMatchObject({ held: 0, spent: N })
  })
})
