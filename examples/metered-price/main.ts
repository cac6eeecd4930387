/**
 * Prices that are known only afterwards: the most that a call may cost is held, and what its result reports is
 * charged. The report is somebody else's word, so a bad one is not believed, and none charges more than was held.
 */
import assert from 'node:assert/strict'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import {
  BudgetEvents,
  InMemoryBudgetEnforcer,
  MemoryLedger,
  meter,
  wrapTransport,
  type CostProfileOptions,
} from 'mcp-budget'
import { server } from './server.js'

const ledger = new MemoryLedger()
const enforcer = new InMemoryBudgetEnforcer({ ledger })
enforcer.initialize('agent-1', 200)

const faults: string[] = []
const events = new BudgetEvents().on('fault', ({ error }) => void faults.push((error as Error).message))

// #region prices
const usage = { meta: 'example.com/usage', pointer: '/usd' }

const prices = {
  costs: {
    // The result says dollars: 1,000 credits are one of them, and a part of a credit counts as a whole one.
    speak: { max: 50, metered: usage, creditsPerUnit: 1_000 },
    // The result says credits, and what is held depends on the arguments.
    translate: {
      max: (args) => Math.ceil(String(args?.text).length / 10),
      metered: { pointer: '/structuredContent/usage/credits' },
    },
    transcribe: { max: 20, metered: usage, creditsPerUnit: 1_000 },
    compose_music: { max: 30, metered: usage, creditsPerUnit: 1_000 },
  },
} satisfies CostProfileOptions
// #endregion prices

const [near, far] = InMemoryTransport.createLinkedPair()
await server.connect(far)
const client = new Client({ name: 'agent', version: '1.0.0' })
await client.connect(wrapTransport(near, meter({ enforcer, budget: 'agent-1', prices, ledger, events })))

const text = 'A small ferry crosses twice a day and carries the post and the children.'
for (const name of Object.keys(prices.costs)) await client.callTool({ name, arguments: { text } })
await client.close()

console.log('tool           held  reported  charged')
for (const { tool, charge } of ledger.entries({ kind: 'call' })) {
  const { held, reported = 'nothing', charged } = charge ?? assert.fail(`${tool} was not charged`)
  console.log(`${tool.padEnd(13)}  ${pad(held, 4)}  ${pad(reported, 8)}  ${pad(charged, 7)}`)
}
console.log(`\n${faults.join('\n')}`)

function pad(value: string | number, width: number): string {
  return String(value).padStart(width)
}

const charges = ledger.entries({ kind: 'call' }).map(({ tool, charge }) => [tool, charge])
assert.deepEqual(Object.fromEntries(charges), {
  speak: { held: 50, reported: 8, charged: 8, end: 'captured' },
  translate: { held: 8, reported: 4, charged: 4, end: 'captured' },
  transcribe: { held: 20, charged: 20, end: 'captured' },
  compose_music: { held: 30, reported: 90, charged: 30, end: 'captured' },
})
assert.equal(faults.length, 1)
assert.match(faults[0] ?? '', /^Expected tool 'transcribe' to report what call \S+ cost, got a string; all 20 credits/)
const { spent, held, available } = enforcer.describe('agent-1')
assert.deepEqual({ spent, held, available }, { spent: 62, held: 0, available: 138 })
