import fc from 'fast-check'
import { middleware, type CallMiddleware } from 'mcp-budget'
import { settle } from 'mcp-budget/testing'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { call, errorOf, MODERN, resultOf, seatOn } from '../../support/seat.js'

const LONG = process.env['MCP_BUDGET_LONG'] === '1'
const CHARGED = { available: 95, held: 0, spent: 5, debt: 0 }

const unhandled: unknown[] = []
const note = (reason: unknown): void => void unhandled.push(reason)
beforeEach(() => {
  process.on('unhandledRejection', note)
  process.on('uncaughtException', note)
})
afterEach(async () => {
  await settle()
  process.off('unhandledRejection', note)
  process.off('uncaughtException', note)
  expect(unhandled.splice(0)).toEqual([])
})

describe('a server that', () => {
  test('answers twice is paid once, and the client sees both answers, as without a budget [T45, I4, I5]', async () => {
    for (const store of ['at once', 'later'] as const) {
      const { transport, wire, balance, received } = seatOn({ store })
      await transport.send(call(1))
      wire.receive(resultOf(1))
      wire.receive(resultOf(1, { content: [], again: true }))
      wire.receive(errorOf(1, -32601))
      await settle()
      expect(balance()).toEqual(CHARGED)
      expect(received).toHaveLength(3)
    }
  })

  test('answers what nobody asked changes no balance [T45]', async () => {
    const { transport, wire, balance, received } = seatOn()
    await transport.send(call(1))
    for (const id of [2, '2', 0, -1, 1.5, '__proto__', 'constructor']) wire.receive(resultOf(id))
    expect(balance()).toMatchObject({ held: 5, spent: 0 })
    expect(received).toHaveLength(7)
  })

  test('answers a call that is still being decided ends nothing [T45, I4]', async () => {
    const { transport, wire, balance } = seatOn({ store: 'later' })
    const sent = transport.send(call(1))
    wire.receive(resultOf(1))
    await sent
    await settle()
    expect(balance()).toMatchObject({ held: 5, spent: 0 })
    wire.receive(resultOf(1))
    await settle()
    expect(balance()).toEqual(CHARGED)
  })

  test.each([
    ['null', null],
    ['undefined', undefined],
    ['a number', 7],
    ['a text', 'tools/call'],
    ['an empty list', []],
    ['lists in lists', [[[]], [null]]],
    ['an empty object', {}],
    ['a method that is an object', { jsonrpc: '2.0', method: {} }],
    ['an id that is an object', { jsonrpc: '2.0', id: {}, result: {} }],
    ['an id that is null', { jsonrpc: '2.0', id: null, error: { code: -32700, message: 'no' } }],
    ['a key that would set a prototype', JSON.parse('{"jsonrpc":"2.0","id":99,"__proto__":{"result":{}}}')],
  ])('sends garbage (%s) changes no balance, and the next answer counts [T45, I21]', async (_, garbage) => {
    const { transport, wire, balance } = seatOn()
    await transport.send(call(1))
    expect(() => wire.receive(garbage)).not.toThrow()
    expect(balance()).toMatchObject({ held: 5, spent: 0 })
    wire.receive(resultOf(1))
    expect(balance()).toEqual(CHARGED)
  })

  test.each([
    ['no result', { jsonrpc: '2.0', id: 1 }],
    ['null for a result', { jsonrpc: '2.0', id: 1, result: null }],
    ['text for a result', { jsonrpc: '2.0', id: 1, result: 'done' }],
    ['null for an error', { jsonrpc: '2.0', id: 1, error: null }],
    ['a list for an error', { jsonrpc: '2.0', id: 1, error: [-32601] }],
    ['a code that is text', { jsonrpc: '2.0', id: 1, error: { code: '-32601', message: 'no' } }],
    ['a code near one that gives back', { jsonrpc: '2.0', id: 1, error: { code: -32601.5, message: 'no' } }],
    ['both result and error', { jsonrpc: '2.0', id: 1, result: { content: [] }, error: { code: -32000 } }],
    ['isError that is text', resultOf(1, { isError: 'false' })],
    ['a task without an id', resultOf(1, { task: {} })],
    ['a task whose id is a number', resultOf(1, { resultType: 'task', taskId: 7 })],
    ['a type of result that there is not', resultOf(1, { resultType: 'free_of_charge' })],
  ])('answers with %s is paid: nothing proves that it did not run [T45, L-S19]', async (_, answer) => {
    const { transport, wire, balance, received } = seatOn()
    await transport.send(call(1))
    wire.receive(answer)
    expect(balance()).toEqual(CHARGED)
    expect(received).toEqual([answer])
  })

  test('says both that it ran and that it did not is believed in what costs', async () => {
    const { transport, wire, balance } = seatOn()
    await transport.send(call(1))
    wire.receive({ ...resultOf(1), error: { code: -32601, message: 'no' } })
    expect(balance()).toMatchObject({ held: 0 })
  })

  test('claims what it cost is not listened to where its price is fixed [T26]', async () => {
    for (const lie of [-5, Number.NaN, 1e9, '0', null]) {
      const { transport, wire, balance } = seatOn()
      await transport.send(call(1))
      wire.receive(resultOf(1, { _meta: { 'dev.mcp-budget/cost': { credits: lie }, cost: lie, usage: lie } }))
      expect(balance()).toEqual(CHARGED)
    }
  })

  test('calls a tool of the client is answered by the client, which has none, and it costs nothing [T45]', async () => {
    for (const wrong of [call(7), { ...call(7), id: undefined }, [call(7)], call('x', 'y', { arguments: null })]) {
      const { transport, wire, balance, received } = seatOn()
      await transport.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: {} })
      expect(() => wire.receive(wrong)).not.toThrow()
      expect(received).toEqual(Array.isArray(wrong) ? wrong : [wrong])
      expect(balance()).toMatchObject({ available: 100, held: 0 })
      await transport.send(call(1))
      wire.receive(resultOf(1))
      expect(balance()).toEqual(CHARGED)
    }
  })

  test('calls a tool before the client has said a word pays for it, until it is told that there is none [T45]', async () => {
    const { transport, wire, balance, received } = seatOn()
    wire.receive(call(7))
    expect(received).toEqual([call(7)])
    expect(balance()).toMatchObject({ held: 5 })
    await transport.send(errorOf(7, -32601))
    expect(balance()).toMatchObject({ available: 100, held: 0 })
    await transport.send(call(1))
    wire.receive(resultOf(1))
    expect(balance()).toEqual(CHARGED)
  })
})

