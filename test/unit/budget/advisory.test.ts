import {
  BudgetEvents,
  composeWith,
  InMemoryBudgetEnforcer,
  withBudget,
  withCostProfile,
  type BudgetOptions,
  type BudgetSpec,
  type HoldingEnforcer,
} from 'mcp-budget'
import { asyncEnforcer, FakeClock, faultyEnforcer } from 'mcp-budget/testing'
import { describe, expect, test } from 'vitest'
import { deepFreeze } from '../../support/seat.js'

const KEY = 'dev.mcp-budget/balance'
const ok = deepFreeze({ content: [], _meta: { theirs: 1 } })
const quota = { budget: 'quota', unit: 'calls' } as const
const costs = { search: 40, speak: { max: 60, metered: { pointer: '/used' } }, refund: { price: 40, failed: 10 } }

/** 100 credits in `a`, 70 in `b`, 9 calls in `quota`; answers with what a call's result says of the balance. */
function setUp(options: Partial<BudgetOptions> & { store?: (memory: HoldingEnforcer) => HoldingEnforcer } = {}) {
  const { store = (memory) => memory, ...given } = options
  const clock = new FakeClock()
  const memory = new InMemoryBudgetEnforcer({ clock })
  for (const [budget, credits] of Object.entries({ a: 100, b: 70, quota: 9 })) memory.initialize(budget, credits)
  const events = new BudgetEvents()
  const meter = composeWith(clock, [
    withCostProfile({ costs, clock }),
    withBudget({ enforcer: store(memory), budget: 'a', advise: true, clock, events, ...given }),
  ])
  const run = async (tool: keyof typeof costs, result: object = ok) => meter.run({ tool }, () => result)
  const balance = async (tool: keyof typeof costs, result?: object) => {
    const outcome = await run(tool, result)
    return outcome.kind === 'result'
      ? (outcome.result._meta as Record<string, unknown> | undefined)?.[KEY]
      : outcome.kind
  }
  return { memory, run, balance }
}

describe('with `advise`, a result says what is left', () => {
  test.each([
    ['a fixed price', 'a', 'search', ok, 60],
    ['what a metered call gave back', 'a', 'speak', { used: 5 }, 95],
    ['no more than was held, when more is reported', 'a', 'speak', { used: 90 }, 40],
    ['a failure at a price of its own', 'a', 'refund', { isError: true }, 90],
    ['the least of several budgets', ['a', 'b'], 'speak', { used: 5 }, 65],
    ['the least of several units, as it was after the hold', ['a', quota], 'speak', { used: 5 }, 8],
    ['calls', quota, 'search', ok, 8],
  ] as const)('after %s', async (_, budget, tool, result, remaining) => {
    const { balance } = setUp({ budget: budget as BudgetSpec })
    expect(await balance(tool, result)).toEqual({ remaining, mode: 'hard' })
  })

  test('as the store then has it, whenever the store answers', async () => {
    for (const store of [(memory: HoldingEnforcer) => memory, asyncEnforcer]) {
      const { memory, balance } = setUp({ store, awaitCapture: true, overage: 'debt' })
      for (const used of [5, 25, 65]) {
        expect(await balance('speak', { used })).toEqual({ remaining: memory.describe('a').available, mode: 'hard' })
      }
    }
  })

  test('when a released hold came back', async () => {
    const { memory, balance } = setUp({ onFailure: 'release' })
    expect(await balance('search', { isError: true })).toEqual({ remaining: 100, mode: 'hard' })
    expect(memory.describe('a').available).toBe(100)
  })

  test('in soft mode, with an advisory when it is over budget', async () => {
    const { balance } = setUp({ mode: 'soft' })
    expect(await balance('search')).toEqual({ remaining: 60, mode: 'soft' })
    expect(await balance('speak', { used: 30 })).toEqual({ remaining: 30, mode: 'soft' })
    expect(await balance('search')).toEqual({
      remaining: 0,
      mode: 'soft',
      advisory: 'Over budget: 10 credits of this call are owed',
    })
  })

  test('beside what is in its `_meta`, on a copy of the result', async () => {
    const { run } = setUp()
    expect(await run('search')).toMatchObject({
      result: { content: [], _meta: { theirs: 1, [KEY]: { remaining: 60, mode: 'hard' } } },
    })
    expect(ok).toEqual({ content: [], _meta: { theirs: 1 } })
  })
})

describe('a result says nothing of a balance', () => {
  test('without `advise` in hard mode, and is handed on as it came', async () => {
    expect(await setUp({ advise: false }).run('search')).toHaveProperty('result', ok)
  })

  test('without `advise` in soft mode, when what came back repaid what this call owed', async () => {
    const { memory, balance } = setUp({ advise: false, mode: 'soft' })
    await balance('search')
    await balance('search')
    expect(await balance('speak', { used: 10 })).toBeUndefined()
    expect(memory.describe('a')).toMatchObject({ available: 10, debt: 0 })
  })

  test('in shadow mode, and is handed on as it came [I19]', async () => {
    expect(await setUp({ mode: 'shadow' }).run('search')).toHaveProperty('result', ok)
  })

  test('when the store is out of reach', async () => {
    const store = (memory: HoldingEnforcer) => faultyEnforcer(memory, () => 'throw')
    expect(await setUp({ store, failMode: { open: { limit: 100 } } }).run('search')).toHaveProperty('result', ok)
    expect(await setUp({ store, mode: 'soft' }).run('search')).toHaveProperty('result', ok)
  })

  test('that refused: a refusal has its own numbers', async () => {
    const { run } = setUp()
    await run('search')
    await run('search')
    const refused = await run('search')
    expect(refused).toMatchObject({ kind: 'refused', refusal: { remaining: 20 } })
    expect(JSON.stringify(refused)).not.toContain(KEY)
  })
})
