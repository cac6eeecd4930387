import { composeWith, type CallMiddleware, type ObservedMessage } from 'mcp-budget'
import { settle } from 'mcp-budget/testing'
import { describe, expect, test, vi } from 'vitest'
import { call, deepFreeze, errorOf, MODERN, resultOf, seatOn } from '../../support/seat.js'

describe('a call that can be paid', () => {
  test('is forwarded in the same tick, and is the very message that came [L-S37, L-S22]', () => {
    const { transport, wire, balance } = seatOn()
    const message = deepFreeze(call(1, 'search', { _meta: { progressToken: 1 }, task: undefined }))
    void transport.send(message)
    expect(wire.messages).toHaveLength(1)
    expect(wire.messages[0]).toBe(message)
    expect(balance()).toMatchObject({ held: 5 })
  })

  test('answers with the very answer that came, and what else came with it [L-S37, L-P28]', () => {
    const { transport, wire, balance } = seatOn()
    const extra = { authInfo: { token: 'x' } }
    const seen: unknown[][] = []
    transport.onmessage = (...given: unknown[]) => void seen.push(given)
    void transport.send(call(1))
    const answer = deepFreeze(
      resultOf(1, {
        content: [],
        structuredContent: { big: 2 ** 64, list: [1, [2]] },
        _meta: { 'example.com/trace': 'x', usage: { tokens: 7 } },
        vendorField: true,
      }),
    )
    wire.receive(answer, extra)
    expect(seen).toHaveLength(1)
    expect(seen[0]?.[0]).toBe(answer)
    expect(seen[0]?.[1]).toBe(extra)
    expect(balance()).toEqual({ available: 95, held: 0, spent: 5, debt: 0 })
  })

  test('hands the sender’s options on as they came, where nothing in them is of concern', () => {
    const { transport, wire } = seatOn()
    const options = Object.freeze({ relatedRequestId: 7, headers: { 'x-a': 'b' } })
    void transport.send(call(1), options)
    expect(wire.sent[0]?.options).toBe(options)
    void transport.send(call(2))
    expect(wire.sent[1]?.options).toBeUndefined()
  })

  test('is recorded with its price, its charge and what it proved [L-P29, L-P17]', () => {
    const { transport, wire, records, clock } = seatOn({
      prices: { defaultCost: 5, costs: { 'se*': 7 }, version: 'v3' },
      seat: { server: 'shop' },
    })
    void transport.send(call(1))
    clock.advance(40)
    wire.receive(resultOf(1))
    expect(records()).toMatchObject([
      {
        tool: 'search',
        server: 'shop',
        durationMs: 40,
        outcome: 'result',
        proves: 'ran',
        cost: 7,
        price: { rule: 'wildcard', pattern: 'se*', version: 'v3' },
        charge: { held: 7, charged: 7, end: 'captured' },
        budgets: ['default/a'],
      },
    ])
  })

  test('is charged by what its answer proves, in both eras [L-S19, I17]', () => {
    const rows: ReadonlyArray<readonly [(id: number) => object, number]> = [
      [(id) => resultOf(id), 5],
      [(id) => resultOf(id, { isError: true, content: [] }), 5],
      [(id) => errorOf(id, -32603), 5],
      [(id) => errorOf(id, -32001), 5],
      [(id) => errorOf(id, -32700), 0],
      [(id) => errorOf(id, -32600), 0],
      [(id) => errorOf(id, -32601), 0],
      [(id) => errorOf(id, -32602), 0],
      [(id) => errorOf(id, -32020), 0],
    ]
    for (const [id, [answer, spent]] of rows.entries()) {
      for (const meta of [{}, { _meta: MODERN }]) {
        const { transport, wire, balance, received } = seatOn()
        void transport.send(call(id, 'search', meta))
        wire.receive(answer(id))
        expect(balance()).toEqual({ available: 100 - spent, held: 0, spent, debt: 0 })
        expect(received).toEqual([answer(id)])
      }
    }
  })

  test('that asks for a task keeps its hold, however the server says that it began one', () => {
    for (const result of [
      { task: { taskId: 't1', status: 'working' } },
      { resultType: 'task', taskId: 't1', status: 'working' },
    ]) {
      const { transport, wire, balance, records } = seatOn()
      void transport.send(call(1, 'search', { task: { ttl: 1 } }))
      wire.receive(resultOf(1, result))
      expect(balance()).toMatchObject({ held: 5, spent: 0 })
      expect(records()).toMatchObject([{ outcome: 'task', proves: 'unknown', charge: { end: 'kept' } }])
    }
  })

  test('that asks for a task is charged though the answer is invalid params, for the tool may have run [L-S19]', () => {
    const { transport, wire, balance } = seatOn()
    void transport.send(call(1, 'search', { task: {} }))
    wire.receive(errorOf(1, -32602))
    expect(balance()).toMatchObject({ held: 0, spent: 5 })
  })
})