describe('a receiver that throws', () => {
  const boom = new Error('boom')

  test('while the transport delivers throws to the transport, as without a budget, and the hold has ended', async () => {
    const { transport, wire, balance } = seatOn()
    transport.onmessage = () => {
      throw boom
    }
    await transport.send(call(1))
    expect(() => wire.receive(resultOf(1))).toThrow(boom)
    expect(balance()).toEqual(CHARGED)
  })

  test('at an answer that comes later, or at a refusal, is told to onerror, and ends no process [I21]', async () => {
    for (const options of [{ credits: 0 }, { store: 'later', budget: { awaitCapture: true } }] as const) {
      const { transport, wire } = seatOn(options)
      const onerror = vi.fn()
      transport.onerror = onerror
      transport.onmessage = () => {
        throw boom
      }
      await transport.send(call(1))
      if (wire.messages.length > 0) wire.receive(resultOf(1))
      await settle()
      expect(onerror).toHaveBeenCalledExactlyOnceWith(boom)
    }
  })

  test('of which there is none makes no difference', async () => {
    for (const credits of [0, 100]) {
      const { transport, wire, balance } = seatOn({ credits, store: 'later' })
      transport.onmessage = undefined
      await transport.send(call(1))
      wire.receive(resultOf(1))
      await settle()
      expect(balance()).toMatchObject({ held: 0 })
    }
  })
})

describe('a step that hangs or throws at random', () => {
  test('leaves no hold behind once the connection is closed [I4, I21]', async () => {
    const steps: CallMiddleware[] = [
      {
        name: 'throws',
        enter: () => {
          throw new Error('boom')
        },
      },
      { name: 'rejects', enter: () => Promise.reject(new Error('boom')) },
      { name: 'answers nothing', enter: () => undefined as never },
      {
        name: 'throws at the end',
        leave: () => {
          throw new Error('boom')
        },
      },
      { name: 'rejects at the end', leave: () => Promise.reject(new Error('boom')) },
      { name: 'never decides', enter: () => new Promise(() => {}) },
      { name: 'never ends', leave: () => new Promise(() => {}) },
      middleware(async () => new Promise(() => {}), 'never answers'),
    ]
    for (const step of steps) {
      const { transport, wire, openHolds, clock } = seatOn({ inner: [step] })
      void transport.send(call(1))
      await settle()
      wire.receive(resultOf(1))
      await settle()
      await transport.close()
      await clock.advanceAsync(120_000)
      expect(openHolds()).toBe(0)
    }
  })
})

