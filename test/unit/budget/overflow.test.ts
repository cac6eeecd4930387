import { asyncEnforcer, settle } from 'mcp-budget/testing'
import { describe, expect, test } from 'vitest'
import { call, resultOf, seatOn } from '../../support/seat.js'

const prices = { costs: { search: { max: 50, metered: { pointer: '/n' } } } } as const
const HUGE = Number.MAX_SAFE_INTEGER

describe('a report that no balance can take, where what is beyond the hold becomes debt', () => {
  test.each([
    ['at once', 'at once', false],
    ['later', 'later', false],
    ['later, and is waited for', 'later', true],
  ] as const)('is charged as far as it was held, by a store that answers %s [T19] [I4]', async (_, store, wait) => {
    const seat = seatOn({ prices, store, budget: { overage: 'debt', awaitCapture: wait } })
    const given: unknown[] = []
    seat.events.on('delayed', (event) => given.push(event))
    for (const [id, n] of [10, HUGE].entries()) {
      await seat.transport.send(call(id))
      seat.wire.receive(resultOf(id, { n }))
      await settle()
    }
    expect(seat.balance()).toEqual({ available: 40, held: 0, spent: 60, debt: 0 })
    if (store === 'at once' || wait) expect(seat.records()[1].charge).toMatchObject({ charged: 50, end: 'captured' })
    expect(given).toEqual([])
  })

  test('is charged once when the answers get lost, and nothing is given up [T19] [I5] [I6]', async () => {
    let lose = 2
    const after = ({ verb }: { verb: string }): undefined => {
      if (verb === 'capture' && armed && lose-- > 0) throw new Error('lost')
    }
    let armed = false
    const seat = seatOn({
      prices,
      store: (memory) => asyncEnforcer(memory, { after }),
      budget: { overage: 'debt', awaitCapture: true },
    })
    const givenUp: unknown[] = []
    seat.events.on('delayed', (event) => event.givenUp && givenUp.push(event))
    await seat.transport.send(call(1))
    seat.wire.receive(resultOf(1, { n: 10 }))
    await settle()
    armed = true
    await seat.transport.send(call(2))
    seat.wire.receive(resultOf(2, { n: HUGE }))
    for (let n = 0; n < 10; n++) {
      await settle()
      seat.clock.advance(1_000)
    }
    expect(seat.balance()).toEqual({ available: 40, held: 0, spent: 60, debt: 0 })
    expect(givenUp).toEqual([])
    expect(lose).toBeLessThan(0)
  })
})
