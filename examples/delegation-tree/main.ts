/**
 * An orchestrator with 1,000 credits gives each sub-agent a budget of its own. One child uses its share up; its siblings
 * and the parent go on. What a child did not spend comes back when it is closed, to the last credit.
 */
import assert from 'node:assert/strict'
import { inspect as show } from 'node:util'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
// #region imports
import { BudgetClient, refusalOf, withDelegation, wrapClient } from 'mcp-budget'
import { mint } from 'mcp-budget/delegation'
// #endregion imports
import { enforcer, handed, keys, ledger, listen } from './server.js'

const http = await listen()
const agents: Client[] = []

// #region mint
enforcer.initialize('acme/orchestrator', 1_000)
const inOneHour = Math.floor(Date.now() / 1000) + 3600
const token = await mint(keys, {
  budget: 'acme/orchestrator',
  exp: inOneHour,
  aud: 'newsroom',
  ops: ['call', 'balance', 'delegate', 'close', 'revoke'],
  depth: 2, // children, and theirs
})
// #endregion mint

// #region delegate
const orchestrator = await agent(token)
const budgets = new BudgetClient(orchestrator, { token })
const research = await budgets.delegate({
  budget: 300,
  label: 'research',
  caps: { children: 1, amount: 100 }, // what this budget may delegate in turn
  restrictions: { ops: ['call', 'balance', 'delegate', 'close'] },
})
const content = await budgets.delegate({ budget: 200, label: 'content', restrictions: { tool: ['write'] } })
const review = await budgets.delegate({ budget: 100, label: 'review' })
// #endregion delegate
const tokens: Record<string, string> = {
  orchestrator: token,
  research: research.token,
  content: content.token,
  review: review.token,
}
const [researcher, writer, reviewer] = [
  await agent(research.token),
  await agent(content.token),
  await agent(review.token),
]

console.log('1,000 credits: 300 for research, 200 for content, 100 for review')
assert.equal(review.parentRemaining, 400)
await expectLeft({ orchestrator: 400, research: 300, content: 200, review: 100 })

console.log('\nresearch uses its share up')
for (let i = 0; i < 6; i++) assert.equal(await call(researcher, 'search'), 'search: herring')
assert.equal(await call(researcher, 'search'), 'budget_exhausted: exhausted, 0 credits left')
console.log('the others go on')
assert.equal(await call(writer, 'write'), 'write: herring')
assert.equal(await call(reviewer, 'search'), 'search: herring')
assert.equal(await call(orchestrator, 'search'), 'search: herring')
await expectLeft({ orchestrator: 350, research: 0, content: 160, review: 50 })

console.log('\ncontent may write, and nothing else')
assert.equal(await call(writer, 'search'), 'forbidden_tool: forbidden_tool')

console.log('\na child may delegate only where it was allowed to')
const below = new BudgetClient(reviewer, { token: review.token }).delegate({ budget: 10 })
assert.equal(await below.catch(refusal), 'unauthorized: unauthorized')
const topUp = enforcer.transfer({
  id: 'top-up of research',
  from: 'acme/orchestrator',
  to: research.budgetId,
  amount: 150,
})
assert.equal(topUp.kind, 'moved')
const helpers = new BudgetClient(researcher, { token: research.token })
assert.equal(
  await helpers.delegate({ budget: 120 }).catch(refusal),
  'delegation_failed: amount_exceeded, 150 credits left',
)
const helper = await helpers.delegate({ budget: 80, label: 'helper' })
assert.equal(
  await helpers.delegate({ budget: 10 }).catch(refusal),
  'delegation_failed: children_exceeded, 70 credits left',
)
tokens['helper'] = helper.token
const assistant = await agent(helper.token)
assert.equal(await call(assistant, 'search'), 'search: herring')
await expectLeft({ orchestrator: 200, research: 70, content: 160, review: 50, helper: 30 })

console.log('\nwhat was not spent comes back, of all that is below too')
// #region close
const { returned } = await budgets.close({ budget: research.budgetId })
// #endregion close
assert.equal(returned, 100)
assert.equal(await call(researcher, 'search'), 'unauthorized: unauthorized')
assert.equal(await call(assistant, 'search'), 'unauthorized: unauthorized')
await expectLeft({ orchestrator: 300, content: 160, review: 50 })

console.log('\nthe token of a child got lost: it is revoked, and what it had comes back')
// #region revoke
const revoked = await budgets.revoke({ budget: content.budgetId })
// #endregion revoke
assert.equal(revoked.returned, 160)
assert.equal(await call(writer, 'write'), 'unauthorized: unauthorized')
await budgets.close({ budget: review.budgetId })
await expectLeft({ orchestrator: 510 })

// Nine calls of 50 and one of 40 were paid, by five tokens.
const paid = ledger.entries({ kind: 'call' }).filter(({ outcome }) => outcome === 'result')
assert.equal(paid.length, 10)
assert.equal(new Set(paid.map(({ tokenId }) => tokenId)).size, 5)
assert.equal(510, 1_000 - 9 * 50 - 40)

const seen = show([handed, ledger.entries({})], { depth: null, maxStringLength: null, maxArrayLength: null })
assert.equal(handed.length, 10)
assert(!seen.includes('mcpb_'), 'no handler is handed a token, and no record has one')

for (const client of agents) await client.close()
http.close()

/** A client whose calls carry a token. */
async function agent(token: string): Promise<Client> {
  // #region agent
  const client = wrapClient(new Client({ name: 'agent', version: '1.0.0' }), withDelegation({ token }))
  await client.connect(new StreamableHTTPClientTransport(http.url))
  // #endregion agent
  agents.push(client)
  return client
}

async function call(client: Client, tool: string): Promise<string> {
  return client.callTool({ name: tool, arguments: { about: 'herring' } }).then(textOf, refusal)
}

function textOf(result: object): string {
  const { content } = result as { content: ReadonlyArray<{ readonly text: string }> }
  return content[0]?.text ?? ''
}

function refusal(error: unknown): string {
  const found = refusalOf(error)
  if (found === undefined) throw error
  const { error: slug, reason, remaining_credits: left } = found
  return `${slug}: ${reason}${left === undefined ? '' : `, ${left} credits left`}`
}

/** Each asks by its own token what it has; all together is what was not spent. */
async function expectLeft(wanted: Readonly<Record<string, number>>): Promise<void> {
  for (const [name, credits] of Object.entries(wanted)) {
    const balance = await new BudgetClient(orchestrator, { token: tokens[name]! }).balance()
    console.log(`  ${name.padEnd(12)} ${String(balance.budgets[0]?.remaining).padStart(4)}`)
    assert.equal(balance.budgets[0]?.remaining, credits, name)
  }
}