describe('a call that is refused', () => {
  test('is never sent, and is answered after send has, with the id it came with [seed-001:refusal-shape]', async () => {
    const { transport, wire, received, balance } = seatOn({ credits: 3 })
    const order: string[] = []
    transport.onmessage = (message: any) => {
      order.push('answer')
      received.push(message)
    }
    const sent = transport.send(call(42, 'dalle_generate'))
    order.push('send returned')
    await sent
    expect(order[0]).toBe('send returned')
    expect(wire.messages).toEqual([])
    expect(received).toEqual([
      {
        jsonrpc: '2.0',
        id: 42,
        error: {
          code: -32000,
          message: "Budget exhausted: tool 'dalle_generate' costs 5 credits, 3 remaining",
          data: {
            error: 'budget_exhausted',
            reason: 'insufficient',
            tool: 'dalle_generate',
            cost_credits: 5,
            remaining_credits: 3,
            budget_id: 'default/a',
            retryable: false,
          },
        },
      },
    ])
    expect(balance()).toEqual({ available: 3, held: 0, spent: 0, debt: 0 })
  })

  test('is recorded, and costs nothing', async () => {
    const { transport, records } = seatOn({ credits: 3 })
    await transport.send(call(1))
    expect(records()).toMatchObject([
      {
        outcome: 'refused',
        proves: 'not-run',
        refusal: { error: 'budget_exhausted', reason: 'insufficient' },
        budgets: ['default/a'],
        charge: undefined,
      },
    ])
  })

  test('and unpriced is not free [L-P13]', async () => {
    const { transport, wire, received } = seatOn({ prices: { costs: { other: 1 } } })
    await transport.send(call(1))
    expect(wire.messages).toEqual([])
    expect(received[0].error.data).toMatchObject({ error: 'unpriced_tool', reason: 'unpriced' })
  })
})

describe('what is not a call', () => {
  const messages = [
    { jsonrpc: '2.0', id: 1, method: 'initialize', params: {} },
    { jsonrpc: '2.0', id: 'a', method: 'tools/list' },
    { jsonrpc: '2.0', method: 'notifications/initialized' },
    { jsonrpc: '2.0', id: 9, result: { roots: [] } },
    { jsonrpc: '2.0', id: 9, error: { code: -32601, message: 'no' } },
    { jsonrpc: '2.0', id: 2, method: 'resources/read', params: { uri: 'x' } },
    { jsonrpc: '2.0', id: 2, method: 'Tools/Call', params: { name: 'x' } },
  ]

  test.each(messages)('passes untouched, in the same tick, and costs nothing: %j', (message) => {
    for (const store of ['at once', 'later'] as const) {
      const { transport, wire, balance } = seatOn({ store, credits: 0 })
      const frozen = deepFreeze(message)
      void transport.send(frozen)
      expect(wire.messages[0]).toBe(frozen)
      expect(balance()).toMatchObject({ held: 0, spent: 0 })
    }
  })

  test.each(messages)('comes in untouched, in the same tick: %j', (message) => {
    const { wire, received } = seatOn({ credits: 0 })
    wire.receive(deepFreeze(message))
    expect(received[0]).toBe(message)
  })

  test('is shown to the steps that observe, both ways, and a throw there changes nothing', () => {
    const seen: ObservedMessage[] = []
    const ear: CallMiddleware = {
      name: 'ear',
      observe(message) {
        seen.push(message)
        throw new Error('boom')
      },
    }
    const { transport, wire, received } = seatOn({ inner: [ear], seat: { server: 's' } })
    const [out, incoming] = [
      { jsonrpc: '2.0', method: 'notifications/progress' },
      { jsonrpc: '2.0', method: 'notifications/tasks/status', params: { taskId: 'x' } },
    ]
    // What a client says first shows whose transport it is.
    void transport.send(call(1))
    void transport.send(out)
    wire.receive(incoming)
    wire.receive(resultOf(1))
    expect(seen).toEqual([
      { message: out, direction: 'out', from: 'client', link: {}, server: 's' },
      { message: incoming, direction: 'in', from: 'server', link: {}, server: 's' },
    ])
    expect(wire.messages[1]).toBe(out)
    expect(received[0]).toBe(incoming)
  })
})

