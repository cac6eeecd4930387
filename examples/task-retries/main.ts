import assert from 'node:assert/strict'
import {
  InMemoryBudgetEnforcer,
  InMemoryTaskStore,
  MemoryLedger,
  report,
  withBudget,
  withCostProfile,
  withLedger,
  withTaskTracking,
  type RetryPolicy,
} from 'mcp-budget'
import { clientV1, renderV1, studioV1, type Plan } from './v1.js'
import { clientV2, renderV2, studioV2 } from './extension.js'

/** A gate of its own: 1,000 credits, and `render` costs 41. */
function gate(policy: RetryPolicy) {
  const ledger = new MemoryLedger()
  const enforcer = new InMemoryBudgetEnforcer({ ledger })
  enforcer.initialize('agent-1', 1_000)
  // #region steps
  const tasks = new InMemoryTaskStore()
  const steps = [
    withLedger({ ledger }),
    withCostProfile({ costs: { render: 41 } }),
    withTaskTracking({ tasks, ...policy }),
    withBudget({ enforcer, budget: 'agent-1' }),
  ]
  // #endregion steps
  return { ledger, enforcer, steps }
}

/** One way to render: with a client and a server of one generation of tasks. */
type Connect = (steps: ReturnType<typeof gate>['steps']) => Promise<(plan: Plan) => Promise<'works' | 'fails'>>

const GENERATIONS: Readonly<Record<string, Connect>> = {
  '2025-11-25': async (steps) => {
    const client = await clientV1(studioV1(), steps)
    return (plan) => renderV1(client, plan)
  },
  '2026-07-28': async (steps) => {
    const client = await clientV2(() => studioV2(), steps)
    return (plan) => renderV2(client, plan)
  },
}

const MODES: ReadonlyArray<readonly [RetryPolicy, number]> = [
  [{ retryCostMode: 'full' }, 6 * 41],
  [{ retryCostMode: 'first-only' }, 41],
  [{ retryCostMode: 'reduced', retryRateBps: 2_500 }, 41 + 5 * 11],
]

for (const [revision, connect] of Object.entries(GENERATIONS)) {
  for (const [policy, expected] of MODES) {
    const { ledger, enforcer, steps } = gate(policy)
    const render = await connect(steps)
    // It fails six times. To the agent that is one thing; to the budget it is what the operator says.
    for (let attempt = 0; attempt < 6; attempt++) assert.equal(await render('fails'), 'fails')
    // #region report
    for (const { attempts, charged, full, saved } of report(ledger.entries()).byOperation.values()) {
      console.log(
        `${revision} ${policy.retryCostMode}: ${attempts.length} attempts, ${charged} of ${full}, ${saved} saved`,
      )
    }
    // #endregion report
    assert.deepEqual(
      [...report(ledger.entries()).byOperation.values()].map(({ charged, attempts }) => [charged, attempts.length]),
      [[expected, 6]],
    )
    const { spent, held } = enforcer.describe('agent-1')
    assert.deepEqual({ spent, held }, { spent: expected, held: 0 })
    // Other work is no retry.
    assert.equal(await render('works'), 'works')
    assert.equal(enforcer.describe('agent-1').spent, expected + 41)
  }
}
