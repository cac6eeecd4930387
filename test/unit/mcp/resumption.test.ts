import { settle } from 'mcp-budget/testing'
import { describe, expect, test, vi } from 'vitest'
import { call, MODERN, resultOf, seatOn } from '../../support/seat.js'
import { ResumableStub } from '../../support/stub-transport.js'

const resumable = (store: 'at once' | 'later' = 'at once') => seatOn({ wire: new ResumableStub(), store })
const CHARGED = { available: 95, held: 0, spent: 5, debt: 0 }

describe('a stream that is resumed', () => {
  test('belongs to the call that it broke off from: charged once, answered under the new id', async () => {
    const { transport, wire, balance, received, openHolds } = resumable()
    const onresumptiontoken = vi.fn()
    await transport.send(call(1), { onresumptiontoken })
    wire.sent[0]?.options.onresumptiontoken('event-7')
    expect(onresumptiontoken).toHaveBeenCalledWith('event-7')
    await transport.send(call(2), { resumptionToken: 'event-7', onresumptiontoken })
    expect(wire.messages).toEqual([call(1), call(2)])
    expect(wire.sent[1]?.options).toMatchObject({ resumptionToken: 'event-7' })
    expect(openHolds()).toBe(1)
    wire.receive(resultOf(2))
    expect(received).toEqual([resultOf(2)])
    expect(balance()).toEqual(CHARGED)
  })

  test('goes by the last event that was seen', async () => {
    const { transport, wire, balance } = resumable()
    const options = { onresumptiontoken: () => {} } as never
    await transport.send(call(1), options)
    await transport.send(call(2), options)
    for (const token of ['a1', 'a2']) wire.sent[0]?.options.onresumptiontoken(token)
    wire.sent[1]?.options.onresumptiontoken('b1')
    await transport.send(call(3), { resumptionToken: 'a2', onresumptiontoken: () => {} })
    wire.receive(resultOf(3))
    expect(balance()).toMatchObject({ held: 5, spent: 5 })
    wire.receive(resultOf(2))
    expect(balance()).toMatchObject({ held: 0, spent: 10 })
  })

  test('may break off and be resumed again', async () => {
    const { transport, wire, balance } = resumable()
    await transport.send(call(1), { onresumptiontoken: () => {} })
    for (const id of [2, 3, 4]) {
      wire.sent.at(-1)?.options.onresumptiontoken(`event-${id}`)
      await transport.send(call(id), { resumptionToken: `event-${id}`, onresumptiontoken: () => {} })
    }
    wire.receive(resultOf(4))
    await settle()
    expect(balance()).toEqual(CHARGED)
  })

  test('of a call that another process began is not charged here: nothing is run by resuming', async () => {
    const { transport, wire, balance, received } = resumable('later')
    await transport.send(call(1), { resumptionToken: 'of-another-process' })
    expect(wire.messages).toEqual([call(1)])
    wire.receive(resultOf(1))
    await settle()
    expect(received).toEqual([resultOf(1)])
    expect(balance()).toEqual({ available: 100, held: 0, spent: 0, debt: 0 })
  })

  test('can be cancelled under its new id', async () => {
    const { transport, wire, balance } = resumable()
    await transport.send(call(1), { onresumptiontoken: () => {} })
    wire.sent[0]?.options.onresumptiontoken('event-7')
    await transport.send(call(2), { resumptionToken: 'event-7' })
    void transport.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 2 } })
    expect(balance()).toEqual(CHARGED)
  })
})

describe('a call that says it resumes is charged all the same', () => {
  test('where the transport cannot resume, and would run it [L-P25]', async () => {
    const { transport, wire, balance } = seatOn()
    await transport.send(call(1), { resumptionToken: 'event-7' })
    wire.receive(resultOf(1))
    expect(balance()).toEqual(CHARGED)
  })

  test('on 2026-07-28, which has no resumption [L-P25]', async () => {
    const { transport, wire, balance } = resumable()
    await transport.send(call(1, 'search', { _meta: MODERN }), { resumptionToken: 'event-7' })
    wire.receive(resultOf(1))
    expect(balance()).toEqual(CHARGED)
  })

  test.each([undefined, '', null])('with the token %j, which is none', async (resumptionToken) => {
    const { transport, wire, balance } = resumable()
    await transport.send(call(1), { resumptionToken })
    wire.receive(resultOf(1))
    expect(balance()).toEqual(CHARGED)
  })
})
