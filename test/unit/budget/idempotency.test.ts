import fc from 'fast-check'
import {
  composeWith,
  InMemoryBudgetEnforcer,
  MemoryLedger,
  replay,
  withBudget,
  withCostProfile,
  type CallMiddleware,
  type Priced,
} from 'mcp-budget'
import { FakeClock, fakeEnforcer } from 'mcp-budget/testing'
import { describe, expect, test, vi } from 'vitest'

const ok = { content: [] }

describe('each call is a charge of its own', () => {
  test('also when tool, arguments and _meta are the same [L-P6, L-S11, L-P7]', async () => {
    const enforcer = fakeEnforcer({ remaining: 100 })
    const meter = composeWith(new FakeClock(), [
      withCostProfile({ defaultCost: 5 }),
      withBudget({ enforcer, budget: 'a' }),
    ])
    const call = { tool: 't', args: { q: 1 }, meta: { progressToken: 1, id: 7 } }
    for (let i = 0; i < 3; i++) await meter.run(call, () => ok)
    expect(enforcer.describe('a')).toMatchObject({ spent: 15 })
    const ids = enforcer.calls.filter(({ verb }) => verb === 'hold').map(({ args }) => (args[0] as { id: string }).id)
    expect(new Set(ids).size).toBe(3)
  })

  test('and a second meter, as after a restart, charges its first call too [L-S11, L-P15]', async () => {
    const memory = new InMemoryBudgetEnforcer()
    memory.initialize('a', 100)
    for (let restart = 0; restart < 3; restart++) {
      // What a program does when it starts: the same amount again is no refill.
      memory.initialize('a', 100)
      const meter = composeWith(new FakeClock(), [
        withCostProfile({ defaultCost: 5 }),
        withBudget({ enforcer: memory, budget: 'a' }),
      ])
      await meter.run({ tool: 't' }, () => ok)
    }
    expect(memory.describe('a')).toMatchObject({ spent: 15, available: 85, in: 100 })
  })
})

describe('nothing sets a balance anew', () => {
  test('however initialisations, grants and calls are interleaved [I18, I1, I10, L-P15, L-P2]', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 60 }), (steps) => {
        const ledger = new MemoryLedger()
        const memory = new InMemoryBudgetEnforcer({ ledger })
        const meter = composeWith(new FakeClock(), [
          withCostProfile({ defaultCost: 5 }),
          withBudget({ enforcer: memory, budget: 'a' }),
        ])
        let [granted, spent] = [0, 0]
        let created = false
        for (const [i, step] of steps.entries()) {
          if (step === 0) {
            memory.initialize('a', 50)
            granted += created ? 0 : 50
            created = true
          } else if (step === 1 && created) {
            // Applied once, though it comes twice.
            for (let twice = 0; twice < 2; twice++) memory.grant({ id: `g${i}`, budget: 'a', amount: 3 })
            granted += 3
          } else if (step === 2) {
            const outcome = meter.run({ tool: 't' }, () => ok)
            if ((outcome as { kind: string }).kind === 'result') spent += 5
          } else if (step === 3 && created) {
            expect(() => memory.initialize('a', 51)).toThrow(/with `grant`/)
          }
          if (!created) continue
          const view = memory.describe('a')
          expect([view.in, view.spent, view.available]).toEqual([granted, spent, granted - spent])
          expect(replay(ledger.entries()).get('default/a')).toMatchObject({ in: granted, spent })
        }
      }),
    )
  })
})

describe('a price that is no amount', () => {
  const prices: ReadonlyArray<readonly [string, unknown]> = [
    ['negative', -5],
    ['a fraction', 0.5],
    ['NaN', Number.NaN],
    ['Infinity', Infinity],
    ['above 2^53-1', 2 ** 53],
    ['text', '5'],
    ['missing', undefined],
    ['null', null],
  ]
  const ownPrice = (cost: unknown, charged: unknown = cost): CallMiddleware<unknown, Priced> => ({
    name: 'own price',
    gives: ['cost', 'price'],
    enter: (call) => ({
      ...call,
      cost: cost as never,
      price: {
        cost: cost as never,
        source: { rule: 'exact', pattern: 't', server: undefined, version: undefined },
        charge: () => ({ amount: charged as never }),
      },
    }),
  })

  test.each(prices)(
    'from a step of one’s own (%s) denies the call, in every store and mode [T18, T25]',
    async (_, cost) => {
      const four = vi.fn(() => ({ allowed: true, remaining: 1_000 }))
      const fake = { check: four, spend: four, remaining: () => 1_000, initialize: () => {} }
      const memory = fakeEnforcer({ remaining: 100 })
      for (const enforcer of [fake, memory]) {
        for (const mode of ['hard', 'soft'] as const) {
          for (const approve of [undefined, () => true]) {
            const meter = composeWith(new FakeClock(), [
              ownPrice(cost),
              withBudget({ enforcer, budget: 'a', mode, ...(approve !== undefined && { approve }) }),
            ])
            const forward = vi.fn(() => ok)
            expect(await meter.run({ tool: 't' }, forward)).toMatchObject({ kind: 'refused' })
            expect(forward).not.toHaveBeenCalled()
          }
        }
      }
      expect(four).not.toHaveBeenCalled()
      expect(memory.describe('a')).toMatchObject({ available: 100, held: 0 })
    },
  )

  test.each(prices)('at the end (%s) charges the whole hold, and the hold ends [T18, T26, I4]', async (_, charged) => {
    const memory = fakeEnforcer({ remaining: 100 })
    for (const overage of ['cap', 'debt'] as const) {
      const meter = composeWith(new FakeClock(), [
        ownPrice(7, charged),
        withBudget({ enforcer: memory, budget: 'a', overage }),
      ])
      expect(await meter.run({ tool: 't' }, () => ok)).toMatchObject({ kind: 'result', charge: { charged: 7 } })
    }
    expect(memory.describe('a')).toMatchObject({ available: 86, held: 0, spent: 14, openHolds: 0 })
  })

  test('because the price throws at the end charges the whole hold, and the hold ends [I4, I17]', async () => {
    const memory = fakeEnforcer({ remaining: 100 })
    const price = ownPrice(7)
    const throwing: CallMiddleware<unknown, Priced> = {
      ...price,
      enter: async (call) => {
        const priced = (await price.enter?.(call)) as typeof call & Priced
        return {
          ...priced,
          price: {
            ...priced.price,
            charge() {
              throw new Error('boom')
            },
          },
        }
      },
    }
    const meter = composeWith(new FakeClock(), [throwing, withBudget({ enforcer: memory, budget: 'a' })])
    expect(await meter.run({ tool: 't' }, () => ok)).toMatchObject({ kind: 'result', result: ok })
    expect(memory.describe('a')).toMatchObject({ available: 93, held: 0, spent: 7, openHolds: 0 })
  })
})
