/**
 * An agent with 100 credits, a real MCP client, and a real MCP server in a process of its own, until the budget stops
 * the agent. `npm start` runs it. It exits non-zero when anything is not as output.txt says.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import {
  InMemoryBudgetEnforcer,
  MemoryLedger,
  refusalOf,
  replay,
  report,
  withBudget,
  withCostProfile,
  withLedger,
  wrapTransport,
} from 'mcp-budget'
import { columns, heading, isLive, print, transcript, watch } from './screen.js'

const server = {
  command: process.execPath,
  args: ['--import', 'tsx', fileURLToPath(new URL('server.ts', import.meta.url))],
  cwd: fileURLToPath(new URL('../../', import.meta.url)),
  env: { PACE_MS: isLive ? '150' : '0' },
}

heading('An agent has 100 credits')
print()

const ledger = new MemoryLedger()
const enforcer = new InMemoryBudgetEnforcer({ ledger })
enforcer.initialize('agent-1', 100)

const client = new Client({ name: 'hello-budget', version: '1.0.0' })
await client.connect(
  wrapTransport(
    new StdioClientTransport(server),
    withLedger({ ledger }),
    withCostProfile({ defaultCost: 2, costs: { web_search: 5, 'gpt4_*': 25, dalle_generate: 50 } }),
    watch(() => enforcer.describe('agent-1')),
    withBudget({ enforcer, budget: 'agent-1' }),
  ),
)

await client.callTool({ name: 'web_search', arguments: { query: 'holds and budgets' } })
// At the same time: what two of them hold is not there for the third.
await Promise.all([
  client.callTool({ name: 'web_search', arguments: { query: 'the prices of tools' } }),
  client.callTool({ name: 'web_search', arguments: { query: 'what a ledger is' } }),
  client.callTool({ name: 'web_search', arguments: { query: 'credits, whole numbers' } }),
])
await client.callTool({ name: 'database_query', arguments: { country: 'NO' } })
await client.callTool({ name: 'code_execute', arguments: { code: '120 + 310 + 75' } })
await client.callTool({ name: 'code_execute', arguments: { code: '505 / 0' } })
await client.callTool({ name: 'gpt4_summarize', arguments: { title: 'Why agents overspend' } })
const dear = client.callTool({ name: 'dalle_generate', arguments: { prompt: 'a fjord in November' } })
const refused = await dear.then(
  () => assert.fail('a picture for 50 credits was drawn'),
  (error: unknown) => error as Error & { code: number; data: unknown },
)
await client.callTool({ name: 'gpt4_summarize', arguments: { title: 'What a ledger is for' } })

print()
heading('What the client got in place of a picture')
print()
const { code, message, data } = refused
print(JSON.stringify({ code, message, data }, undefined, 2))

// Not a tool call: it passes, and costs nothing.
const { contents } = await client.readResource({ uri: 'stats://runs' })
const runs = JSON.parse((contents[0] as { text: string }).text) as Record<string, number>
await client.close()

print()
heading('By tool, from the ledger; the server counted for itself')
print()
const { byTool, byBudget } = report(ledger.entries())
columns(
  ['tool', 'calls', 'refused', 'charged', 'run by the server'],
  Array.from(byTool, ([tool, { calls, refused, charged }]) => [tool, calls, refused, charged, runs[tool] ?? 0]),
)

const { spent, held, available } = enforcer.describe('agent-1')
print()
print(`100 credits = ${spent} spent + ${held} held + ${available} left`)

assert.equal(refusalOf(refused)?.error, 'budget_exhausted')
assert.deepEqual({ spent, held, available }, { spent: 76, held: 0, available: 24 })
assert.equal(byBudget.get('default/agent-1')?.charged, spent, 'the records of the calls add up to what was spent')
assert.equal(replay(ledger.entries()).get('default/agent-1')?.available, available, 'the money entries do so too')
for (const [tool, { calls, refused }] of byTool) assert.equal(runs[tool] ?? 0, calls - refused, `${tool} ran as often`)
assert.equal(transcript(), readFileSync(new URL('output.txt', import.meta.url), 'utf8'))
