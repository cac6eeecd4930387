import { FakeClock, settle } from 'mcp-budget/testing'
import { describe, expect, test } from 'vitest'
import { call, errorOf, resultOf, seatOn } from '../../support/seat.js'

const ping = { jsonrpc: '2.0', id: 'p', method: 'ping' }
const progress = { jsonrpc: '2.0', method: 'notifications/progress' }
const batch = (...messages: readonly unknown[]): never => messages as never

describe.each(['at once', 'later'] as const)('a batch, in a store that answers %s,', (store) => {
  test('pays for each call in it, and is sent as one [L-P25]', async () => {
    const { transport, wire, balance } = seatOn({ store })
    const messages = [call(1), ping, call(2, 'other'), progress]
    await transport.send(batch(...messages))
    expect(wire.messages).toEqual([messages])
    expect(balance()).toMatchObject({ held: 10 })
    wire.receive([resultOf(1), resultOf('p', {}), errorOf(2, -32601)])
    await settle()
    expect(balance()).toEqual({ available: 95, held: 0, spent: 5, debt: 0 })
  })

  test('goes on without what cannot be paid, which is answered alone [L-P25]', async () => {
    const { transport, wire, balance, received } = seatOn({ store, credits: 12 })
    await transport.send(batch(call(1), call(2), call(3), ping))
    await settle()
    expect(wire.messages).toEqual([[call(1), call(2), ping]])
    expect(received).toMatchObject([{ id: 3, error: { data: { error: 'budget_exhausted', remaining_credits: 2 } } }])
    expect(balance()).toMatchObject({ held: 10 })
  })

  test('is not sent at all when nothing in it may pass', async () => {
    const { transport, wire, received } = seatOn({ store, credits: 0 })
    await transport.send(batch(call(1), call(2)))
    await settle()
    expect(wire.messages).toEqual([])
    expect(received.map(({ id }) => id)).toEqual([1, 2])
  })

  test('with the same id twice runs and charges the first alone', async () => {
    const { transport, wire, balance, received } = seatOn({ store })
    await transport.send(batch(call(1), call(1, 'other')))
    await settle()
    expect(wire.messages).toEqual([[call(1)]])
    expect(received).toMatchObject([{ id: 1, error: { code: -32600, data: { reason: 'duplicate_id' } } }])
    wire.receive([resultOf(1)])
    await settle()
    expect(balance()).toMatchObject({ held: 0, spent: 5 })
  })

  test.each([
    ['a text', 'tools/call'],
    ['null', null],
    ['a list', [call(9)]],
  ])('with %s in it is refused whole, and nothing stays on hold [I21, T45]', async (_, garbage) => {
    const { transport, wire, balance } = seatOn({ store })
    await expect((async () => transport.send(batch(call(1), garbage)))()).rejects.toMatchObject({
      code: 'invalid_request',
    })
    await settle()
    expect(wire.messages).toEqual([])
    expect(balance()).toEqual({ available: 100, held: 0, spent: 0, debt: 0 })
  })

  test('whose sending fails ends every call in it by what the failure proves', async () => {
    for (const [error, after] of [
      [Object.assign(new Error('no'), { code: 'ECONNREFUSED' }), { held: 0, spent: 0 }],
      [new Error('socket hang up'), { held: 10, spent: 0 }],
    ] as const) {
      const { transport, wire, balance } = seatOn({ store })
      wire.onsend = () => Promise.reject(error)
      await expect(transport.send(batch(call(1), call(2)))).rejects.toBe(error)
      await settle()
      expect(balance()).toMatchObject(after)
    }
  })

  test('that is empty, or without calls, is passed on as it is', async () => {
    const { transport, wire } = seatOn({ store, credits: 0 })
    await transport.send(batch(ping, progress))
    expect(wire.messages).toEqual([[ping, progress]])
  })
})

describe('while a batch is being decided', () => {
  test('a call in it may be cancelled: it is not sent and costs nothing', async () => {
    const { transport, wire, balance, records } = seatOn({ store: 'later' })
    const sent = transport.send(batch(call(1), call(2)))
    void transport.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 2 } })
    await sent
    await settle()
    expect(wire.messages.at(-1)).toEqual([call(1)])
    expect(balance()).toMatchObject({ held: 5, spent: 0 })
    expect(records()).toMatchObject([{ outcome: 'lost', proves: 'not-run' }])
  })

  test('the transport may close: nothing is sent, and nothing is charged', async () => {
    const { transport, wire, balance } = seatOn({ store: 'later' })
    const sent = transport.send(batch(call(1), call(2), ping))
    await transport.close()
    await sent.catch(() => {})
    await settle()
    expect(wire.messages.flat().filter(({ method }: any) => method === 'tools/call')).toEqual([])
    expect(balance()).toEqual({ available: 100, held: 0, spent: 0, debt: 0 })
  })

  test('one call may take longer than the others, and be cancelled after they were decided', async () => {
    const clock = new FakeClock()
    const { transport, wire, balance } = seatOn({
      budget: {
        approveAbove: 5,
        approve: () => new Promise((resolve) => void clock.after(1_000, () => resolve(true))),
      },
      prices: { defaultCost: 5, costs: { dear: 6 } },
    })
    const sent = transport.send(batch(call(1), call(2, 'dear')))
    await settle()
    void transport.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } })
    await clock.advanceAsync(1_000)
    await sent
    expect(wire.messages.at(-1)).toEqual([call(2, 'dear')])
    await settle()
    expect(balance()).toMatchObject({ held: 6, spent: 0 })
  })
})

test('batches of answers are taken apart, and strange ones in them harm nothing [T45]', async () => {
  const { transport, wire, balance, received } = seatOn()
  await transport.send(call(1))
  wire.receive([null, 7, 'x', [resultOf(1)], { jsonrpc: '2.0', id: 99, result: {} }])
  expect(balance()).toMatchObject({ held: 0, spent: 5 })
  expect(received).toContainEqual(resultOf(1))
})
