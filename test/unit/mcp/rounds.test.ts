import { refuse, type CallMiddleware } from 'mcp-budget'
import { settle } from 'mcp-budget/testing'
import { describe, expect, test } from 'vitest'
import { call, deepFreeze, MODERN, resultOf, seatOn } from '../../support/seat.js'
import { ROUND_LIMITS } from '../../../src/mcp/rounds.js'

const CHARGED = { available: 95, held: 0, spent: 5, debt: 0 }
const asks = (id: number, requestState?: string) =>
  resultOf(id, {
    resultType: 'input_required',
    inputRequests: { name: { method: 'elicitation/create', params: {} } },
    ...(requestState !== undefined && { requestState }),
  })
const leg = (id: number, requestState?: unknown, more: object = {}) =>
  call(id, 'book', {
    _meta: MODERN,
    ...(requestState !== undefined && { requestState, inputResponses: { name: { action: 'accept' } } }),
    ...more,
  })

/** Runs the first leg, and gives the state that the client was handed. */
async function begun(options: Parameters<typeof seatOn>[0] = {}, original: string | null = 'server-state') {
  const seat = seatOn(options)
  await seat.transport.send(leg(1))
  seat.wire.receive(deepFreeze(asks(1, original ?? undefined)))
  await settle()
  const state = seat.received.at(-1).result.requestState as string
  return { ...seat, state }
}

describe.each(['at once', 'later'] as const)('a call of several rounds, in a store that answers %s,', (store) => {
  test('is charged once, and the server gets its own states back [L-S22, T31]', async () => {
    const { transport, wire, received, balance, state, records } = await begun({ store })
    expect(state).toMatch(/^mcpb-c1\./)
    expect(received.at(-1)).toEqual({
      ...asks(1),
      result: { ...asks(1).result, requestState: state },
    })
    await transport.send(leg(2, state))
    expect(wire.messages.at(-1)).toEqual(leg(2, 'server-state'))
    wire.receive(asks(2, 'second-state'))
    const second = received.at(-1).result.requestState as string
    expect(second).not.toBe(state)
    await transport.send(leg(3, second))
    expect(wire.messages.at(-1)).toEqual(leg(3, 'second-state'))
    expect(balance()).toMatchObject({ held: 5, spent: 0 })
    wire.receive(resultOf(3))
    await settle()
    expect(balance()).toEqual(CHARGED)
    expect(records().map((record) => record.outcome)).toEqual(['input-required', 'input-required', 'result'])
    expect(new Set(records().map((record) => record.chargeId)).size).toBe(1)
  })

  test('goes on without a state where the server sent none, and is recognised all the same', async () => {
    const { transport, wire, balance, state } = await begun({ store }, null)
    await transport.send(leg(2, state))
    const { requestState: _, ...params } = leg(2, state).params as Record<string, unknown>
    expect(wire.messages.at(-1)).toEqual({ ...leg(2), params })
    wire.receive(resultOf(2))
    await settle()
    expect(balance()).toEqual(CHARGED)
  })

  test('whose state is used a second time pays as a new call [T31]', async () => {
    const { transport, wire, balance, state } = await begun({ store })
    await Promise.all([transport.send(leg(2, state)), transport.send(leg(3, state))])
    await settle()
    expect(wire.messages.slice(1)).toEqual([leg(2, 'server-state'), leg(3, 'server-state')])
    expect(balance()).toMatchObject({ held: 10 })
    wire.receive(resultOf(2))
    wire.receive(resultOf(3))
    await settle()
    expect(balance()).toEqual({ available: 90, held: 0, spent: 10, debt: 0 })
  })

  test('whose state is used again after the end pays as a new call [T31]', async () => {
    const { transport, wire, balance, state } = await begun({ store })
    await transport.send(leg(2, state))
    wire.receive(resultOf(2))
    for (let i = 0; i < 3; i++) {
      await transport.send(leg(10 + i, state))
      wire.receive(resultOf(10 + i))
      await settle()
    }
    expect(balance()).toEqual({ available: 80, held: 0, spent: 20, debt: 0 })
  })

  test('can be cancelled between two rounds only by ending its time', async () => {
    const { clock, balance, openHolds } = await begun({ store })
    expect(balance()).toMatchObject({ held: 5 })
    await clock.advanceAsync(ROUND_LIMITS.ttlMs)
    await clock.advanceAsync(120_000)
    expect(openHolds()).toBe(0)
    expect(balance()).toEqual(CHARGED)
  })
})

