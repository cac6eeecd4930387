import { composeWith, InMemoryBudgetEnforcer, withBudget, withCostProfile, type BudgetSpec } from 'mcp-budget'
import { asyncEnforcer, FakeClock, settle } from 'mcp-budget/testing'
import { describe, expect, test } from 'vitest'

function setUp(budget: BudgetSpec, options: { later?: boolean; balances?: Record<string, number> } = {}) {
  const { later = false, balances = { agent: 20, team: 100, calls: 3 } } = options
  const clock = new FakeClock()
  const memory = new InMemoryBudgetEnforcer({ clock })
  for (const [name, credits] of Object.entries(balances)) memory.initialize(name, credits)
  const meter = composeWith(clock, [
    withCostProfile({ defaultCost: 5, costs: { free: 0, dear: 15 }, clock }),
    withBudget({ enforcer: later ? asyncEnforcer(memory) : memory, budget, clock, refusalMemoryMs: 0 }),
  ])
  return {
    memory,
    run: async (tool: string, forward: () => unknown = () => ({ content: [] })) => {
      const outcome = await meter.run({ tool, meta: { who: 'agent' } }, forward)
      await settle()
      return outcome
    },
    available: () => Object.fromEntries(Object.keys(balances).map((name) => [name, memory.describe(name).available])),
    held: () => Object.keys(balances).reduce((sum, name) => sum + memory.describe(name).held, 0),
  }
}

describe.each([false, true])('several budgets at once, in a store that answers later: %s,', (later) => {
  test('all pay the same call [L-P16]', async () => {
    const { run, available, held } = setUp(['agent', 'team'], { later })
    expect(await run('dear')).toMatchObject({ kind: 'result' })
    expect(available()).toEqual({ agent: 5, team: 85, calls: 3 })
    expect(held()).toBe(0)
  })

  test('refuse the call whole where one cannot pay, and nothing stays on hold [L-S24, L-P16, L-P30]', async () => {
    for (const order of [
      ['agent', 'team'],
      ['team', 'agent'],
    ]) {
      const { run, available, held } = setUp(order, { later, balances: { agent: 4, team: 100 } })
      expect(await run('any')).toMatchObject({
        kind: 'refused',
        refusal: { error: 'budget_exhausted', reason: 'insufficient', budget: 'default/agent', remaining: 4, cost: 5 },
      })
      expect(available()).toEqual({ agent: 4, team: 100 })
      expect(held()).toBe(0)
    }
  })

  test('count calls beside credits [L-P30]', async () => {
    const { run, available } = setUp(['agent', { budget: 'calls', unit: 'calls' }], { later })
    for (const tool of ['any', 'free', 'free']) expect(await run(tool)).toMatchObject({ kind: 'result' })
    expect(available()).toEqual({ agent: 15, team: 100, calls: 0 })
    expect(await run('free')).toMatchObject({
      kind: 'refused',
      refusal: { error: 'budget_exhausted', reason: 'exhausted', budget: 'default/calls' },
    })
  })

  test('count a call as one, whatever it costs and however it failed', async () => {
    const { run, available } = setUp({ budget: 'calls', unit: 'calls' }, { later })
    await run('dear', () => ({ isError: true }))
    await run('free')
    expect(available()).toMatchObject({ calls: 1 })
  })

  test.each([[{ budget: 'agent' }], [{ budget: 'agent', unit: 'credits' }]] as const)(
    'pay in credits unless they count calls: %j',
    async (line) => {
      for (const spec of [line, [line, 'team']]) {
        const { run, available } = setUp(spec, { later })
        await run('dear')
        expect(available()).toMatchObject({ agent: 5 })
      }
    },
  )

  test('that lie in different partitions are refused, with nothing on hold [L-S24]', async () => {
    const { run, held } = setUp(['agent', 'acme/agent'], { later, balances: { agent: 20, 'acme/agent': 20 } })
    expect(await run('any')).toMatchObject({ kind: 'refused', refusal: { error: 'cross_partition' } })
    expect(held()).toBe(0)
  })

  test('of which one does not exist are refused like a stranger [L-P2]', async () => {
    const { run, available } = setUp(['agent', 'nobody'], { later })
    const outcome = await run('any')
    expect(outcome).toMatchObject({ kind: 'refused', refusal: { error: 'unauthorized', budget: 'default/nobody' } })
    expect(available()).toMatchObject({ agent: 20 })
  })
})

describe('a function that names who pays', () => {
  test('is asked for each call', async () => {
    const { run, available } = setUp((call) => (call.tool === 'dear' ? 'team' : String(call.meta?.['who'])))
    await run('dear')
    await run('any')
    expect(available()).toEqual({ agent: 15, team: 85, calls: 3 })
  })

  const wrong: ReadonlyArray<readonly [string, BudgetSpec]> = [
    [
      'throws',
      () => {
        throw new Error('boom')
      },
    ],
    ['names nothing', () => undefined as never],
    ['names a promise', (async () => 'agent') as never],
    ['names what is no budget', () => '../team'],
    ['names no budget at all', () => []],
    ['names one twice', () => ['agent', 'default/agent']],
  ]
  test.each(wrong)('and %s refuses the call, and forwards nothing [T18, I16]', async (_, budget) => {
    const { run, available } = setUp(budget)
    let ran = 0
    const outcome = await run('any', () => void ran++)
    expect(outcome).toMatchObject({ kind: 'refused', refusal: { error: 'step_failed' } })
    expect(ran).toBe(0)
    expect(available()).toEqual({ agent: 20, team: 100, calls: 3 })
  })
})
