import {
  composeWith,
  InMemoryBudgetEnforcer,
  withBudget,
  withCostProfile,
  type BudgetLine,
  type BudgetOptions,
} from 'mcp-budget'
import { asyncEnforcer, FakeClock, fakeEnforcer, settle } from 'mcp-budget/testing'
import { describe, expect, test } from 'vitest'
import { RefusalMemory } from '../../../src/budget/refusal-memory.js'
import { refuse } from '../../../src/core/refusal.js'

const ok = { content: [] }

function setUp(options: Partial<BudgetOptions> & { remaining?: number } = {}) {
  const { remaining = 3, ...given } = options
  const clock = new FakeClock()
  const enforcer = fakeEnforcer({ remaining, async: true, clock })
  const meter = composeWith(clock, [
    withCostProfile({ defaultCost: 5, costs: { cheap: 2, dear: 50 }, clock }),
    withBudget({ enforcer, budget: 'a', clock, ...given }),
  ])
  return {
    clock,
    enforcer,
    run: async (tool: string) => meter.run({ tool }, () => ok),
    asked: () => enforcer.calls.filter(({ verb }) => verb === 'hold').length,
  }
}

describe('a refusal for want of credits', () => {
  test('is repeated without asking a store that answers later: 10,000 calls, few questions [T47, L-P20]', async () => {
    const { clock, run, asked } = setUp()
    for (let i = 0; i < 10_000; i++) {
      expect(await run('search')).toMatchObject({
        kind: 'refused',
        refusal: { error: 'budget_exhausted', retryable: false, tool: 'search', cost: 5, remaining: 3 },
      })
      clock.advance(1)
    }
    // Ten seconds went by, and a refusal is remembered for a tenth of one.
    expect(asked()).toBe(100)
  })

  test('is forgotten after its time, so that credits that come in count', async () => {
    const { clock, run, enforcer } = setUp()
    await run('search')
    await enforcer.grant({ id: 'g', budget: 'a', amount: 100 })
    expect(await run('search')).toMatchObject({ kind: 'refused' })
    clock.advance(100)
    expect(await run('search')).toMatchObject({ kind: 'result' })
  })

  test.each([0, 100])('is forgotten by a clock that is set back (refusalMemoryMs: %i)', async (refusalMemoryMs) => {
    const { clock, run, enforcer } = setUp({ refusalMemoryMs })
    expect(await run('search')).toMatchObject({ kind: 'refused' })
    await enforcer.grant({ id: 'g', budget: 'a', amount: 100 })
    clock.jump(-3_600_000)
    expect(await run('search')).toMatchObject({ kind: 'result' })
  })

  test('is repeated for calls as dear, under their own names, and not for cheaper ones', async () => {
    const { run, asked } = setUp()
    await run('search')
    expect(await run('dear')).toMatchObject({ kind: 'refused', refusal: { tool: 'dear', cost: 50, remaining: 3 } })
    expect(asked()).toBe(1)
    expect(await run('cheap')).toMatchObject({ kind: 'result' })
    expect(asked()).toBe(2)
  })

  test('is forgotten when a call ends, which may give credits back', async () => {
    const clock = new FakeClock()
    const enforcer = fakeEnforcer({ remaining: 5, async: true, clock })
    const meter = composeWith(clock, [
      withCostProfile({ defaultCost: 5, clock }),
      withBudget({ enforcer, budget: 'a', clock, onFailure: 'release' }),
    ])
    let fail: () => void = () => {}
    const first = meter.run({ tool: 't' }, () => new Promise((_, reject) => (fail = () => reject(new Error('no')))))
    await settle()
    expect(await meter.run({ tool: 't' }, () => ok)).toMatchObject({ kind: 'refused' })
    fail()
    await first
    expect(await meter.run({ tool: 't' }, () => ok)).toMatchObject({ kind: 'result' })
  })

  test('of one budget refuses no other', async () => {
    const { run, asked } = setUp({ budget: (call) => (call.tool === 'dear' ? 'b' : 'a') })
    await run('search')
    await run('dear')
    expect(asked()).toBe(2)
  })

  test('of one budget is not forgotten for that of another', async () => {
    const { run, asked } = setUp({ budget: (call) => (call.tool === 'dear' ? 'b' : 'a') })
    for (const tool of ['search', 'dear', 'search', 'dear']) {
      expect(await run(tool)).toMatchObject({ refusal: { tool, remaining: 3 } })
    }
    expect(asked()).toBe(2)
  })

  test('in credits refuses no call that the same budget pays as a number of calls', async () => {
    let budget: BudgetLine = 'a'
    const { run } = setUp({ remaining: 1, budget: () => budget })
    expect(await run('cheap')).toMatchObject({ kind: 'refused' })
    budget = { budget: 'a', unit: 'calls' }
    expect(await run('cheap')).toMatchObject({ kind: 'result' })
  })

  test('is not remembered where that is turned off, or where the store answers at once', async () => {
    const off = setUp({ refusalMemoryMs: 0 })
    for (let i = 0; i < 5; i++) await off.run('search')
    expect(off.asked()).toBe(5)
    const fake = fakeEnforcer({ remaining: 3 })
    const meter = composeWith(new FakeClock(), [
      withCostProfile({ defaultCost: 5 }),
      withBudget({ enforcer: fake, budget: 'a' }),
    ])
    for (let i = 0; i < 5; i++) await meter.run({ tool: 't' }, () => ok)
    expect(fake.calls).toHaveLength(5)
  })
})

test('what is no want of credits is not remembered', async () => {
  const clock = new FakeClock()
  const enforcer = asyncEnforcer(new InMemoryBudgetEnforcer({ clock }))
  const meter = composeWith(clock, [
    withCostProfile({ defaultCost: 5, clock }),
    withBudget({ enforcer, budget: 'a', clock }),
  ])
  expect(await meter.run({ tool: 't' }, () => ok)).toMatchObject({ refusal: { error: 'unauthorized' } })
  await enforcer.initialize('a', 100)
  expect(await meter.run({ tool: 't' }, () => ok)).toMatchObject({ kind: 'result' })
})

test.each([
  [1, 1],
  [1_000, 1_000],
  [1_001, 1],
  [2_001, 1],
])('of the refusals of %i budgets %i are remembered, so that memory stays bounded [I20, L-P23]', (budgets, known) => {
  const memory = new RefusalMemory(100, new FakeClock())
  const refusal = refuse('t', { error: 'budget_exhausted', reason: 'exhausted', cost: 1, remaining: 0 })
  const call = { tool: 't' } as never
  const lines = Array.from({ length: budgets }, (_, i) => [{ budget: `b${i}`, amount: 1 }])
  for (const line of lines) memory.remember(call, refusal, 1, line)
  expect(lines.filter((line) => memory.find(call, 1, line) !== undefined)).toHaveLength(known)
})