describe('a state that is not ours', () => {
  test('goes on as it is, and its call pays [T31]', async () => {
    const { transport, wire, balance } = seatOn()
    await transport.send(leg(1, 'of-another-seat'))
    expect(wire.messages).toEqual([leg(1, 'of-another-seat')])
    wire.receive(resultOf(1))
    expect(balance()).toEqual(CHARGED)
  })

  test.each([
    ['made up', () => `mcpb-c1.${'0'.repeat(64)}.0-0-0.1.9999999999999.${'0'.repeat(64)}.=server-state`],
    ['of another server state', (state: string) => `${state}x`],
    ['without the server state', (state: string) => state.slice(0, state.indexOf('='))],
    ['cut off', (state: string) => state.slice(0, -1)],
    ['of another round', (state: string) => state.replace(/(\.[0-9a-z-]+)\.1\./, '$1.2.')],
    ['of another call', (state: string) => state.replace(/\.([0-9a-z-]+)\.1\./, '.$10.1.')],
    ['that lives longer', (state: string) => state.replace(/\.1\.(\d+)\./, '.1.9$1.')],
    ['in capitals', (state: string) => `mcpb-c1.${state.slice(8).toUpperCase()}`],
    ['the prefix alone', () => 'mcpb-c1.'],
    ['the name of a property', () => 'mcpb-c1.constructor'],
  ])('but made to look like it (%s) is refused, and the call in progress is untouched [T31, T45]', async (_, forge) => {
    const { transport, wire, received, balance, state } = await begun()
    const sent = wire.messages.length
    await transport.send(leg(2, forge(state)))
    await settle()
    expect(wire.messages).toHaveLength(sent)
    expect(received.at(-1)).toMatchObject({
      id: 2,
      error: { code: -32602, data: { error: 'invalid_request_state', reason: 'invalid_request_state' } },
    })
    await transport.send(leg(3, state))
    wire.receive(resultOf(3))
    expect(balance()).toEqual(CHARGED)
  })

  test.each([
    ['another tool', { name: 'pay' }],
    ['other arguments', { arguments: { q: 'y' } }],
    ['no arguments', { arguments: undefined }],
    ['more arguments', { arguments: { q: 'x', r: 1 } }],
    ['a digest too deep to be made', { arguments: { q: nested(5_000) } }],
  ])('because it is for %s is refused, and is not used up by it [T31, T21]', async (_, more) => {
    const { transport, wire, received, balance, state } = await begun()
    const sent = wire.messages.length
    await (async () => transport.send(leg(2, state, more)))().catch(() => {})
    await settle()
    expect(wire.messages).toHaveLength(sent)
    expect(received.at(-1)).toMatchObject({ id: 2, error: { code: -32602 } })
    await transport.send(leg(3, state))
    wire.receive(resultOf(3))
    expect(balance()).toEqual(CHARGED)
  })

  test('but of another store is no call there: it pays as a new one [T31]', async () => {
    const { state } = await begun()
    const { transport, wire, balance } = seatOn()
    await transport.send(leg(1, state))
    expect(wire.messages).toEqual([leg(1, 'server-state')])
    wire.receive(resultOf(1))
    await settle()
    expect(balance()).toEqual(CHARGED)
  })

  test.each([7, null, {}, ['x'], true])('and no text (%j) goes on as it is, and its call pays', async (state) => {
    const { transport, wire, balance } = seatOn()
    await transport.send(leg(1, state))
    expect(wire.messages).toEqual([leg(1, state)])
    expect(balance()).toMatchObject({ held: 5 })
  })
})

