import { settle } from 'mcp-budget/testing'
import { expect, test } from 'vitest'
import { call, resultOf, seatOn } from '../../support/seat.js'

// Why: an answer that is not ours is changed; a strict client (v1 EmptyResult) throws on it.
test('the answer to a ping is not changed because its id was that of a discovery that was cancelled', async () => {
  const seat = seatOn()
  seat.wire.receive({ jsonrpc: '2.0', id: 1, method: 'server/discover' })
  seat.wire.receive({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } })
  seat.wire.receive({ jsonrpc: '2.0', id: 1, method: 'ping' })
  await seat.transport.send(resultOf(1, {}))
  expect(seat.wire.messages).toEqual([resultOf(1, {})])
})

// Why: the same trick against a client: a server that may not be trusted gets a model's answer for nothing.
test('a server that asks for a sampling and for nonsense under one id pays for the sampling', async () => {
  const seat = seatOn({ seat: { governed: ['sampling/createMessage'] } })
  await seat.transport.send({ jsonrpc: '2.0', id: 0, method: 'initialize' })
  seat.wire.receive({ jsonrpc: '2.0', id: 1, method: 'sampling/createMessage', params: {} })
  seat.wire.receive({ jsonrpc: '2.0', id: 1, method: 'no/such' })
  await settle()
  expect(seat.received).toHaveLength(1)
  await seat.transport.send(resultOf(1))
  await settle()
  expect(seat.balance()).toMatchObject({ spent: 5, held: 0 })
})

// Why: a transport that calls its listener from a socket's event ends the process; without a seat nothing is thrown.
test.each(['hard', 'shadow'] as const)('a call that comes in after the close does not throw (%s)', async (mode) => {
  const seat = seatOn({ budget: { mode } })
  await seat.transport.close()
  expect(() => seat.wire.receive(call(1))).not.toThrow()
})
