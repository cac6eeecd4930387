/**
 * One tool of a server that costs credits, on SDK v1 and on SDK v2. A handler cannot raise a JSON-RPC error, so a
 * refusal is a tool result with `isError`: what a model reads.
 */
import assert from 'node:assert/strict'
import { Client as ClientV2, InMemoryTransport as InMemoryTransportV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport as InMemoryTransportV1 } from '@modelcontextprotocol/sdk/inMemory.js'
import { refusalOf, type InMemoryBudgetEnforcer } from 'mcp-budget'
import * as v1 from './v1.js'
import * as v2 from './v2.js'

interface Result {
  readonly isError?: boolean
  readonly content: ReadonlyArray<{ readonly type: string; readonly text?: string }>
  readonly _meta?: Readonly<Record<string, unknown>>
}

await run('SDK v1', v1.enforcer, async () => {
  const [near, far] = InMemoryTransportV1.createLinkedPair()
  await v1.server.connect(far)
  const client = new ClientV1({ name: 'agent', version: '1.0.0' })
  await client.connect(near)
  return {
    call: async (name, args) => (await client.callTool({ name, arguments: args })) as Result,
    close: () => client.close(),
  }
})

await run('SDK v2', v2.enforcer, async () => {
  const [near, far] = InMemoryTransportV2.createLinkedPair()
  await v2.server.connect(far)
  const client = new ClientV2({ name: 'agent', version: '1.0.0' })
  await client.connect(near)
  return {
    call: async (name, args) => (await client.callTool({ name, arguments: args })) as Result,
    close: () => client.close(),
  }
})

interface Agent {
  call(name: string, args?: Record<string, unknown>): Promise<Result>
  close(): Promise<void>
}

async function run(sdk: string, enforcer: InMemoryBudgetEnforcer, connect: () => Promise<Agent>): Promise<void> {
  const agent = await connect()
  console.log(`${sdk}, a budget of 120 and a tool for 50`)

  // Wrong arguments are the SDK's business: the handler is not reached, and nothing is charged.
  const wrong = await agent.call('draw', { prompt: 7 })
  assert.equal(wrong.isError, true)
  assert.equal(refusalOf(wrong), undefined)
  assert.equal(enforcer.remaining('studio'), 120)

  for (const prompt of ['a fjord', 'a ferry', 'a house']) show(await agent.call('draw', { prompt }))
  show(await agent.call('list_styles'))

  // #region refusal
  const result = await agent.call('draw', { prompt: 'a boat' })
  const refusal = refusalOf(result)
  if (refusal?.error === 'budget_exhausted') {
    console.log(`  no more pictures: ${refusal.cost_credits} needed, ${refusal.remaining_credits} left`)
  }
  // #endregion refusal

  assert.deepEqual(refusal, {
    error: 'budget_exhausted',
    reason: 'insufficient',
    tool: 'draw',
    cost_credits: 50,
    remaining_credits: 20,
    budget_id: 'default/studio',
    retryable: false,
  })
  assert.equal(result.content[0]?.text, "Budget exhausted: tool 'draw' costs 50 credits, 20 remaining")
  const { spent, held, available } = enforcer.describe('studio')
  assert.deepEqual({ spent, held, available }, { spent: 100, held: 0, available: 20 })
  console.log(`  120 credits = ${spent} spent + ${held} held + ${available} left\n`)
  await agent.close()
}

function show(result: Result): void {
  console.log(`  ${result.isError === true ? 'isError: ' : ''}${result.content[0]?.text}`)
}
