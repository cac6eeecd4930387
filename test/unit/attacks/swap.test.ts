/** wrapServer knows a call by its id alone: between two calls of one id, the one runs on the other's hold. */
import { InMemoryTransport as InMemoryV1 } from '@modelcontextprotocol/sdk/inMemory.js'
import { McpServer as McpServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import { InMemoryTransport as InMemoryV2 } from '@modelcontextprotocol/client'
import { McpServer as McpServerV2 } from '@modelcontextprotocol/server'
import { InMemoryBudgetEnforcer, withBudget, withCostProfile, wrapServer } from 'mcp-budget'
import { settle } from 'mcp-budget/testing'
import { PassThrough } from 'node:stream'
import { describe, expect, test } from 'vitest'

const INFO = { name: 'a', version: '1' }
const text = (value: string) => ({ content: [{ type: 'text' as const, text: value }] })
const tool = (name: string) => ({ jsonrpc: '2.0', id: 5, method: 'tools/call', params: { name, arguments: {} } })
const CANCEL = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 5 } }
const INITIALIZE = {
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: INFO },
}

function seated(server: any) {
  const memory = new InMemoryBudgetEnforcer()
  memory.initialize('a', 100)
  const ran: string[] = []
  for (const name of ['dear', 'cheap']) server.registerTool(name, {}, () => (ran.push(name), text(`${name} result`)))
  wrapServer(server, withCostProfile({ costs: { dear: 50, cheap: 0 } }), withBudget({ enforcer: memory, budget: 'a' }))
  return { memory, ran }
}

const GENERATIONS = {
  v1: { server: () => new McpServerV1(INFO) as any, pair: () => InMemoryV1.createLinkedPair() as any },
  v2: { server: () => new McpServerV2(INFO) as any, pair: () => InMemoryV2.createLinkedPair() as any },
}

describe.each(Object.entries(GENERATIONS))('SDK %s', (_, sdk) => {
  // Why: any tool for the price of the cheapest, and the result is delivered.
  test('a call, its cancellation and a cheaper call of the same id do not run the dear tool for the cheap price', async () => {
    const server = sdk.server()
    const { memory, ran } = seated(server)
    const [near, far] = sdk.pair()
    const got: any[] = []
    near.onmessage = (message: any) => void got.push(message)
    await server.connect(far)
    await near.start()
    await near.send(INITIALIZE)
    await settle()
    void near.send(tool('dear'))
    void near.send(CANCEL)
    void near.send(tool('cheap'))
    await settle()
    const delivered = JSON.stringify(got).includes('dear result')
    expect({ ran, delivered, spent: memory.describe('a').spent }).not.toMatchObject({ ran: ['dear'], spent: 0 })
  })
})

test('stdio: three lines in one chunk do not run the dear tool for the cheap price', async () => {
  const server = new McpServerV1(INFO)
  const { memory, ran } = seated(server)
  const [stdin, stdout] = [new PassThrough(), new PassThrough()]
  let out = ''
  stdout.on('data', (chunk: Buffer) => void (out += chunk.toString()))
  await server.connect(new StdioServerTransport(stdin, stdout))
  const lines = (messages: object[]) => messages.map((each) => `${JSON.stringify(each)}\n`).join('')
  stdin.write(lines([INITIALIZE]))
  await settle()
  stdin.write(lines([tool('dear'), CANCEL, tool('cheap')]))
  await settle()
  expect({ ran, delivered: out.includes('dear result'), spent: memory.describe('a').spent }).not.toEqual({
    ran: ['dear'],
    delivered: true,
    spent: 0,
  })
  await server.close()
})
