import { settle } from 'mcp-budget/testing'
import { describe, expect, test } from 'vitest'
import { call, resultOf, seatOn } from '../../support/seat.js'
import { InMemoryBudgetEnforcer, withBudget, withCostProfile, wrapTransport } from 'mcp-budget'
import { StubTransport } from '../../support/stub-transport.js'

describe.each(['at once', 'later'] as const)('ids, in a store that answers %s:', (store) => {
  test('a number and the text of it are two calls', async () => {
    const { transport, wire, balance, received } = seatOn({ store })
    await transport.send(call(9))
    await transport.send(call('9'))
    expect(balance()).toMatchObject({ held: 10 })
    wire.receive(resultOf('9'))
    await settle()
    expect(balance()).toMatchObject({ held: 5, spent: 5 })
    wire.receive(resultOf(9))
    await settle()
    expect(balance()).toMatchObject({ held: 0, spent: 10 })
    expect(received.map(({ id }) => id)).toEqual(['9', 9])
  })

  test.each([0, -1, '', '__proto__', 'constructor', 'server-discover-probe-1', 'x'.repeat(10_000)])(
    'any number and any text is one (%j)',
    async (id) => {
      const { transport, wire, balance, received } = seatOn({ store })
      await transport.send(call(id))
      wire.receive(resultOf(id))
      await settle()
      expect(balance()).toMatchObject({ held: 0, spent: 5 })
      expect(received).toEqual([resultOf(id)])
    },
  )

  test('a call with the id of one that is in flight is refused, and neither is charged twice [L-P6]', async () => {
    const { transport, wire, balance, received } = seatOn({ store })
    await Promise.all([transport.send(call(1)), transport.send(call(1, 'other'))])
    await settle()
    expect(wire.messages).toHaveLength(1)
    expect(received).toEqual([
      {
        jsonrpc: '2.0',
        id: 1,
        error: {
          code: -32600,
          message: expect.stringContaining('Invalid request'),
          data: { error: 'invalid_request', reason: 'duplicate_id', tool: 'other', retryable: false },
        },
      },
    ])
    wire.receive(resultOf(1))
    await settle()
    expect(balance()).toEqual({ available: 95, held: 0, spent: 5, debt: 0 })
  })

  test('an id may be used again after its answer, and pays again [L-S11, L-P6, L-P7]', async () => {
    const { transport, wire, balance } = seatOn({ store })
    for (let i = 0; i < 3; i++) {
      await transport.send(call(1))
      wire.receive(resultOf(1))
      await settle()
    }
    expect(balance()).toMatchObject({ spent: 15, held: 0 })
    expect(wire.messages).toHaveLength(3)
  })

  test('an id may be used again after a refusal', async () => {
    const { transport, received, memory, clock } = seatOn({ store, credits: 0 })
    await transport.send(call(1))
    await settle()
    memory.grant({ id: 'g', budget: 'a', amount: 5 })
    clock.advance(1_000)
    await transport.send(call(1))
    expect(received).toHaveLength(1)
    expect(memory.describe('a')).toMatchObject({ held: 5 })
  })
})

describe('two transports', () => {
  test('that use the same ids share nothing but the budget [L-S11]', () => {
    const memory = new InMemoryBudgetEnforcer()
    memory.initialize('a', 100)
    // One list of steps for all, as a program has it.
    const steps = [withCostProfile({ defaultCost: 5 }), withBudget({ enforcer: memory, budget: 'a' })] as const
    const clients = Array.from({ length: 5 }, () => {
      const wire = new StubTransport()
      const transport = wrapTransport(wire, ...steps)
      const received: any[] = []
      transport.onmessage = (message) => void received.push(message)
      return { wire, transport, received }
    })
    for (const { transport } of clients) for (const id of [0, 1]) void transport.send(call(id))
    expect(memory.describe('a')).toMatchObject({ held: 50, openHolds: 10 })
    // A cancellation on one of them ends nobody else's call.
    void clients[0]?.transport.send({
      jsonrpc: '2.0',
      method: 'notifications/cancelled',
      params: { requestId: 1 },
    })
    expect(memory.describe('a')).toMatchObject({ held: 45, spent: 5 })
    clients.forEach(({ wire }, n) => wire.receive(resultOf(0, { content: [], n })))
    clients.slice(1).forEach(({ wire }, n) => wire.receive(resultOf(1, { content: [], n: n + 1 })))
    for (const [n, { received }] of clients.entries()) {
      expect(received.map(({ result }) => result.n)).toEqual(n === 0 ? [0] : [n, n])
    }
    expect(memory.describe('a')).toMatchObject({ held: 0, spent: 50 })
  })
})

describe('a tools/call without an id', () => {
  test.each([
    ['no id', {}],
    ['null', { id: null }],
    ['a fraction', { id: 1.5 }],
    ['NaN', { id: Number.NaN }],
    ['2^53', { id: 2 ** 53 }],
    ['an object', { id: {} }],
    ['a boolean', { id: true }],
  ])('that can be answered (%s) is neither forwarded nor charged [L-S40, T14]', async (_, id) => {
    for (const store of ['at once', 'later'] as const) {
      const { transport, wire, balance } = seatOn({ store })
      const { id: _id, ...notification } = call(0)
      const send = async () => transport.send({ ...notification, ...id })
      await expect(send()).rejects.toMatchObject({ code: 'invalid_request' })
      const batch = async () => transport.send([call(1), { ...notification, ...id }] as never)
      await expect(batch()).rejects.toMatchObject({ code: 'invalid_request' })
      await settle()
      expect(wire.messages).toEqual([])
      expect(balance()).toEqual({ available: 100, held: 0, spent: 0, debt: 0 })
    }
  })
})

describe('a tools/call that no server could answer as it stands', () => {
  test.each([
    ['without params', { params: undefined }, 'invalid_name'],
    ['with a list of params', { params: ['search'] }, 'invalid_name'],
    ['without a name', { params: { arguments: {} } }, 'invalid_name'],
    ['with a name that is no text', { params: { name: ['search'] } }, 'invalid_name'],
    ['with a list of arguments', { params: { name: 't', arguments: ['q'] } }, 'invalid_arguments'],
    ['with text for arguments', { params: { name: 't', arguments: 'q' } }, 'invalid_arguments'],
    ['with null for arguments', { params: { name: 't', arguments: null } }, 'invalid_arguments'],
    [
      'that relates to a task',
      { params: { name: 't', _meta: { 'io.modelcontextprotocol/related-task': { taskId: 'x' } } } },
      'related_task',
    ],
  ])('(%s) is refused with -32602 before any balance is read', async (_, more, reason) => {
    for (const refusal of ['error', 'result'] as const) {
      const { transport, wire, received, balance } = seatOn({ seat: { refusal } })
      await transport.send({ jsonrpc: '2.0', id: 7, method: 'tools/call', ...more })
      await settle()
      expect(wire.messages).toEqual([])
      expect(received).toMatchObject([{ id: 7, error: { code: -32602, data: { error: 'invalid_params', reason } } }])
      expect(balance()).toEqual({ available: 100, held: 0, spent: 0, debt: 0 })
    }
  })
})

test('an empty name is a name like any other that has no price', async () => {
  const { transport, received } = seatOn({ prices: { costs: { search: 5 } } })
  await transport.send(call(1, ''))
  await settle()
  expect(received[0].error.data).toMatchObject({ error: 'unpriced_tool', tool: '' })
})
