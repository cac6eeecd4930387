/** The example of the README: ten credits, a price of five, three calls. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
// #region imports
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { InMemoryBudgetEnforcer, refusalOf, withBudget, withCostProfile, wrapTransport } from 'mcp-budget'
// #endregion imports

const server = {
  command: process.execPath,
  args: ['--import', 'tsx', fileURLToPath(new URL('../hello-budget/server.ts', import.meta.url))],
  cwd: fileURLToPath(new URL('../../', import.meta.url)),
}

const printed: unknown[] = []
const print = console.log
console.log = (text: string) => {
  printed.push(JSON.parse(text))
  print(text)
}

// #region calls
const enforcer = new InMemoryBudgetEnforcer()
enforcer.initialize('agent-1', 10)
const prices = withCostProfile({ defaultCost: 5, costs: { 'gpt4_*': 25, dalle_generate: 50 } })
const budget = withBudget({ enforcer, budget: 'agent-1' })
const client = new Client({ name: 'agent', version: '1.0.0' })
await client.connect(wrapTransport(new StdioClientTransport(server), prices, budget)) // or any other transport

for (const query of ['holds', 'ledgers', 'prices']) {
  const search = client.callTool({ name: 'web_search', arguments: { query } })
  await search.catch((error: unknown) => console.log(JSON.stringify(refusalOf(error) ?? String(error))))
}
await client.close()
// #endregion calls

assert.deepEqual(printed, [JSON.parse(readFileSync(new URL('refusal.json', import.meta.url), 'utf8'))])
const { spent, held, available } = enforcer.describe('agent-1')
assert.deepEqual({ spent, held, available }, { spent: 10, held: 0, available: 0 })
