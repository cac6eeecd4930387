/**
 * Two tenants and one server. Each sees and spends only what is its own, and what the other has is nobody's business:
 * whoever asks for it gets the answer of a stranger. Then the keys are rotated, and no tenant notices.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { BudgetClient, BudgetEvents, InMemoryBudgetEnforcer, KeyRing, MemoryLedger, refusalOf } from 'mcp-budget'
import { mint } from 'mcp-budget/delegation'
import { listen, type Kept } from './server.js'

const ledger = new MemoryLedger()
const enforcer = new InMemoryBudgetEnforcer({ ledger })
const kept: Kept = { enforcer, ledger, events: new BudgetEvents() }
enforcer.initialize('acme/main', 200)
enforcer.initialize('globex/main', 100)

const first = { kid: '2026-11', key: randomBytes(32) } // out of your secrets
const exp = Math.floor(Date.now() / 1000) + 3600
const about = { exp, aud: 'studio', ops: ['call', 'balance', 'delegate', 'close', 'revoke'], depth: 1 } as const
const keys = new KeyRing({ current: first })
const [acme, globex] = [
  await mint(keys, { budget: 'acme/main', ...about }),
  await mint(keys, { budget: 'globex/main', ...about }),
]
let http = await listen(keys, kept)

console.log('each sees its own')
assert.equal(await draw(acme), 'a picture of a fjord')
assert.deepEqual(await left(acme), { 'acme/main': 150 })
assert.deepEqual(await left(globex), { 'globex/main': 100 })

console.log('each spends its own: globex runs out, and acme goes on')
assert.equal(await draw(globex), 'a picture of a fjord')
assert.equal(await draw(globex), 'a picture of a fjord')
assert.equal(await draw(globex), 'budget_exhausted')
assert.equal(await draw(acme), 'a picture of a fjord')
assert.deepEqual(await left(acme), { 'acme/main': 100 })

console.log("what is the other's is not there")
const child = await asking(acme, (budgets) => budgets.delegate({ budget: 30 }))
assert(typeof child === 'object')
const attempts: unknown = await asking(globex, async (budgets) => [
  await budgets.close({ budget: child.budgetId }).catch(slug),
  await budgets.close({ budget: 'acme/never-there' }).catch(slug),
  await budgets.revoke({ budget: child.budgetId }).catch(slug),
  await budgets.revoke({ token: child.token }).catch(slug),
])
console.log(`  ${JSON.stringify(attempts)}`)
assert.deepEqual(attempts, ['invalid_params', 'invalid_params', 'invalid_params', 'unauthorized'])
assert.deepEqual(await left(child.token), { [child.budgetId]: 30 })

console.log('no token, a forged one, and two that differ')
assert.equal(await draw(undefined), 'unauthorized')
assert.equal(await draw(`${acme.slice(0, -2)}AA`), 'unauthorized')
assert.equal(await asking(acme, (budgets) => budgets.balance(), globex), 'unauthorized')

console.log('the keys are rotated: old tokens are good until they end, and new ones are made with the new key')
http.close()
// #region rotate
const rotated = new KeyRing({
  current: { kid: '2026-12', key: randomBytes(32) },
  retired: [{ ...first, until: exp * 1000 }], // verifies, and mints no more
})
// #endregion rotate
http = await listen(rotated, kept)
enforcer.grant({ id: 'december', budget: 'globex/main', amount: 100 })
assert.equal(await draw(globex), 'a picture of a fjord')
const renewed = await mint(rotated, { budget: 'globex/main', ...about })
assert.equal(await draw(renewed), 'a picture of a fjord')

console.log('a key that got lost is taken out, and what it made is of no use')
http.close()
http = await listen(new KeyRing({ current: { kid: '2027-01', key: randomBytes(32) } }), kept)
for (const token of [acme, globex, child.token, renewed]) assert.equal(await draw(token), 'unauthorized')
http.close()

const spent = (budget: string): number => enforcer.describe(budget).spent
assert.deepEqual([spent('acme/main'), spent('globex/main')], [100, 200])

/** A client that shows a token to the server the way most do: in `Authorization`. */
async function clientOf(bearer: string | undefined): Promise<Client> {
  const requestInit = bearer === undefined ? {} : { headers: { authorization: `Bearer ${bearer}` } }
  const client = new Client({ name: 'agent', version: '1.0.0' })
  await client.connect(new StreamableHTTPClientTransport(http.url, { requestInit }))
  return client
}

async function draw(token: string | undefined): Promise<string> {
  const client = await clientOf(token)
  const said = await client.callTool({ name: 'draw', arguments: { prompt: 'a fjord' } }).then(textOf, slug)
  await client.close()
  return said
}

/** What is left of the budgets that a token shows. */
async function left(token: string): Promise<Record<string, number | undefined>> {
  const answer = await asking(token, (budgets) => budgets.balance())
  assert(typeof answer === 'object')
  return Object.fromEntries(answer.budgets.map(({ budget_id: id, remaining }) => [id, remaining]))
}

async function asking<Answer>(
  token: string,
  ask: (budgets: BudgetClient) => Promise<Answer>,
  bearer = token,
): Promise<Answer | string> {
  const client = await clientOf(bearer)
  const answer = await ask(new BudgetClient(client, { token })).catch(slug)
  await client.close()
  return answer
}

function textOf(result: object): string {
  const { content } = result as { content: ReadonlyArray<{ readonly text: string }> }
  return content[0]?.text ?? ''
}

function slug(error: unknown): string {
  const refusal = refusalOf(error)
  if (refusal === undefined) throw error
  return refusal.error
}