describe('a message whose text had a key twice', () => {
  test.each([
    ['the name', '"name":"cheap","name":"dear","arguments":{"q":1}', 50],
    ['the arguments', '"name":"sized","arguments":{"size":1},"arguments":{"size":30}', 30],
    ['a key of the arguments', '"name":"sized","arguments":{"size":1,"size":30}', 30],
    ['the name in other letters', '"name":"dear","Name":"cheap","NAME":"cheap"', 50],
  ])('(%s) is priced as what is forwarded [T20, L-S22]', async (_, params, cost) => {
    for (const store of ['at once', 'later'] as const) {
      const { transport, wire, balance } = seatOn({
        store,
        prices: { costs: { cheap: 1, dear: 50, sized: (args) => Number(args?.['size']) } },
      })
      const message = JSON.parse(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{${params}}}`) as never
      await transport.send(message)
      // What goes over the wire is this text, and it has each key once.
      const forwarded = JSON.parse(JSON.stringify(wire.messages[0])) as { params: { name: string; arguments?: object } }
      expect(forwarded).toEqual(message)
      expect(balance()).toMatchObject({ held: cost })
    }
  })
})

describe('a decision that takes time', () => {
  test('sends and answers as one that does not', async () => {
    const { transport, wire, received, balance } = seatOn({ store: 'later' })
    const message = call(1)
    const sent = transport.send(message)
    expect(wire.messages).toEqual([])
    await sent
    expect(wire.messages).toEqual([message])
    wire.receive(resultOf(1))
    await settle()
    expect(received).toEqual([resultOf(1)])
    expect(balance()).toEqual({ available: 95, held: 0, spent: 5, debt: 0 })
  })

  test('forwards what was judged, though the sender changes the message meanwhile [T20, L-S22]', async () => {
    const { transport, wire } = seatOn({ store: 'later' })
    const message: any = call(1, 'cheap', { _meta: { progressToken: 1, nested: { deep: 1 } } })
    const before = structuredClone(message)
    const sent = transport.send(message)
    message.params.name = 'dear'
    message.params.arguments.q = 'changed'
    message.params.arguments.more = [1]
    message.params._meta.nested.deep = 2
    message.params._meta['io.modelcontextprotocol/related-task'] = { taskId: 'x' }
    message.params.task = {}
    message.id = 2
    message.method = 'tools/list'
    await sent
    expect(wire.messages).toEqual([before])
  })

  test('keeps the order of keys, so that the text on the wire is the same [L-S37, R5]', async () => {
    const { transport, wire } = seatOn({ store: 'later' })
    const message = call(1, 'search', { arguments: { z: 1, a: { y: [1, 2], b: null }, m: 'x' }, _meta: { z: 1, a: 2 } })
    await transport.send(message)
    expect(JSON.stringify(wire.messages[0])).toBe(JSON.stringify(message))
  })

  test('lets an in-memory message through with what is no JSON in it', async () => {
    const { transport, wire } = seatOn({ store: 'later' })
    const at = new Date(0)
    await transport.send(call(1, 'search', { arguments: { at, big: 1n, gone: undefined } }))
    expect(wire.messages[0].params.arguments).toMatchObject({ at, big: 1n })
  })

  test('holds up no other message', async () => {
    const { transport, wire } = seatOn({ store: 'later' })
    const sent = transport.send(call(1))
    void transport.send({ jsonrpc: '2.0', method: 'notifications/progress' })
    expect(wire.messages.map(({ method }) => method)).toEqual(['notifications/progress'])
    await sent
    expect(wire.messages).toHaveLength(2)
  })
})

describe('a step that changes the call', () => {
  const changing: CallMiddleware = {
    name: 'changing',
    enter: (given) => ({ ...given, tool: 'search-v2', args: { ...given.args, safe: true } }),
  }

  test('changes a copy, and only name and arguments [L-S37]', () => {
    const { transport, wire } = seatOn({ inner: [changing] })
    const message = deepFreeze(call(1, 'search', { _meta: { a: 1 }, vendor: 'x' }))
    void transport.send(message)
    expect(wire.messages).toEqual([
      call(1, 'search-v2', { arguments: { q: 'x', safe: true }, _meta: { a: 1 }, vendor: 'x' }),
    ])
  })

  test('may take the arguments away', () => {
    const { transport, wire } = seatOn({ inner: [{ name: 'bare', enter: (given) => ({ ...given, args: undefined }) }] })
    void transport.send(call(1))
    expect(wire.messages[0].params.arguments).toBeUndefined()
  })

  test('may change the result, in a copy of the answer', async () => {
    for (const later of [false, true]) {
      const redact: CallMiddleware = {
        name: 'redact',
        leave: (_call, outcome) => {
          const changed = outcome.kind === 'result' ? { ...outcome, result: { content: [] } } : outcome
          return later ? Promise.resolve(changed) : changed
        },
      }
      const { transport, wire, received } = seatOn({ inner: [redact] })
      void transport.send(call(1))
      const answer = deepFreeze(resultOf(1, { content: [{ type: 'text', text: 'secret' }] }))
      wire.receive(answer)
      await settle()
      expect(received).toEqual([{ jsonrpc: '2.0', id: 1, result: { content: [] } }])
    }
  })
})

test('a meter is taken for its steps', () => {
  const seen = vi.fn()
  const meter = composeWith(seatOn().clock, [
    {
      name: 'seen',
      enter(given) {
        seen()
        return given
      },
    },
  ])
  const { transport, wire } = seatOn({ inner: [meter] })
  void transport.send(call(1))
  expect(seen).toHaveBeenCalledOnce()
  expect(wire.messages).toHaveLength(1)
})
