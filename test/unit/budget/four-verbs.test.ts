import {
  BudgetEvents,
  composeWith,
  InMemoryBudgetEnforcer,
  withBudget,
  withCostProfile,
  type BudgetEnforcer,
  type BudgetOptions,
  type SpendRequest,
} from 'mcp-budget'
import { FakeClock, faultyEnforcer } from 'mcp-budget/testing'
import { describe, expect, test, vi } from 'vitest'

const ok = { content: [] }

/** The four verbs of a store that can hold, so that nothing else is there to use. */
function fourOf(store: BudgetEnforcer): BudgetEnforcer {
  return {
    check: (budget, cost) => store.check(budget, cost),
    spend: (request) => store.spend(request),
    remaining: (budget) => store.remaining(budget),
    initialize: (budget, credits) => store.initialize(budget, credits),
  }
}

function setUp(
  options: Partial<BudgetOptions> & { credits?: number; of?: (four: BudgetEnforcer) => BudgetEnforcer } = {},
) {
  const { credits = 12, of = (four) => four, ...given } = options
  const clock = new FakeClock()
  const memory = new InMemoryBudgetEnforcer({ clock })
  memory.initialize('a', credits)
  memory.initialize('b', credits)
  const budget = withBudget({ enforcer: of(fourOf(memory)), budget: 'a', clock, ...given })
  const meter = composeWith(clock, [withCostProfile({ defaultCost: 5, clock }), budget])
  const forward = vi.fn((): unknown => ok)
  return {
    clock,
    memory,
    budget,
    forward,
    run: async () => {
      let ended = false
      const outcome = Promise.resolve(meter.run({ tool: 't' }, forward)).finally(() => (ended = true))
      for (let i = 0; i < 40 && !ended; i++) await clock.advanceAsync(25)
      return outcome
    },
    balance: () => {
      const { available, held, spent, debt } = memory.describe('a')
      return { available, held, spent, debt }
    },
  }
}

