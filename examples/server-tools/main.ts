/**
 * A whole server that costs credits, over HTTP: two clients, a budget for each, one of which runs out. Prices are in
 * `tools/list`, and what is left is answered to whoever asks.
 */
import assert from 'node:assert/strict'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ResultSchema } from '@modelcontextprotocol/sdk/types.js'
import { refusalOf } from 'mcp-budget'
import { listen } from './http.js'
import { enforcer, runs } from './server.js'

const http = await listen()
const alice = await connect('key-of-alice')
const bob = await connect('key-of-bob')

const { tools } = await alice.listTools()
const prices = tools.map(({ name, _meta }) => [name, _meta?.['dev.mcp-budget/cost']])
console.log('The list of tools says what they cost')
for (const [name, price] of prices) console.log(`  ${String(name)}: ${JSON.stringify(price)}`)
assert.deepEqual(Object.fromEntries(prices), {
  draw: { credits: 50, unit: 'credits' },
  list_styles: { credits: 0, unit: 'credits' },
})

console.log('\nalice has 100 credits')
const drawn = [await draw(alice, 'a fjord'), await draw(alice, 'a ferry'), await draw(alice, 'a house')]
assert.deepEqual(drawn, ['a picture of a fjord', 'a picture of a ferry', 'refused: exhausted, 0 of 50 credits left'])
console.log(`  ${await styles(alice)}`)

console.log('\nbob has 1,000, and goes on')
assert.equal(await draw(bob, 'a house'), 'a picture of a house')

assert.deepEqual(await balanceOf(alice), { mode: 'hard', budgets: [budget('alice', { remaining: 0, spent: 100 })] })
assert.deepEqual(await balanceOf(bob), { mode: 'hard', budgets: [budget('bob', { remaining: 950, spent: 50 })] })
assert.deepEqual(runs, { draw: 3 })
assert.equal(enforcer.remaining('bob'), 950)

await assert.rejects(connect('key-of-nobody'), 'who is nobody is not let in')
await alice.close()
await bob.close()
http.close()

async function connect(key: string): Promise<Client> {
  const requestInit = { headers: { authorization: `Bearer ${key}` } }
  const client = new Client({ name: key, version: '1.0.0' })
  await client.connect(new StreamableHTTPClientTransport(http.url, { requestInit }))
  return client
}

async function draw(client: Client, prompt: string): Promise<string> {
  const said = await client.callTool({ name: 'draw', arguments: { prompt } }).then(textOf, refusalText)
  console.log(`  ${said}`)
  return said
}

async function styles(client: Client): Promise<string> {
  return textOf(await client.callTool({ name: 'list_styles' }))
}

async function balanceOf(client: Client): Promise<unknown> {
  // #region balance
  const balance = await client.request({ method: 'budget/balance' }, ResultSchema)
  console.log(`  ${JSON.stringify(balance['budgets'])}`)
  // #endregion balance
  return balance
}

function budget(name: string, { remaining, spent }: { remaining: number; spent: number }) {
  return { budget_id: `default/${name}`, remaining, held: 0, spent, debt: 0 }
}

function textOf(result: object): string {
  const { content } = result as { content: ReadonlyArray<{ readonly text: string }> }
  return content[0]?.text ?? ''
}

function refusalText(error: unknown): string {
  const refusal = refusalOf(error)
  if (refusal === undefined) throw error
  return `refused: ${refusal.reason}, ${refusal.remaining_credits} of ${refusal.cost_credits} credits left`
}
