import { getEventListeners } from 'node:events'
import { settle } from 'mcp-budget/testing'
import { describe, expect, test, vi } from 'vitest'
import { call, MODERN, resultOf, seatOn } from '../../support/seat.js'

const cancel = (requestId: unknown) =>
  ({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId, reason: 'enough' } }) as never
const modern = { _meta: MODERN }
const CHARGED = { available: 95, held: 0, spent: 5, debt: 0 }
const WHOLE = { available: 100, held: 0, spent: 0, debt: 0 }

describe('a cancellation by notification', () => {
  test('after the call was sent is charged, once, and is passed on [L-P3, L-P4]', async () => {
    for (const store of ['at once', 'later'] as const) {
      const { transport, wire, balance, records } = seatOn({ store })
      await transport.send(call(1))
      void transport.send(cancel(1))
      void transport.send(cancel(1))
      await settle()
      expect(balance()).toEqual(CHARGED)
      expect(wire.messages).toHaveLength(3)
      expect(records()).toMatchObject([{ outcome: 'lost', proves: 'unknown', charge: { end: 'captured' } }])
    }
  })

  test.each([
    ['release', WHOLE],
    ['keep', { available: 95, held: 5, spent: 0, debt: 0 }],
  ] as const)('after the call was sent is %sd where that is set [L-P5]', async (onCancel, after) => {
    const { transport, balance } = seatOn({ budget: { onCancel } })
    await transport.send(call(1))
    void transport.send(cancel(1))
    expect(balance()).toEqual(after)
  })

  test('before the call was sent costs nothing, and the call is never sent [L-P3, L-S10]', async () => {
    const { transport, wire, balance, received } = seatOn({ store: 'later' })
    const sent = transport.send(call(1))
    void transport.send(cancel(1))
    await sent
    await settle()
    expect(wire.messages).toEqual([cancel(1)])
    expect(received).toEqual([])
    expect(balance()).toEqual(WHOLE)
  })

  test('before a refusal leaves the call without an answer, as it should be', async () => {
    const { transport, wire, received, balance } = seatOn({ store: 'later', credits: 0 })
    const sent = transport.send(call(1))
    void transport.send(cancel(1))
    await sent
    await settle()
    expect(wire.messages).toEqual([cancel(1)])
    expect(received).toEqual([])
    expect(balance()).toMatchObject({ held: 0, spent: 0 })
  })

  test.each([
    ['of another', 2],
    ['of the same text', '1'],
    ['of nothing', undefined],
    ['of an object', {}],
  ])('%s call ends nothing', async (_, id) => {
    const { transport, balance } = seatOn()
    await transport.send(call(1))
    void transport.send(cancel(id))
    expect(balance()).toMatchObject({ held: 5, spent: 0 })
  })

  test('that comes from the server ends nothing: it concerns the server’s own requests [T45]', async () => {
    const { transport, wire, balance, received } = seatOn()
    await transport.send(call(1))
    wire.receive(cancel(1))
    expect(balance()).toMatchObject({ held: 5, spent: 0 })
    expect(received).toEqual([cancel(1)])
  })

  test('is followed by no charge when the answer comes all the same, and that is passed on [I4]', async () => {
    const { transport, wire, balance, received } = seatOn({ budget: { onCancel: 'release' } })
    await transport.send(call(1))
    void transport.send(cancel(1))
    wire.receive(resultOf(1))
    expect(balance()).toEqual(WHOLE)
    expect(received).toEqual([resultOf(1)])
  })

  test('frees the id for another call', async () => {
    const { transport, wire, balance } = seatOn()
    await transport.send(call(1))
    void transport.send(cancel(1))
    await transport.send(call(1, 'other'))
    wire.receive(resultOf(1))
    expect(balance()).toMatchObject({ spent: 10, held: 0 })
  })
})

