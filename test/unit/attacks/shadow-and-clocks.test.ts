import { settle } from 'mcp-budget/testing'
import { expect, test } from 'vitest'
import { call, MODERN, resultOf, seatOn } from '../../support/seat.js'

const CANCEL = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } }
const slow = async () => {
  await new Promise((resolve) => setImmediate(resolve))
  return 5
}

// Why: shadow mode lets every call through. With a price that takes a turn, a cancellation overtakes the call, and the
// call is dropped: the server never sees it.
test.each(['client', 'server'] as const)('shadow, %s: a call whose price takes a turn is not dropped', async (side) => {
  const seat = seatOn({ budget: { mode: 'shadow' }, prices: { defaultCost: slow, enforce: false } })
  const passed = () => (side === 'client' ? seat.wire.messages : seat.received).map(({ method }) => method)
  for (const message of [call(1), CANCEL])
    if (side === 'client') void seat.transport.send(message)
    else seat.wire.receive(message)
  await settle()
  expect(passed()).toEqual(['tools/call', 'notifications/cancelled'])
})

// Why: the gate of a canary: shadow mode refuses the 10,001st call that waits.
test('shadow: more than 10,000 calls may be pending', () => {
  const seat = seatOn({ budget: { mode: 'shadow' } })
  for (let id = 0; id < 10_001; id++) seat.wire.receive(call(id))
  expect(seat.received.length).toBe(10_001)
})

// Why: off Node the digest takes a turn, and in shadow mode a round is overtaken by what came after it.
test('shadow, where digests come by promise: messages keep their order', async () => {
  const { getBuiltinModule } = process
  Object.assign(process, { getBuiltinModule: undefined })
  try {
    const seat = seatOn({ budget: { mode: 'shadow' } })
    seat.wire.receive(call(1, 'book', { _meta: MODERN }))
    await seat.transport.send(resultOf(1, { resultType: 'input_required', requestState: 's' }))
    await settle()
    await new Promise((resolve) => setTimeout(resolve, 20))
    seat.wire.receive(call(2, 'book', { _meta: MODERN, requestState: 's' }))
    seat.wire.receive({ jsonrpc: '2.0', id: 3, method: 'ping' })
    await settle()
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(seat.received.map(({ id }) => id)).toEqual([1, 2, 3])
  } finally {
    Object.assign(process, { getBuiltinModule })
  }
})