describe('a round', () => {
  test('continues with arguments in another order of keys', async () => {
    const { transport, wire, received, balance } = seatOn()
    await transport.send(leg(1, undefined, { arguments: { a: 1, b: { c: 2, d: 3 } } }))
    wire.receive(asks(1, 's'))
    const state = received.at(-1).result.requestState as string
    await transport.send(leg(2, state, { arguments: { b: { d: 3, c: 2 }, a: 1 } }))
    wire.receive(resultOf(2))
    expect(balance()).toEqual(CHARGED)
  })

  test('whose server fails is charged, whatever the error says of this round', async () => {
    const { transport, wire, balance, state } = await begun()
    await transport.send(leg(2, state))
    wire.receive({ jsonrpc: '2.0', id: 2, error: { code: -32601, message: 'no' } })
    expect(balance()).toEqual({ available: 95, held: 0, spent: 5, debt: 0 })
  })

  test('that is not sent ends the call by what the failure proves', async () => {
    const { transport, wire, balance, state } = await begun()
    wire.onsend = () => Promise.reject(new Error('socket hang up'))
    await transport.send(leg(2, state)).catch(() => {})
    expect(balance()).toMatchObject({ held: 5, spent: 0 })
  })

  test('that is refused by a later step is charged, for the first one ran', async () => {
    let open = true
    const gate: CallMiddleware = {
      name: 'gate',
      enter: (each) => (open ? each : refuse(each.tool, { error: 'forbidden_tool', reason: 'forbidden_tool' })),
    }
    const { transport, wire, balance, state } = await begun({ inner: [gate] })
    open = false
    await transport.send(leg(2, state))
    await settle()
    expect(wire.messages).toHaveLength(1)
    expect(balance()).toEqual(CHARGED)
  })

  test('is kept alive while somebody thinks about the answer', async () => {
    const { transport, wire, balance, state, clock } = await begun({ budget: { onExpire: 'release' } })
    clock.advance(ROUND_LIMITS.ttlMs - 1)
    expect(balance()).toMatchObject({ held: 5 })
    await transport.send(leg(2, state))
    wire.receive(resultOf(2))
    expect(balance()).toEqual(CHARGED)
  })

  test('that nobody answers ends with its time: its state is unknown then, and its hold is left to its deadline', async () => {
    const { transport, received, balance, state, clock } = await begun({ budget: { onExpire: 'release' } })
    clock.advance(ROUND_LIMITS.ttlMs - 1)
    expect(balance()).toMatchObject({ held: 5 })
    clock.advance(1)
    expect(balance()).toMatchObject({ held: 0, spent: 0 })
    await transport.send(leg(2, state))
    await settle()
    expect(received.at(-1)).toMatchObject({ error: { data: { error: 'invalid_request_state' } } })
    expect(clock.timers).toBe(0)
  })

  test('is one of ten at most: then the question goes on as it came, and the next leg pays', async () => {
    const { transport, wire, received, balance } = seatOn()
    let state: unknown
    let id = 0
    for (; id <= ROUND_LIMITS.rounds; id++) {
      await transport.send(leg(id, state))
      wire.receive(asks(id, `state-${id}`))
      state = received.at(-1).result.requestState
    }
    expect(state).toBe(`state-${id - 1}`)
    await transport.send(leg(id, state))
    expect(balance()).toMatchObject({ held: 10 })
  })

  test('outlives the connection, and its hold is left to its deadline', async () => {
    const { transport, balance, clock, state } = await begun()
    await transport.close()
    expect(balance()).toMatchObject({ held: 5 })
    clock.advance(ROUND_LIMITS.ttlMs)
    expect(balance()).toEqual(CHARGED)
    expect(clock.timers).toBe(0)
    expect(state).toBeTypeOf('string')
  })

  test('of arguments too deep to be told apart is passed on as it is, and harms nothing [T21, I21]', async () => {
    const { transport, wire, received, balance, clock } = seatOn()
    await transport.send(leg(1, undefined, { arguments: { q: nested(5_000) } }))
    expect(() => wire.receive(asks(1, 's'))).not.toThrow()
    expect(received).toHaveLength(1)
    clock.advance(ROUND_LIMITS.ttlMs + 120_000)
    expect(balance()).toEqual(CHARGED)
  })
})

function nested(depth: number): unknown {
  let value: unknown = 'leaf'
  for (let i = 0; i < depth; i++) value = [value]
  return value
}