/** JSON that a careless reader may stumble over. */
const strange = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(null, undefined, true, 0, -1, 1.5, 2 ** 53, Number.NaN, '', 'x', [], {}) },
  { weight: 2, arbitrary: fc.jsonValue() },
  { weight: 1, arbitrary: fc.anything({ withBigInt: true, withDate: true, withNullPrototype: true, maxDepth: 3 }) },
  { weight: 1, arbitrary: fc.constantFrom('tools/call', 'notifications/cancelled', 'input_required', 'task', 1, 2, 3) },
  { weight: 1, arbitrary: fc.integer({ min: 60, max: 3_000 }).map(nested) },
)

/** A message with some of it exchanged, anywhere. */
const mutated = (message: object) =>
  fc
    .array(fc.tuple(fc.nat(30), strange), { maxLength: 3 })
    .map((changes) =>
      changes.reduce<unknown>((whole, [at, value]) => exchange(whole, at, value), structuredClone(message)),
    )

function exchange(whole: unknown, at: number, value: unknown): unknown {
  const places: Array<readonly [Record<string, unknown>, string]> = []
  const work: unknown[] = [whole]
  for (let each = work.pop(); each !== undefined && places.length < 100; each = work.pop()) {
    if (typeof each !== 'object' || each === null) continue
    for (const key of Object.keys(each)) {
      places.push([each as Record<string, unknown>, key])
      work.push((each as Record<string, unknown>)[key])
    }
  }
  const place = places[at % (places.length + 1)]
  if (place === undefined) return value
  place[0][place[1]] = value
  return whole
}

function nested(depth: number): unknown {
  let value: unknown = 'leaf'
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? { a: value } : [value]
  return value
}

const id = fc.constantFrom<string | number>(1, 2, 3, '1', 'a')
const outgoing = id.chain((each) =>
  fc.oneof(
    mutated(call(each)),
    mutated(call(each, 'search', { _meta: MODERN, requestState: 'x', task: {} })),
    mutated({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: each } }),
    mutated([call(each), call('b')]),
  ),
)
const incoming = id.chain((each) =>
  fc.oneof(
    mutated(resultOf(each)),
    mutated(errorOf(each, -32602)),
    mutated(resultOf(each, { resultType: 'input_required', requestState: 's', inputRequests: {} })),
    mutated(resultOf(each, { task: { taskId: 't' } })),
    mutated(call(each)),
    mutated([resultOf(each), errorOf('a', -32000)]),
  ),
)

describe('messages that are mutated at random, both ways,', () => {
  test.each([false, true])(
    'never throw out of the seat, overspend, or leave a hold behind (store answers later: %s) [I21, T45, T21, I1, I2]',
    async (later) => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(fc.boolean(), outgoing, incoming), { minLength: 1, maxLength: 12 }),
          async (steps) => {
            const { transport, wire, balance, clock, openHolds } = seatOn({
              store: later ? 'later' : 'at once',
              credits: 30,
            })
            let lastState: unknown
            let calledHere = 0
            transport.onmessage = (message: any) => {
              if (message?.method === 'tools/call') calledHere++
              lastState = message?.result?.requestState ?? lastState
            }
            for (const [out, sent, received] of steps) {
              if (out) {
                const params = (sent as any)?.params
                if (params?.requestState === 'x' && lastState !== undefined) params.requestState = lastState
                const error: any = await (async () => transport.send(sent as never))().then(
                  () => undefined,
                  (reason: unknown) => reason,
                )
                // The only thing a sender is told: that what it sent is no message.
                expect([undefined, 'invalid_request']).toContain(error?.code)
              } else {
                expect(() => wire.receive(received)).not.toThrow()
              }
              const { available, held, spent } = balance()
              expect(available + held + spent).toBe(30)
            }
            const executed = wire.messages.flat().filter((each) => each?.method === 'tools/call').length
            await transport.close()
            await clock.advanceAsync(601_000)
            expect(openHolds()).toBe(0)
            expect(balance().spent).toBeLessThanOrEqual((executed + calledHere) * 5)
          },
        ),
        { numRuns: LONG ? 5_000 : 120 },
      )
    },
  )
})
