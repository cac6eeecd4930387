/** An agent whose budget is in a file. It spends, and then hangs in a call until somebody kills it. */
// #region agent
import { compose, withBudget, withCostProfile } from 'mcp-budget'
import { SqliteBudgetEnforcer } from 'mcp-budget/sqlite'

const enforcer = await SqliteBudgetEnforcer.open({ database: process.argv[2] ?? 'budgets.db' })
await enforcer.initialize('agent-1', 100) // the first time; later it changes nothing

const agent = compose(
  withCostProfile({ defaultCost: 10 }),
  withBudget({ enforcer, budget: 'agent-1', ttlMs: 1_000, awaitCapture: true }),
)
// #endregion agent

for (const tool of ['search', 'read', 'write']) await agent.run({ tool }, () => ({ content: [] }))
await agent.run({ tool: 'hang' }, () => {
  process.stdout.write('hanging\n')
  return new Promise(() => setInterval(() => {}, 1_000))
})
