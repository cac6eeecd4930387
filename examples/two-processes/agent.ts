/** One of the processes: searches until the budget that it shares with the other is empty, and prints how often. */
// #region store
import { Redis } from 'ioredis'
import { compose, withBudget, withCostProfile } from 'mcp-budget'
import { ioredisPort, RedisBudgetEnforcer } from 'mcp-budget/redis'

const { REDIS_URL = 'redis://127.0.0.1:6379', BUDGET = 'team' } = process.env

const redis = new Redis(REDIS_URL, { maxRetriesPerRequest: 1 })
const enforcer = new RedisBudgetEnforcer({ redis: ioredisPort(redis) })
await enforcer.initialize(BUDGET, 100) // by whoever comes first; never a refill

const budget = withBudget({ enforcer, budget: BUDGET })
const meter = compose(withCostProfile({ defaultCost: 5 }), budget)
// #endregion store

const search = async () => {
  await new Promise((resolve) => setTimeout(resolve, 5))
  return { content: [] }
}

let searches = 0
while ((await meter.run({ tool: 'search' }, search)).kind !== 'refused') searches++
console.log(searches)

// #region end
await budget.flush() // charges that the store has not taken yet
redis.disconnect()
// #endregion end