describe('a store of four verbs [seed-003:four-verbs]', () => {
  test('pays before the call, and refuses what it cannot pay [L-P30]', async () => {
    for (const of of [(four: BudgetEnforcer) => four, later]) {
      const { run, balance, forward } = setUp({ of })
      expect(await run()).toMatchObject({ kind: 'result', charge: { held: 5, charged: 5, end: 'captured' } })
      await run()
      expect(await run()).toMatchObject({
        kind: 'refused',
        refusal: { error: 'budget_exhausted', reason: 'insufficient', remaining: 2, cost: 5, budget: 'default/a' },
      })
      expect(forward).toHaveBeenCalledTimes(2)
      expect(balance()).toEqual({ available: 2, held: 0, spent: 10, debt: 0 })
    }
  })

  test('is faked in four lines, without a reason', async () => {
    for (const [remaining, reason] of [
      [3, 'insufficient'],
      [0, 'exhausted'],
    ] as const) {
      const { run, forward } = setUp({
        of: () => ({
          check: (_budget, cost) => ({ allowed: cost <= remaining, remaining }),
          spend: ({ cost }) => ({ allowed: cost <= remaining, remaining }),
          remaining: () => remaining,
          initialize: () => {},
        }),
      })
      expect(await run()).toMatchObject({ refusal: { error: 'budget_exhausted', reason, remaining } })
      expect(forward).not.toHaveBeenCalled()
    }
  })

  test('is never decided by check, which may be stale [L-P1]', async () => {
    const check = vi.fn(() => ({ allowed: true, remaining: 1_000 }))
    const { run, balance } = setUp({ of: (four) => ({ ...four, check }) })
    for (let i = 0; i < 4; i++) await run()
    expect(check).not.toHaveBeenCalled()
    expect(balance()).toMatchObject({ spent: 10 })
  })

  test('is charged whatever the outcome, for it cannot give back', async () => {
    const { run, balance, forward } = setUp({ onFailure: 'release' })
    forward.mockImplementation(() => ({ isError: true }))
    expect(await run()).toMatchObject({ charge: { held: 5, charged: 5, end: 'captured' } })
    expect(balance()).toMatchObject({ spent: 5 })
  })

  test('is given the id, the budget, the tool and the cost, and the same again when it is asked twice [L-P7, seed-003:idempotent-spend]', async () => {
    const asked: SpendRequest[] = []
    const { run, balance } = setUp({
      of: (four) => {
        const noting = { ...four, spend: (request: SpendRequest) => (asked.push(request), four.spend(request)) }
        return faultyEnforcer(noting, { spend: { 1: 'lose' } })
      },
    })
    expect(await run()).toMatchObject({ kind: 'result' })
    expect(asked).toEqual([{ chargeId: expect.any(String), budget: 'default/a', tool: 't', cost: 5 }, asked[0]])
    expect(balance()).toMatchObject({ spent: 5 })
  })

  test('takes one budget, and refuses calls that name several', async () => {
    const { run, forward, balance } = setUp({ budget: ['a', 'b'] })
    expect(await run()).toMatchObject({
      kind: 'refused',
      refusal: {
        error: 'budget_unavailable',
        detail: { code: 'not_supported', message: expect.stringContaining('Expected one budget') },
      },
    })
    expect(forward).not.toHaveBeenCalled()
    expect(balance()).toMatchObject({ spent: 0 })
  })

  test.each(['throw', 'drop', 'hang', { late: 400 }, { nonsense: undefined }, { nonsense: { ok: true } }] as const)(
    'and whose spend goes wrong (%j) denies the call [I16, L-P19]',
    async (fault) => {
      const events = new BudgetEvents()
      const delayed = vi.fn()
      events.on('delayed', delayed)
      const { run, forward, budget, clock } = setUp({
        events,
        of: (four) => faultyEnforcer(four, (verb) => (verb === 'spend' ? fault : undefined)),
      })
      expect(await run()).toMatchObject({ refusal: { error: 'budget_unavailable', reason: 'budget_backend_error' } })
      expect(forward).not.toHaveBeenCalled()
      // There is nothing to give back, so nothing waits for it.
      await clock.advanceAsync(60_000)
      expect(budget.pending).toBe(0)
      expect(delayed.mock.calls.every(([{ givenUp }]) => givenUp === false)).toBe(true)
    },
  )

  test('refuses calls that name several budgets also while the store is down and passes others [I16]', async () => {
    let several = false
    const { run, forward, budget } = setUp({
      failMode: { open: { limit: 100 } },
      budget: () => (several ? ['a', 'b'] : 'a'),
      of: (four) => faultyEnforcer(four, () => 'throw'),
    })
    expect(await run()).toMatchObject({ charge: { end: 'pending' } })
    several = true
    expect(await run()).toMatchObject({ refusal: { error: 'budget_unavailable' } })
    expect(forward).toHaveBeenCalledOnce()
    expect(budget.pending).toBe(1)
  })

  test.each([undefined, null, {}, 'yes', { allowed: 1 }])(
    'and that answers %j is not out of reach: where it is open, the call is denied [I16]',
    async (nonsense) => {
      const events = new BudgetEvents()
      const outage = vi.fn()
      events.on('outage', outage)
      const { run, forward } = setUp({
        events,
        failMode: { open: { limit: 100 } },
        of: (four) => ({ ...four, spend: () => nonsense as never }),
      })
      expect(await run()).toMatchObject({
        refusal: { error: 'budget_unavailable', detail: 'the store answered neither `held` nor `refused`' },
      })
      expect(forward).not.toHaveBeenCalled()
      expect(outage).not.toHaveBeenCalled()
    },
  )

  test('lets through up to the limit when it is open and the store is down, and is charged later, once [I16, I5]', async () => {
    const down = { now: true }
    const { run, clock, balance, budget } = setUp({
      credits: 100,
      failMode: { open: { limit: 10 } },
      of: (four) => {
        let nth = 0
        return faultyEnforcer(four, (verb) => {
          if (verb !== 'spend') return undefined
          return down.now ? 'throw' : ++nth <= 3 ? 'lose' : undefined
        })
      },
    })
    const kinds = [await run(), await run(), await run()].map(({ kind }) => kind)
    expect(kinds).toEqual(['result', 'result', 'refused'])
    expect(budget.pending).toBe(2)
    down.now = false
    await clock.advanceAsync(120_000)
    expect(budget.pending).toBe(0)
    expect(balance()).toEqual({ available: 90, held: 0, spent: 10, debt: 0 })
  })

  test('charges the whole price after an outage, whatever the result reports, as it would have before the call', async () => {
    const down = { now: true }
    const clock = new FakeClock()
    const memory = new InMemoryBudgetEnforcer({ clock })
    memory.initialize('a', 100)
    const enforcer = faultyEnforcer(fourOf(memory), () => (down.now ? 'throw' : undefined))
    const budget = withBudget({ enforcer, budget: 'a', clock, failMode: { open: { limit: 100 } } })
    const prices = withCostProfile({ defaultCost: { max: 5, metered: { pointer: '/n' } }, clock })
    const meter = composeWith(clock, [prices, budget])
    expect(await meter.run({ tool: 't' }, () => ({ n: 3 }))).toMatchObject({ charge: { charged: 5, end: 'pending' } })
    down.now = false
    await budget.flush()
    expect(await meter.run({ tool: 't' }, () => ({ n: 3 }))).toMatchObject({ charge: { charged: 5, end: 'captured' } })
    expect(memory.describe('a')).toMatchObject({ available: 90, spent: 10 })
  })

  test('that refuses a charge of an outage is told of, for the credits are lost [L-P18]', async () => {
    const down = { now: true }
    const events = new BudgetEvents()
    const delayed = vi.fn()
    events.on('delayed', delayed)
    const { run, clock, budget } = setUp({
      credits: 3,
      events,
      failMode: { open: { limit: 100 } },
      of: (four) => faultyEnforcer(four, () => (down.now ? 'throw' : undefined)),
    })
    await run()
    down.now = false
    await clock.advanceAsync(120_000)
    expect(budget.pending).toBe(0)
    expect(delayed).toHaveBeenLastCalledWith(expect.objectContaining({ givenUp: true, cause: 'insufficient' }))
  })

  test('lets through in soft mode, and says what is owed', async () => {
    const events = new BudgetEvents()
    const overdrawn = vi.fn()
    events.on('overdrawn', overdrawn)
    const { run, forward } = setUp({ credits: 3, mode: 'soft', events })
    expect(await run()).toMatchObject({
      kind: 'result',
      result: { _meta: { 'dev.mcp-budget/balance': { mode: 'soft' } } },
    })
    expect(forward).toHaveBeenCalledOnce()
    expect(overdrawn).toHaveBeenCalledOnce()
  })
})

function later(four: BudgetEnforcer): BudgetEnforcer {
  return {
    check: async (budget, cost) => four.check(budget, cost),
    spend: async (request) => four.spend(request),
    remaining: async (budget) => four.remaining(budget),
    initialize: async (budget, credits) => four.initialize(budget, credits),
  }
}
