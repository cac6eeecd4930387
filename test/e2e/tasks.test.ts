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
import { CreateTaskResultSchema } from '@modelcontextprotocol/sdk/types.js'
import { describe, expect, test } from 'vitest'
import { clientV1, renderV1, studioV1, type Plan } from '../../examples/task-retries/v1.js'
import { clientV2, renderV2, studioV2 } from '../../examples/task-retries/extension.js'

const N = 41

function gate(tracking: Partial<TaskTrackingOptions>, side: string) {
  const ledger = new MemoryLedger()
  const enforcer = new InMemoryBudgetEnforcer({ ledger })
  enforcer.initialize('a', 1_000)
  const tasks = new InMemoryTaskStore()
  const steps = () =>
    [
      withLedger({ ledger }),
      withCostProfile({ defaultCost: N }),
      withTaskTracking({ tasks, ...tracking }),
      withBudget({ enforcer, budget: 'a' }),
    ] as const
  return { ledger, enforcer, tasks, steps, side }
}

type Gate = ReturnType<typeof gate>

/** What an agent does with the tool `render`. */
interface Agent {
  render(plan: Plan): Promise<'works' | 'fails'>
  /** Starts a task, and says its id. */
  start(plan: Plan, ttl?: number): Promise<string>
  cancel(taskId: string): Promise<unknown>
  get(taskId: string): Promise<unknown>
}

async function legacy({ side, steps }: Gate): Promise<Agent> {
  const server = side === 'server' ? wrapServer(studioV1(), { server: 'studio' }, ...steps()) : studioV1()
  const client = await clientV1(server, side === 'client' ? steps() : [])
  const { tasks } = client.experimental
  return {
    render: (plan) => renderV1(client, plan),
    async start(plan, ttl = 60_000) {
      const params = { name: 'render', arguments: { plan }, task: { ttl } }
      const { task } = await client.request({ method: 'tools/call', params }, CreateTaskResultSchema)
      return task.taskId
    },
    cancel: (taskId) => tasks.cancelTask(taskId),
    get: (taskId) => tasks.getTask(taskId),
  }
}

async function extension({ side, steps }: Gate): Promise<Agent> {
  const make = side === 'server' ? wrapServerFactory(studioV2, { server: 'studio' }, ...steps()) : studioV2
  const client = await clientV2(make, side === 'client' ? steps() : [])
  const { dispatch } = client
  const ask = (method: string, params: object) => dispatch(method, params)
  return {
    render: (plan) => renderV2(client, plan),
    async start(plan) {
      const { result } = await ask('tools/call', { name: 'render', arguments: { plan } })
      return String(result?.taskId)
    },
    cancel: (taskId) => ask('tasks/cancel', { taskId }),
    async get(taskId) {
      const { error } = await ask('tasks/get', { taskId })
      if (error !== undefined) throw new Error('no task', { cause: error })
    },
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
