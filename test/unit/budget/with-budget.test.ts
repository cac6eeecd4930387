import {
  BudgetEvents,
  composeWith,
  InMemoryBudgetEnforcer,
  withBudget,
  withCostProfile,
  type BudgetOptions,
  type CallMiddleware,
  type CallOutcome,
  type PriceCharge,
} from 'mcp-budget'
import { FakeClock } from 'mcp-budget/testing'
import { describe, expect, test, vi } from 'vitest'

const ok = { content: [] }

/** A step that prices calls as it likes. */
function priced(cost: unknown, charge: (outcome: CallOutcome) => unknown = () => ({ amount: cost })): CallMiddleware {
  const price = { cost, source: {}, charge }
  return { name: 'own prices', gives: ['cost', 'price'], enter: (call) => ({ ...call, cost, price }) as typeof call }
}

function setUp(step: CallMiddleware, options: Partial<BudgetOptions> & { credits?: number; heard?: boolean } = {}) {
  const { credits = 10, heard = true, ...given } = options
  const clock = new FakeClock()
  const events = new BudgetEvents()
  const fault = vi.fn()
  const refused = vi.fn()
  events.on('fault', fault).on('refused', refused)
  const memory = new InMemoryBudgetEnforcer({ clock })
  memory.initialize('a', credits)
  const budget = withBudget({ enforcer: memory, budget: 'a', clock, ...(heard ? { events } : {}), ...given })
  const meter = composeWith(clock, [step, budget])
  const forward = vi.fn((): unknown => ok)
  return { memory, fault, refused, forward, run: async () => meter.run({ tool: 't' }, forward) }
}

describe('a price that somebody else computes', () => {
  test.each([
    ['hard', undefined],
    ['hard', Number.NaN],
    ['hard', -1],
    ['soft', 1.5],
    ['soft', '5'],
    ['soft', 2 ** 53],
  ] as const)('and that is no amount refuses the call, in %s mode: %j [T18]', async (mode, cost) => {
    const { run, forward, refused, memory } = setUp(priced(cost), { mode })
    expect(await run()).toMatchObject({
      kind: 'refused',
      refusal: { error: 'unpriced_tool', reason: 'invalid_price', retryable: false },
    })
    expect(refused).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ enforced: true }))
    expect(forward).not.toHaveBeenCalled()
    expect(memory.describe('a')).toMatchObject({ available: 10, held: 0 })
  })

  const noAmount = expect.stringContaining('`amount`') as unknown
  const wrong: ReadonlyArray<readonly [string, () => unknown, unknown]> = [
    [
      'throws',
      () => {
        throw new Error('boom')
      },
      'boom',
    ],
    ['is not there', () => undefined, expect.stringContaining('amount')],
    ['is no number', () => ({ amount: 'much' }), noAmount],
    ['is negative', () => ({ amount: -1 }), noAmount],
    ['is no integer', () => ({ amount: 0.5 }), noAmount],
  ]
  test.each(wrong)('and whose charge %s charges all that was held, and tells of it [T18, T25]', async (...row) => {
    const [, charge, message] = row
    const { run, fault, memory } = setUp(priced(5, charge))
    expect(await run()).toMatchObject({ kind: 'result', charge: { held: 5, charged: 5, end: 'captured' } })
    expect(memory.describe('a')).toMatchObject({ spent: 5, held: 0 })
    expect(fault).toHaveBeenCalledExactlyOnceWith({ where: 'price', error: expect.objectContaining({ message }) })
  })

  test.each(wrong)(
    'and whose charge %s charges all that was held where nobody listens [T18, T25]',
    async (_, charge) => {
      const { run, fault, memory } = setUp(priced(5, charge), { heard: false })
      expect(await run()).toMatchObject({ kind: 'result', charge: { held: 5, charged: 5, end: 'captured' } })
      expect(memory.describe('a')).toMatchObject({ spent: 5, held: 0 })
      expect(fault).not.toHaveBeenCalled()
    },
  )

  test('says what was reported only where something was', async () => {
    const charges: readonly PriceCharge[] = [{ amount: 3 }, { amount: 3, reported: 3 }]
    for (const charge of charges) {
      const { charge: told } = await setUp(priced(5, () => charge)).run()
      expect(Object.keys(told as object).includes('reported')).toBe('reported' in charge)
    }
  })
})

test('a step that needs a hold stands behind withBudget, and not before it', () => {
  const needing: CallMiddleware = { name: 'needing', needs: ['hold'] }
  const clock = new FakeClock()
  const budget = withBudget({ enforcer: new InMemoryBudgetEnforcer(), budget: 'a', clock })
  const prices = withCostProfile({ defaultCost: 5, clock })
  expect(() => composeWith(clock, [prices, budget, needing])).not.toThrow()
  expect(() => composeWith(clock, [prices, needing, budget])).toThrow(/`needing` needs `hold`/)
})

describe('a call into debt', () => {
  const ends: ReadonlyArray<readonly [string, () => unknown, object]> = [
    ['answers', () => ok, { kind: 'result', proves: 'ran' }],
    ['answers with an error', () => ({ isError: true }), { kind: 'result', proves: 'failed' }],
    ['throws', () => Promise.reject(new Error('no')), { kind: 'error', proves: 'failed' }],
  ]
  test.each(ends)('is charged when it %s, whether anybody listens or not [L-S15]', async (_, forward, end) => {
    for (const heard of [true, false]) {
      const seat = setUp(priced(5), { mode: 'soft', credits: 2, heard })
      seat.forward.mockImplementation(forward)
      expect(await seat.run()).toMatchObject({ ...end, charge: { held: 5, charged: 5, end: 'captured' } })
      expect(seat.memory.describe('a')).toMatchObject({ available: 0, spent: 5, debt: 3 })
    }
  })
})
