import { InMemoryBudgetEnforcer, withBudget, withCostProfile, wrapTransport } from 'mcp-budget'
import { asyncEnforcer } from '../support/async-enforcer.js'
import { PRICE } from './price.js'
import type { Seat } from './sdk/session.js'

const BUDGET = 'agent-1'

/** What the calls of one client cost. */
export interface Settled {
  readonly spent: number
  readonly held: number
}

export async function openSeat(mode: string): Promise<{ seat: Seat; settled(): Promise<Settled> }> {
  if (mode !== '--wrap' && mode !== '--wrap-async') throw new Error(`unknown option ${mode}`)
  const memory = new InMemoryBudgetEnforcer()
  const enforcer = mode === '--wrap' ? memory : asyncEnforcer(memory)
  await enforcer.initialize(BUDGET, 1_000_000)
  const steps = [withCostProfile({ defaultCost: PRICE }), withBudget({ enforcer, budget: BUDGET })] as const
  return {
    seat: (transport) => wrapTransport(transport, ...steps),
    async settled() {
      // Captures run behind the answers. A hold that is kept (nobody knows whether the call ran) stays beyond this.
      for (let turn = 0; turn < 20 && memory.describe(BUDGET).held > 0; turn++) {
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
      const { spent, held } = memory.describe(BUDGET)
      return { spent, held }
    },
  }
}
