import { describe, expect, test } from 'vitest'
import {
  composeWith,
  InMemoryBudgetEnforcer,
  InMemoryTaskStore,
  TASK_LIMITS,
  withBudget,
  withCostProfile,
  withTaskTracking,
  type CallMiddleware,
  type TaskTrackingOptions,
} from 'mcp-budget'
import { FakeClock } from 'mcp-budget/testing'
import { readFileSync } from 'node:fs'

const WRONG = { content: [], isError: true }

/** Six attempts at `render_poster`, all of which fail, and what they cost; with each, the operation that was sent on. */
async function attempts(step: CallMiddleware): Promise<{ spent: number; operations: unknown[] }> {
  const clock = new FakeClock()
  const enforcer = new InMemoryBudgetEnforcer({ clock })
  enforcer.initialize('a', 1_000)
  const steps = [withCostProfile({ defaultCost: 40 }), step, withBudget({ enforcer, budget: 'a', clock })]
  const meter = composeWith(clock, steps)
  const operations: unknown[] = []
  for (let n = 0; n < 6; n++)
    await meter.run({ tool: 'render_poster' }, (call) => {
      operations.push(call.meta?.['dev.mcp-budget/operation-id'])
      return WRONG
    })
  return { spent: enforcer.describe('a').spent, operations }
}

describe('docs/guides/tasks.md', () => {
  const tasks = new InMemoryTaskStore()

  test('says what a retry costs in each mode', async () => {
    // #region retries
    const quarter = withTaskTracking({ tasks, retryCostMode: 'reduced', retryRateBps: 2_500 })
    // #endregion retries
    expect(await attempts(quarter)).toMatchObject({ spent: 90 })
    expect(await attempts(withTaskTracking({ tasks: new InMemoryTaskStore() }))).toMatchObject({ spent: 240 })
    const firstOnly = withTaskTracking({ tasks: new InMemoryTaskStore(), retryCostMode: 'first-only' })
    expect(await attempts(firstOnly)).toMatchObject({ spent: 40 })
  })

  test('says how single tools have policies of their own', async () => {
    const tasks = new InMemoryTaskStore()
    // #region tools
    const tracking = withTaskTracking({
      tasks,
      tools: { 'render_*': { retryCostMode: 'first-only' }, send_mail: { onTaskFailure: 'release' } },
    })
    // #endregion tools
    expect(await attempts(tracking)).toMatchObject({ spent: 40 })
  })

  test('says how a framework names the operation', async () => {
    const tasks = new InMemoryTaskStore()
    const runs = { operationOf: ({ tool }: { tool: string }) => `run-7.${tool}` }
    // #region operation
    const tracking = withTaskTracking({ tasks, operationId: (call) => runs.operationOf(call) })
    // #endregion operation
    expect((await attempts(tracking)).operations).toEqual(Array(6).fill('run-7.render_poster'))
  })
})

describe('docs/reference/tasks.md', () => {
  const text = readFileSync('docs/reference/tasks.md', 'utf8')

  test.each([
    ['maxDiscountedRetries', 0, 100],
    ['retryRateBps', 1, 9_999],
    ['retryWindowMs', 1, 86_400_000],
    ['minTaskTtlMs', 0, 86_400_000],
    ['graceMs', 1, 86_400_000],
    ['maxHoldMs', 1, 86_400_000],
    ['storeTimeoutMs', 1, 86_400_000],
  ])('says the bounds of %s', (key, least, most) => {
    const options = (value: number): TaskTrackingOptions =>
      ({ tasks: new InMemoryTaskStore(), retryCostMode: 'reduced', retryRateBps: 1, [key]: value }) as never
    expect(text).toContain(`| \`${key}\` | integer, ${least} to ${most.toLocaleString('en')} |`)
    for (const value of [least, most]) expect(() => withTaskTracking(options(value))).not.toThrow()
    for (const value of [least - 1, most + 1, 1.5, Number.NaN, '7' as never])
      expect(() => withTaskTracking(options(value))).toThrow(`\`${key}\``)
  })

  test('says what else is no setting', () => {
    const tasks = new InMemoryTaskStore()
    for (const options of [
      {},
      { tasks: {} },
      { tasks, retryCostMode: 'half' },
      { tasks, retryCostMode: 'reduced' },
      { tasks, onTaskExpiry: 'keep' },
      { tasks, tools: { '*a': {} } },
      { tasks, tools: { a: { retryCostMode: 'reduced' } } },
      { tasks, tools: { a: { retryRateBps: 5 } } },
      { tasks, tools: { a: { graceMs: 5 } } },
      { tasks, tools: new Map() },
      { tasks, operationId: 'a' },
      { tasks, more: 1 },
    ])
      expect(() => withTaskTracking(options as never)).toThrow(expect.objectContaining({ code: 'invalid_config' }))
  })

  test('says of a store of another kind, such as that of the SDK, what it lacks', () => {
    const tasks = { createTask: () => {} } as never
    expect(() => withTaskTracking({ tasks })).toThrow(
      'Expected `tasks` to be a store of tasks with a function `begin`, got an object',
    )
  })

  test('says the limits of a store', () => {
    expect(TASK_LIMITS).toEqual({ keyMs: 86_400_000, keys: 100_000, endedMs: 86_400_000, failures: 100 })
    expect(text).toContain('100,000 for each budget, each for a day')
  })
})
