import { describe, expect, test } from 'vitest'
import { CallToolRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { InMemoryBudgetEnforcer, withBudget, withCostProfile, wrapServer } from 'mcp-budget'
import { asyncEnforcer, FakeClock, settle } from 'mcp-budget/testing'
import { call, resultOf, seatOn } from '../../support/seat.js'

const TICKS = Array.from({ length: 25 }, (_, n) => n)
const cancelled = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } }

async function pass(ticks: number): Promise<void> {
  for (let i = 0; i < ticks; i++) await Promise.resolve()
}

function setUp() {
  const seat = seatOn({ store: 'later', credits: 30 })
  const here: unknown[] = []
  seat.transport.onmessage = (message: any) => void (message.method === 'tools/call' && here.push(message))
  const isSent = (each: any): boolean => each?.method === 'tools/call'
  const ended = async (): Promise<number> => {
    await seat.transport.close()
    await seat.clock.advanceAsync(601_000)
    expect(seat.openHolds()).toBe(0)
    return seat.balance().spent
  }
  return { ...seat, here, sent: () => seat.wire.messages.filter(isSent), ended }
}

describe('a call that comes in costs what it runs for, whenever, after it came,', () => {
  test.each(TICKS)('the connection ends: %s microtasks [I3, I4]', async (ticks) => {
    const { wire, here, ended } = setUp()
    wire.receive(call(1))
    await pass(ticks)
    const spent = await ended()
    expect(spent).toBe(here.length * 5)
  })

  test.each(TICKS)('it is cancelled: %s microtasks [I3, I4]', async (ticks) => {
    const { wire, here, ended } = setUp()
    wire.receive(call(1))
    await pass(ticks)
    wire.receive(cancelled)
    await pass(30)
    const spent = await ended()
    expect(spent).toBe(here.length * 5)
  })

  test.each(TICKS)('somebody answers it who was not handed it: %s microtasks [I3, T45]', async (ticks) => {
    const { transport, wire, here, ended } = setUp()
    wire.receive(call(1))
    await pass(ticks)
    void transport.send(resultOf(1))
    await pass(30)
    const spent = await ended()
    expect(spent).toBe(here.length * 5)
  })
})

describe('a call that goes out costs what was sent, whenever, after it was asked for,', () => {
  test.each(TICKS)('the connection ends: %s microtasks [I3, I4]', async (ticks) => {
    const { transport, sent, ended } = setUp()
    const sending = transport.send(call(1) as never).then(() => undefined, (reason: unknown) => reason) // prettier-ignore
    await pass(ticks)
    const spent = await ended()
    expect(spent).toBe(sent().length * 5)
    const error: any = await sending
    expect([undefined, 'transport_closed']).toContain(error?.code)
    expect(error === undefined).toBe(sent().length === 1)
  })

  test.each(TICKS)('it is cancelled: %s microtasks [I3, I4]', async (ticks) => {
    const { transport, sent, ended } = setUp()
    void transport.send(call(1))
    await pass(ticks)
    void transport.send(cancelled)
    await pass(30)
    const spent = await ended()
    expect(spent).toBe(sent().length * 5)
  })
})

describe('a call to a wrapped server costs what its handler runs for, whenever, after it came,', () => {
  const INITIALIZE = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'c', version: '1' } }

  test.each(Array.from({ length: 40 }, (_, n) => n))('it is cancelled: %s microtasks [I3, I4]', async (ticks) => {
    const clock = new FakeClock()
    const memory = new InMemoryBudgetEnforcer({ clock })
    memory.initialize('a', 30)
    let ran = 0
    const server = new Server({ name: 's', version: '1' }, { capabilities: { tools: {} } })
    server.setRequestHandler(CallToolRequestSchema, () => {
      ran++
      return { content: [] }
    })
    const prices = withCostProfile({ defaultCost: 5, clock })
    const [near, far] = InMemoryTransport.createLinkedPair()
    await wrapServer(server, prices, withBudget({ enforcer: asyncEnforcer(memory), budget: 'a', clock })).connect(far)
    await near.start()
    await near.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: INITIALIZE })
    await near.send({ jsonrpc: '2.0', method: 'notifications/initialized' })
    await settle()
    await near.send(call(1) as never)
    await pass(ticks)
    await near.send(cancelled as never)
    await settle()
    await server.close()
    await clock.advanceAsync(601_000)
    expect(memory.describe('a')).toMatchObject({ spent: ran * 5, held: 0 })
  })
})
