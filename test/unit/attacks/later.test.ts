/** What comes a turn later: digests by promise, answers of the store that are lost, rounds that never come. */
import { settle } from 'mcp-budget/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { call, MODERN, resultOf, seatOn } from '../../support/seat.js'

const asks = (id: number) =>
  resultOf(id, { resultType: 'input_required', inputRequests: { n: { method: 'elicitation/create', params: {} } } })
const leg = (id: number, requestState?: string) =>
  call(id, 'book', {
    _meta: MODERN,
    ...(requestState !== undefined && { requestState, inputResponses: { n: { action: 'accept' } } }),
  })

describe('where digests come by promise, as in a worker,', () => {
  const { getBuiltinModule } = process
  beforeEach(() => void Object.assign(process, { getBuiltinModule: undefined }))
  afterEach(() => void Object.assign(process, { getBuiltinModule }))

  // Why: an unhandled rejection ends a Node process; any client does it by closing right after its second round.
  test('a connection that closes while a round is being opened leaves no unhandled rejection', async () => {
    const unhandled: unknown[] = []
    const note = (reason: unknown): void => void unhandled.push(reason)
    process.on('unhandledRejection', note)
    const seat = seatOn()
    seat.wire.receive(leg(1))
    await settle()
    await seat.transport.send(asks(1))
    await settle()
    const state = seat.wire.messages.at(-1).result.requestState
    expect(state).toMatch(/^mcpb-s1\./)
    seat.wire.receive(leg(2, state))
    await seat.transport.close()
    await settle()
    await settle()
    process.off('unhandledRejection', note)
    expect(unhandled).toEqual([])
  })
})

// Why: a refusal costs nothing and says `retryable`; who tries again pays twice, for the store has used up the round.
test('a round whose extension was made but not heard of goes on when it is brought again', async () => {
  let deaf = false
  const seat = seatOn({
    store: (memory) =>
      new Proxy(memory, {
        get(target, key) {
          const member: unknown = Reflect.get(target, key, target)
          if (typeof member !== 'function') return member
          return (...args: unknown[]): unknown => {
            const answer: unknown = Reflect.apply(member, target, args)
            if (deaf && key === 'extend') throw new Error('connection lost after the store did it')
            return answer
          }
        },
      }),
  })
  seat.wire.receive(leg(1))
  await seat.transport.send(asks(1))
  const state = seat.wire.messages.at(-1).result.requestState
  deaf = true
  seat.wire.receive(leg(2, state))
  await settle()
  expect(seat.wire.messages.at(-1)).toMatchObject({ id: 2, error: { data: { retryable: true } } })
  deaf = false
  seat.wire.receive(leg(3, state))
  await seat.transport.send(resultOf(3))
  await seat.clock.advanceAsync(1_200_000)
  expect(seat.balance()).toMatchObject({ spent: 5, held: 0 })
})

// Why: a server that is not strict runs it without a seat; in shadow mode nothing may change.
test('shadow: a tools/call without an id is handed on', async () => {
  const seat = seatOn({ budget: { mode: 'shadow' } })
  const { id: _, ...notification } = call(1)
  seat.wire.receive(notification)
  await settle()
  expect(seat.received).toEqual([notification])
})