describe('a cancellation by aborting the request, as on 2026-07-28 over HTTP,', () => {
  test('after the call was sent is charged, once [L-P3, L-P4]', async () => {
    for (const store of ['at once', 'later'] as const) {
      const { transport, balance, records } = seatOn({ store })
      const caller = new AbortController()
      await transport.send(call(1, 'search', modern), { requestSignal: caller.signal })
      caller.abort()
      await settle()
      expect(balance()).toEqual(CHARGED)
      expect(records()).toMatchObject([{ outcome: 'lost', proves: 'unknown' }])
    }
  })

  test('before the call was sent costs nothing, and the call is never sent [L-P3, L-S10, I3]', async () => {
    const { transport, wire, balance } = seatOn({ store: 'later' })
    const caller = new AbortController()
    wire.onsend = (_message, options) =>
      options?.requestSignal?.aborted === true ? Promise.reject(options.requestSignal.reason as Error) : undefined
    const sent = transport.send(call(1, 'search', modern), { requestSignal: caller.signal })
    caller.abort()
    await sent.catch(() => {})
    await settle()
    expect(wire.messages).toEqual([])
    expect(balance()).toEqual(WHOLE)
  })

  test('that happened before send was called costs nothing', async () => {
    for (const store of ['at once', 'later'] as const) {
      const { transport, balance, wire } = seatOn({ store })
      wire.onsend = (_message, options) => Promise.reject(options.requestSignal.reason as Error)
      await transport.send(call(1, 'search', modern), { requestSignal: AbortSignal.abort() }).catch(() => {})
      await settle()
      expect(balance()).toEqual(WHOLE)
    }
  })

  test('leaves no listener behind, however the call ends [L-P23, I20]', async () => {
    const caller = new AbortController()
    const listeners = () => getEventListeners(caller.signal, 'abort').length
    const options = { requestSignal: caller.signal } as never
    const { transport, wire } = seatOn()
    await transport.send(call(1, 'search', modern), options)
    expect(listeners()).toBe(1)
    wire.receive(resultOf(1))
    await transport.send(call(2, 'search', modern), options)
    void transport.send(cancel(2))
    wire.onsend = () => Promise.reject(new Error('down'))
    await transport.send(call(3, 'search', modern), options).catch(() => {})
    wire.onsend = () => {
      throw new Error('down')
    }
    await (async () => transport.send(call(4, 'search', modern), options))().catch(() => {})
    wire.onsend = () => {}
    await transport.send(call(5, 'search', modern), options)
    await transport.close()
    expect(listeners()).toBe(0)
    await seatOn({ credits: 0 }).transport.send(call(6, 'search', modern), options)
    expect(listeners()).toBe(0)
  })

  test('tells the sender too when the stream ends without an answer, and keeps the hold [L-P4, I6]', async () => {
    const { transport, wire, balance, records } = seatOn()
    const ended = vi.fn()
    const options = Object.freeze({ onRequestStreamEnd: ended, headers: { a: 'b' } })
    await transport.send(call(1, 'search', modern), options)
    expect(wire.sent[0]?.options).toMatchObject({ headers: { a: 'b' } })
    wire.sent[0]?.options.onRequestStreamEnd()
    expect(ended).toHaveBeenCalledOnce()
    expect(balance()).toMatchObject({ held: 5, spent: 0 })
    expect(records()).toMatchObject([{ outcome: 'lost', proves: 'unknown' }])
  })

  test('or the end of the stream after the answer changes nothing [I4]', async () => {
    const { transport, wire, balance } = seatOn()
    const caller = new AbortController()
    await transport.send(call(1, 'search', modern), { requestSignal: caller.signal })
    wire.receive(resultOf(1))
    wire.sent[0]?.options.onRequestStreamEnd()
    caller.abort()
    expect(balance()).toEqual(CHARGED)
  })
})

describe('the end of the connection', () => {
  test('keeps the holds of calls that were sent, until their time is up [I6, L-P3, L-P4]', async () => {
    const { transport, balance, clock, openHolds } = seatOn()
    const onclose = vi.fn()
    transport.onclose = onclose
    await transport.send(call(1))
    await transport.send(call(2))
    await transport.close()
    expect(onclose).toHaveBeenCalledOnce()
    expect(balance()).toMatchObject({ held: 10, spent: 0 })
    clock.advance(120_000)
    expect(balance()).toEqual({ available: 90, held: 0, spent: 10, debt: 0 })
    expect(openHolds()).toBe(0)
  })

  test('gives back what was still being decided, which is never sent [L-P3, L-S10]', async () => {
    const { transport, wire, balance } = seatOn({ store: 'later' })
    const sent = transport.send(call(1))
    await transport.close()
    await expect(sent).rejects.toMatchObject({ code: 'transport_closed' })
    await settle()
    expect(wire.messages).toEqual([])
    expect(balance()).toEqual(WHOLE)
  })

  test('from the other side is the same', async () => {
    const { transport, wire, balance } = seatOn()
    await transport.send(call(1))
    wire.onclose?.()
    expect(balance()).toMatchObject({ held: 5 })
  })

  test('is followed by no charge and no release when an answer comes all the same [I4]', async () => {
    const { transport, wire, balance, clock, received } = seatOn({ budget: { onExpire: 'release' } })
    await transport.send(call(1))
    await transport.close()
    wire.receive(resultOf(1))
    expect(received).toEqual([resultOf(1)])
    expect(balance()).toMatchObject({ held: 5, spent: 0 })
    clock.advance(120_000)
    expect(balance()).toEqual(WHOLE)
  })

  test('does not end the use of a transport that is started again, as that of stdio', async () => {
    for (const store of ['at once', 'later'] as const) {
      const { transport, wire, balance } = seatOn({ store })
      await transport.start()
      await transport.close()
      await transport.start()
      await transport.send(call(1))
      expect(wire.messages).toEqual([call(1)])
      wire.receive(resultOf(1))
      await settle()
      expect(balance()).toEqual(CHARGED)
    }
  })
})

describe('a call that is pending for long', () => {
  test('is kept alive, and not once it has ended', async () => {
    const { transport, wire, clock, balance } = seatOn({ budget: { onExpire: 'release' } })
    await transport.send(call(1))
    for (let i = 0; i < 10; i++) {
      clock.advance(100_000)
      expect(balance()).toMatchObject({ held: 5 })
    }
    wire.receive(resultOf(1))
    expect(balance()).toEqual(CHARGED)
    clock.advance(200_000)
    expect(clock.timers).toBe(0)
  })

  test('and that the client gave up without a word, as after a timeout, is charged when the answer comes', async () => {
    const { transport, wire, clock, balance } = seatOn()
    await transport.send(call(1))
    clock.advance(3_600_000)
    wire.receive(resultOf(1))
    expect(balance()).toEqual(CHARGED)
  })
})
