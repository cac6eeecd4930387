import { describe, expect, it } from 'vitest'
import {
  BudgetEvents,
  compose,
  InMemoryBudgetEnforcer,
  meter,
  withCostProfile,
  type CostProfileOptions,
} from 'mcp-budget'

const broken = () => {
  throw new Error('no price today')
}

describe('a price list that enforces nothing', () => {
  it.each([
    ['a tool without a price', { costs: {} }, 'unpriced'],
    ['a price function that throws', { defaultCost: broken }, 'price_failed'],
    ['a name like a priced one', { costs: { draw: 50 } }, 'ambiguous_tool_name'],
  ] as const)('lets %s pass for nothing and tells of it [L-P13]', async (_case, prices: CostProfileOptions, reason) => {
    const events = new BudgetEvents()
    const told: unknown[] = []
    events.on('refused', ({ refusal, enforced }) => told.push([refusal.reason, enforced]))
    const steps = compose(withCostProfile({ ...prices, events, enforce: false }))
    const outcome = await steps.run({ tool: 'DRAW' }, () => ({ content: [] }))
    expect(outcome.kind).toBe('result')
    expect(told).toEqual([[reason, false]])
  })

  it.each(['soft', 'shadow'] as const)('is what meter gives in %s mode', async (mode) => {
    const enforcer = new InMemoryBudgetEnforcer()
    enforcer.initialize('b', 10)
    const outcome = await meter({ enforcer, budget: 'b', mode, prices: {} }).run({ tool: 'x' }, () => ({ content: [] }))
    expect(outcome.kind).toBe('result')
    expect(enforcer.remaining('b')).toBe(10)
  })

  it('is not what meter gives in hard mode', async () => {
    const enforcer = new InMemoryBudgetEnforcer()
    enforcer.initialize('b', 10)
    const outcome = await meter({ enforcer, budget: 'b', prices: {} }).run({ tool: 'x' }, () => ({ content: [] }))
    expect(outcome).toMatchObject({ kind: 'refused', refusal: { error: 'unpriced_tool', reason: 'unpriced' } })
  })

  it('wants a yes or a no', () => {
    expect(() => withCostProfile({ defaultCost: 5, enforce: 'no' as never })).toThrow(/enforce/)
  })
})
