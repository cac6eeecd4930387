import { InMemoryBudgetEnforcer, withBudget, withCostProfile } from 'mcp-budget'
import { asyncEnforcer } from '../support/async-enforcer.js'
import { PRICE } from './price.js'

const BUDGET = 'agent-1'

/** Whether the enforcer answers at once or later. */
export type Store = 'sync' | 'async'

/** What the calls of one process cost. */
export interface Settled {
  readonly spent: number
  readonly held: number
}

/** The steps of a process under test, and what its calls cost in the end. */
export async function openMetering(store: Store) {
  const memory = new InMemoryBudgetEnforcer()
  const enforcer = store === 'sync' ? memory : asyncEnforcer(memory)
  await enforcer.initialize(BUDGET, 1_000_000)
  return {
    steps: [withCostProfile({ defaultCost: PRICE }), withBudget({ enforcer, budget: BUDGET })] as const,
    async settled(): Promise<Settled> {
      // Captures run behind the answers. A hold that is kept (nobody knows whether the call ran) stays beyond this.
      for (let turn = 0; turn < 20 && memory.describe(BUDGET).held > 0; turn++) {
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
      const { spent, held } = memory.describe(BUDGET)
      return { spent, held }
    },
  }
}
