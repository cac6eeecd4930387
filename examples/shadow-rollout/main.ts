/**
 * A policy that is tried out before it bites: the same day of an agent in shadow mode, with the report that it leaves;
 * in hard mode, which refuses exactly what the report says; and with the policy mended, until the report is ready.
 */
import assert from 'node:assert/strict'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import {
  BudgetEvents,
  CutoverReport,
  InMemoryBudgetEnforcer,
  meter,
  refusalOf,
  wrapTransport,
  type BudgetMeter,
  type CostProfileOptions,
} from 'mcp-budget'
import { studio } from './server.js'

const DAY = ['search', 'draw', 'search', 'draw', 'animate', 'draw', 'search', 'draw', 'search', 'draw']

const prices: CostProfileOptions = {
  costs: { search: 2, draw: { max: 40, metered: { meta: 'example.com/usage', pointer: '/credits' } } },
}

// #region shadow
const enforcer = new InMemoryBudgetEnforcer()
enforcer.initialize('agent-1', 60)

const events = new BudgetEvents()
const report = new CutoverReport({ events, minCalls: 10 })
const policy = { enforcer, budget: 'agent-1', prices, events }

const refused = await dayOf(meter({ ...policy, mode: 'shadow' })) // none: every call passes
// #endregion shadow
assert.deepEqual(refused, [])
assert.equal(enforcer.remaining('agent-1'), 60)

// #region report
const { ready, because, calls, refusedCalls, holdToActual } = report.summary()
console.log(ready ? 'ready' : `not ready: ${because.join('; ')}`)
for (const { tool, reason, budget } of refusedCalls) console.log(`  ${tool}: ${reason}, ${budget ?? 'no budget asked'}`)
console.log(`${calls} calls, ${holdToActual?.toFixed(1)} credits held for each one charged`)
// #endregion report
report.stop()
assert.equal(ready, false)

// #region hard
const denied = await dayOf(meter(policy)) // hard is the default
// #endregion hard
assert.deepEqual(
  denied,
  refusedCalls.map(({ tool, reason }) => `${tool}: ${reason}`),
)
console.log(`hard mode refused exactly those: ${denied.join(', ')}`)

// #region mended
const mended = { ...prices, costs: { ...prices.costs, animate: 10 } }
enforcer.initialize('agent-2', 120)
const again = new CutoverReport({ events, minCalls: 10 })
await dayOf(meter({ ...policy, budget: 'agent-2', prices: mended, mode: 'shadow' }))
console.log(again.summary().ready ? 'mended: ready' : 'mended: not ready')
// #endregion mended
assert.deepEqual(again.summary().because, [])
assert.deepEqual(await dayOf(meter({ ...policy, budget: 'agent-2', prices: mended })), [])
const { spent, held } = enforcer.describe('agent-2')
assert.deepEqual({ spent, held }, { spent: 78, held: 0 })

/** An agent's day through a meter: which of its calls were refused, and why. */
async function dayOf(steps: BudgetMeter): Promise<string[]> {
  const [near, far] = InMemoryTransport.createLinkedPair()
  await studio().connect(far)
  const client = new Client({ name: 'agent', version: '1.0.0' })
  await client.connect(wrapTransport(near, steps))
  const refused: string[] = []
  for (const name of DAY) {
    try {
      await client.callTool({ name })
    } catch (error) {
      const refusal = refusalOf(error) ?? assert.fail(String(error))
      refused.push(`${name}: ${refusal.reason}`)
    }
  }
  await client.close()
  return refused
}
