/** A hostile client at a server seat: a request that is no call, under the id of a call, ends that call's hold. */
import { InMemoryTransport as InMemoryV1 } from '@modelcontextprotocol/sdk/inMemory.js'
import { McpServer as McpServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import { InMemoryTransport as InMemoryV2 } from '@modelcontextprotocol/client'
import { McpServer as McpServerV2 } from '@modelcontextprotocol/server'
import {
  InMemoryBudgetEnforcer,
  withBudget,
  withCostProfile,
  wrapServer,
  wrapTransport,
  type BudgetOptions,
  type CostProfileOptions,
} from 'mcp-budget'
import { settle } from 'mcp-budget/testing'
import { describe, expect, test } from 'vitest'
import { asyncEnforcer } from '../../support/async-enforcer.js'
import { call, resultOf, seatOn } from '../../support/seat.js'

const INFO = { name: 'a', version: '1' }
const INITIALIZE = {
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: INFO },
}

const GENERATIONS = {
  v1: { server: () => new McpServerV1(INFO) as any, pair: () => InMemoryV1.createLinkedPair() as any },
  v2: { server: () => new McpServerV2(INFO) as any, pair: () => InMemoryV2.createLinkedPair() as any },
}

async function serve(
  sdk: (typeof GENERATIONS)['v1'],
  seat: 'wrapServer' | 'wrapTransport',
  {
    later = false,
    prices = { defaultCost: 5 },
    ...more
  }: Partial<BudgetOptions> & { later?: boolean; prices?: CostProfileOptions } = {},
) {
  const memory = new InMemoryBudgetEnforcer()
  memory.initialize('a', 100)
  const enforcer = later ? asyncEnforcer(memory) : memory
  const steps = [withCostProfile(prices), withBudget({ enforcer, budget: 'a', ...more })] as const
  const server = sdk.server()
  let ran = 0
  server.registerTool('slow', {}, async () => {
    ran++
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
    return { content: [{ type: 'text', text: 'precious' }] }
  })
  const [near, far] = sdk.pair()
  const got: any[] = []
  near.onmessage = (message: any) => void got.push(message)
  if (seat === 'wrapServer') wrapServer(server, ...steps)
  await server.connect(seat === 'wrapServer' ? far : wrapTransport(far, ...(steps as unknown as readonly [])))
  await near.start()
  await near.send(INITIALIZE)
  await settle()
  await near.send({ jsonrpc: '2.0', method: 'notifications/initialized' })
  const done = async () => {
    for (let i = 0; i < 60; i++) await new Promise((resolve) => setImmediate(resolve))
    await settle()
  }
  return { near, got, done, memory, ran: () => ran }
}

const SLOW = { jsonrpc: '2.0', id: 5, method: 'tools/call', params: { name: 'slow', arguments: {} } }
const UNKNOWN = { jsonrpc: '2.0', id: 5, method: 'no/such', params: {} }

test('stub: an error for another request with the id of a call does not give the call for nothing', async () => {
  const { transport, wire, balance, received } = seatOn()
  wire.receive(call(1))
  wire.receive({ jsonrpc: '2.0', id: 1, method: 'no/such' })
  await settle()
  // What never reaches the server gets no answer of it.
  expect(received).toEqual([call(1)])
  expect(wire.messages).toMatchObject([{ id: 1, error: { code: -32600, data: { reason: 'duplicate_id' } } }])
  await transport.send(resultOf(1))
  expect(balance()).toMatchObject({ spent: 5 })
})

describe.each(Object.entries(GENERATIONS))('SDK %s', (_, sdk) => {
  // Why: each call of a slow tool is free for who also sends an unknown method under its id.
  test.each([
    ['wrapTransport', false],
    ['wrapTransport', true],
    ['wrapServer', true],
  ] as const)('%s, later %s: a tool that ran is paid although its id came twice', async (seat, later) => {
    const { near, got, done, memory, ran } = await serve(sdk, seat, { later })
    await near.send(SLOW)
    // The SDK asks the handler some microtasks later; the store answers after that.
    if (seat === 'wrapServer') for (let i = 0; i < 10; i++) await Promise.resolve()
    await near.send(UNKNOWN)
    await done()
    const delivered = JSON.stringify(got).includes('precious')
    const { spent, held } = memory.describe('a')
    expect({ ran: ran(), delivered, spent, held }).toEqual({ ran: 1, delivered, spent: 5, held: 0 })
  })

  // Why: even with a store that answers at once, the price of failure is paid for work that ran.
  test('wrapServer: a tool that ran does not cost what a failure costs because its id came twice', async () => {
    const { near, got, done, memory } = await serve(sdk, 'wrapServer', {
      prices: { costs: { slow: { price: 5, failed: 0 } } },
    })
    await near.send(SLOW)
    for (let i = 0; i < 10; i++) await Promise.resolve()
    await near.send(UNKNOWN)
    await done()
    expect(JSON.stringify(got)).toContain('precious')
    expect(memory.describe('a').spent).toBe(5)
  })

  test('wrapServer: a metered call is charged by its own report, not by the answer to a ping of the same id', async () => {
    const { near, got, done, memory } = await serve(sdk, 'wrapServer', {
      prices: {
        costs: { slow: { max: 5, metered: { from: (result: any) => (result.content?.length ?? 0) * 5 } } },
      } as unknown as CostProfileOptions,
    })
    await near.send(SLOW)
    for (let i = 0; i < 10; i++) await Promise.resolve()
    await near.send({ jsonrpc: '2.0', id: 5, method: 'ping' })
    await done()
    expect(JSON.stringify(got)).toContain('precious')
    expect(memory.describe('a').spent).toBe(5)
  })
})
