/**
 * One budget of 1,000 credits, and two processes that decide calls by themselves: together they spend what there is, and no
 * credit more.
 */
import assert from 'node:assert/strict'
// #region lease
import { compose, InMemoryBudgetEnforcer, withBudget, withCostProfile } from 'mcp-budget'
import { LeasedEnforcer } from 'mcp-budget/leases'

// In your program: a store in Redis, PostgreSQL or SQLite, which processes share.
const store = new InMemoryBudgetEnforcer()
store.initialize('team', 1_000)

const enforcer = await LeasedEnforcer.open({ store, most: 100 })
const meter = compose(withCostProfile({ defaultCost: 5 }), withBudget({ enforcer, budget: 'team' }))
// #endregion lease

const other = await LeasedEnforcer.open({ store, most: 100 })
const others = compose(withCostProfile({ defaultCost: 5 }), withBudget({ enforcer: other, budget: 'team' }))

let paid = 0
for (const turn of Array.from({ length: 300 }, (_, n) => (n % 3 === 0 ? others : meter))) {
  const outcome = await turn.run({ tool: 'search' }, () => ({ content: [] }))
  if (outcome.kind === 'result') paid += 5
}
// #region view
const { available, spent, held, leases, leased } = store.describe('team')
console.log({ available, spent, held, leases, leased })
// #endregion view
console.log(`${paid} credits of calls were let through`)
assert.ok(paid <= 1_000 && paid >= 990, `paid ${paid}`)

// #region end
await enforcer.shutdown() // charges what was used, gives back the rest
// #endregion end
await other.shutdown()
assert.deepEqual([store.describe('team').spent, store.describe('team').held], [paid, 0])
