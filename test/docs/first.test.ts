import { compose, withBudget, withCostProfile } from 'mcp-budget'
import { fakeEnforcer } from 'mcp-budget/testing'
import { expect, test } from 'vitest'

const search = { tool: 'search' }
const answer = () => ({ content: [] })

test('stops at the second search', async () => {
  const enforcer = fakeEnforcer({ remaining: 10 })
  const agent = compose(withCostProfile({ defaultCost: 7 }), withBudget({ enforcer, budget: 'anyone' }))
  expect(await agent.run(search, answer)).toMatchObject({ kind: 'result', charge: { charged: 7 } })
  expect(await agent.run(search, answer)).toMatchObject({ kind: 'refused', refusal: { remaining: 3 } })
})
