/**
 * Budgets of a day and of a month beside a plain one, in Berlin, in the night in which the clocks are put back: a day of
 * 25 hours. A real client and a real server; only the time is virtual.
 */
import assert from 'node:assert/strict'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import {
  InMemoryBudgetEnforcer,
  MemoryLedger,
  refusalOf,
  replay,
  withBudget,
  withCostProfile,
  wrapTransport,
} from 'mcp-budget'
import { FakeClock } from 'mcp-budget/testing'

const HOUR = 3_600_000
const clock = new FakeClock(Date.parse('2026-10-24T23:00+02:00'))
const ledger = new MemoryLedger()

// #region budgets
const enforcer = new InMemoryBudgetEnforcer({ ledger, clock })
enforcer.initialize('agent-1', 1_000) // once, and for good
enforcer.initialize('agent-1-day', 20) // each day
enforcer.initialize('agent-1-month', 60) // each month

const zone = 'Europe/Berlin'
const budget = withBudget({
  enforcer,
  clock,
  budget: [
    'agent-1',
    { budget: 'agent-1-day', window: { every: 'day', zone } },
    { budget: 'agent-1-month', window: { every: 'month', zone } },
  ],
})
// #endregion budgets

let finish = (): void => {}
const server = new McpServer({ name: 'archive', version: '1.0.0' })
const answer = { content: [{ type: 'text' as const, text: 'done' }] }
server.registerTool('search', {}, () => answer)
server.registerTool('index', {}, () => new Promise((resolve) => (finish = () => resolve(answer))))

const [near, far] = InMemoryTransport.createLinkedPair()
await server.connect(far)
const client = new Client({ name: 'agent', version: '1.0.0' })
await client.connect(wrapTransport(near, { clock }, withCostProfile({ defaultCost: 5, clock }), budget))

/** Searches until a budget refuses. */
async function searchOn(): Promise<{ searches: number; budget: string | undefined; until: string | undefined }> {
  for (let searches = 0; ; searches++) {
    // #region refusal
    const refusal = await client.callTool({ name: 'search' }).then(() => undefined, refusalOf)
    if (refusal?.reset_at !== undefined) console.log(`${refusal.budget_id} begins anew at ${refusal.reset_at}`)
    // #endregion refusal
    if (refusal !== undefined) return { searches, budget: refusal.budget_id, until: refusal.reset_at }
  }
}

// Saturday, 23:00. Three searches, and a long call that is still running at midnight.
for (let i = 0; i < 3; i++) await client.callTool({ name: 'search' })
const index = client.callTool({ name: 'index' })
await new Promise((resolve) => setImmediate(resolve))
assert.deepEqual(await searchOn(), { searches: 0, budget: 'default/agent-1-day', until: '2026-10-24T22:00:00.000Z' })

// Midnight: 20 more. The long call ends in the day in which it began.
clock.advance(HOUR)
const sunday = '2026-10-25T23:00:00.000Z' // midnight in Berlin again, 25 hours later
assert.deepEqual(await searchOn(), { searches: 4, budget: 'default/agent-1-day', until: sunday })
finish()
await index
assert.equal(enforcer.remaining('agent-1-day'), 0)

// A day later it is 23:00 in Berlin, and still Sunday.
clock.advance(24 * HOUR)
assert.deepEqual(await searchOn(), { searches: 0, budget: 'default/agent-1-day', until: sunday })
clock.advance(HOUR)
assert.equal((await searchOn()).searches, 4)

// Tuesday has credits again, and October has none.
clock.advance(24 * HOUR)
assert.deepEqual(await searchOn(), { searches: 0, budget: 'default/agent-1-month', until: '2026-10-31T23:00:00.000Z' })
clock.advance(5 * 24 * HOUR)
await client.callTool({ name: 'search' })
await client.close()

const left = ['agent-1', 'agent-1-day', 'agent-1-month'].map((name) => enforcer.describe(name))
assert.deepEqual(
  left.map(({ available, held, spent }) => ({ available, held, spent })),
  [
    { available: 935, held: 0, spent: 65 },
    { available: 15, held: 0, spent: 65 },
    { available: 55, held: 0, spent: 65 },
  ],
)
for (const { budget, available } of left) assert.equal(replay(ledger.entries()).get(budget)?.available, available)
console.log(
  `\n${left.map(({ budget, available, spent }) => `${budget}: ${spent} spent, ${available} left`).join('\n')}`,
)
