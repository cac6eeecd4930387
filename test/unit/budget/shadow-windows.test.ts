import {
  BudgetEvents,
  composeWith,
  InMemoryBudgetEnforcer,
  withBudget,
  withCostProfile,
  type BudgetEnforcer,
  type HoldingEnforcer,
} from 'mcp-budget'
import { asyncEnforcer, FakeClock, settle } from 'mcp-budget/testing'
import { describe, expect, test } from 'vitest'

const ok = { content: [] }
const HOUR = 3_600_000
const DAY = 24 * HOUR
const NOON = Date.UTC(2026, 10, 27, 12)
const MIDNIGHT = NOON + 12 * HOUR

const STORES = [
  ['at once', (memory: HoldingEnforcer) => memory],
  ['later', asyncEnforcer as (memory: HoldingEnforcer) => HoldingEnforcer],
] as const

/** A budget of 10 a day, at noon, a price of 5, and a meter of each mode on it. */
function setUp(
  options: {
    store?: (memory: HoldingEnforcer) => BudgetEnforcer
    simulation?: (memory: HoldingEnforcer) => HoldingEnforcer
  } = {},
) {
  const { store = (memory) => memory, simulation = (memory) => memory } = options
  const clock = new FakeClock(NOON)
  const memory = new InMemoryBudgetEnforcer({ clock })
  memory.initialize('a', 10)
  const simulated = new InMemoryBudgetEnforcer({ clock })
  const meterOf = (mode: 'hard' | 'shadow') => {
    const events = new BudgetEvents()
    const refused: string[] = []
    events.on('refused', ({ refusal }) => void refused.push(`${refusal.reason} until ${refusal.resetAt}`))
    const budget = { budget: 'a', window: 'day' } as const
    const shadow = { enforcer: simulation(simulated) }
    const enforcer = mode === 'shadow' ? store(memory) : memory
    const step = withBudget({ enforcer, budget, clock, mode, events, ...(mode === 'shadow' && { shadow }) })
    const meter = composeWith(clock, [withCostProfile({ defaultCost: 5, clock }), step])
    const run = async (times = 1) => {
      for (let i = 0; i < times; i++) {
        await meter.run({ tool: 't' }, () => ok)
        await settle()
      }
    }
    return { refused, run }
  }
  return { clock, memory, simulated, hard: meterOf('hard'), shadow: meterOf('shadow') }
}

describe.each(STORES)(
  'shadow mode, simulated in a store that answers %s, of a budget with windows',
  (_, simulation) => {
    test.each(STORES)(
      'refuses what hard mode would, and begins anew when that would, real store %s [L-S15]',
      async (_, store) => {
        const { shadow, clock, simulated, memory } = setUp({ store, simulation })
        await shadow.run(3)
        expect(shadow.refused).toEqual([`exhausted until ${MIDNIGHT}`])
        clock.advance(DAY)
        await shadow.run(3)
        expect(shadow.refused).toHaveLength(2)
        expect(simulated.describe('a')).toMatchObject({ available: 0, spent: 20, in: 20 })
        expect(memory.describe('a')).toMatchObject({ available: 10, spent: 0 })
      },
    )

    test('begins with what is left of the present window, and the next with all of it', async () => {
      const { hard, shadow, clock } = setUp({ simulation })
      await hard.run(1)
      await shadow.run(2)
      expect(shadow.refused).toEqual([`exhausted until ${MIDNIGHT}`])
      clock.advance(DAY)
      await shadow.run(2)
      expect(shadow.refused).toHaveLength(1)
    })

    test('begins with all of it where the last real window is over', async () => {
      const { hard, shadow, clock } = setUp({ simulation })
      await hard.run(2)
      clock.advance(DAY)
      await shadow.run(3)
      expect(shadow.refused).toEqual([`exhausted until ${MIDNIGHT + DAY}`])
    })

    test('begins with what was granted on top, and the next without', async () => {
      const { memory, hard, shadow, clock } = setUp({ simulation })
      await hard.run(1)
      memory.grant({ id: 'g', budget: 'a', amount: 10 })
      await shadow.run(4)
      expect(shadow.refused).toHaveLength(1)
      clock.advance(DAY)
      await shadow.run(3)
      expect(shadow.refused).toHaveLength(2)
    })

    test('knows what a window begins with, also where none was opened yet', async () => {
      const { memory, shadow, clock } = setUp({ simulation })
      memory.spend({ chargeId: 's', budget: 'a', tool: 't', cost: 5 })
      await shadow.run(2)
      expect(shadow.refused).toHaveLength(1)
      clock.advance(DAY)
      await shadow.run(2)
      expect(shadow.refused).toHaveLength(1)
    })

    test('goes on with what a store of one’s own has already', async () => {
      const { hard, simulated, shadow } = setUp({ simulation })
      simulated.initialize('a', 10)
      await hard.run(1)
      await shadow.run(2)
      expect(shadow.refused).toEqual([])
      expect(simulated.describe('a')).toMatchObject({ available: 0, spent: 10 })
    })
  },
)

test('shadow mode on a store of four verbs takes what it has left for what each window begins with', async () => {
  const { shadow, clock } = setUp({
    store: (memory) => ({
      check: (budget, cost) => memory.check(budget, cost),
      spend: (request) => memory.spend(request),
      remaining: (budget) => memory.remaining(budget),
      initialize: (budget, credits) => memory.initialize(budget, credits),
    }),
  })
  await shadow.run(3)
  expect(shadow.refused).toHaveLength(1)
  clock.advance(DAY)
  await shadow.run(2)
  expect(shadow.refused).toHaveLength(1)
})
