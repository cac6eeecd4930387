import { expect, test } from 'vitest'
import { InMemoryBudgetEnforcer } from 'mcp-budget'
import { FakeClock } from 'mcp-budget/testing'
import { LeasedEnforcer, type LeaseJournal } from 'mcp-budget/leases'
import { mintChargeId } from '../../../src/core/ids.js'

const BUDGET = 'default/main'

/** A process whose journal throws, or rejects, as it is told to. */
async function setUp() {
  const clock = new FakeClock()
  const store = new InMemoryBudgetEnforcer({ clock })
  store.initialize(BUDGET, 10_000)
  const disk: { fails: 'no' | 'throws' | 'rejects'; tries: number; forgets: number } = {
    fails: 'no',
    tries: 0,
    forgets: 0,
  }
  const claim = (): undefined | Promise<void> => {
    disk.tries++
    if (disk.fails === 'throws') throw new Error('disk full')
    return disk.fails === 'rejects' ? Promise.reject(new Error('disk full')) : undefined
  }
  const forget = (): undefined | Promise<void> => {
    disk.forgets++
    if (disk.fails === 'throws') throw new Error('disk gone')
    return disk.fails === 'rejects' ? Promise.reject(new Error('disk gone')) : undefined
  }
  const journal: LeaseJournal = { before: new Map(), claim, forget, close() {} }
  const enforcer = await LeasedEnforcer.open({ store, clock, journal })
  const hold = (amount: number): string => {
    const id = mintChargeId(clock.now())
    const held = { id, lines: [{ budget: BUDGET, amount }], ttlMs: 20_000, onExpire: 'capture' } as const
    expect(enforcer.hold(held)).toMatchObject({ kind: 'held' })
    return id
  }
  const capture = (holdId: string, amount: number) =>
    enforcer.capture({ id: `${holdId}.c`, holdId, amount, overage: 'debt' })
  return { clock, store, disk, enforcer, hold, capture }
}

test.each(['throws', 'rejects'] as const)(
  'a journal that %s fails no call, and what it did not note comes back with the lease [I8]',
  async (fails) => {
    const { store, disk, enforcer, hold, capture } = await setUp()
    capture(hold(1), 1)
    disk.fails = fails
    const noted = disk.tries
    let spent = 1
    for (; spent < 700; spent++) capture(hold(1), 1)
    expect(disk.tries).toBeGreaterThan(noted)
    await enforcer.shutdown()
    expect(disk.forgets).toBeGreaterThan(0)
    expect(store.describe(BUDGET)).toMatchObject({ spent, available: 10_000 - spent, held: 0, openHolds: 0 })
  },
)

test('where a journal throws, an end beyond its hold is charged once, and other holds still end in time [I3, I7]', async () => {
  const { clock, store, disk, enforcer, hold, capture } = await setUp()
  capture(hold(1), 1)
  hold(10)
  const own = hold(1)
  disk.fails = 'throws'
  expect(capture(own, 451)).toMatchObject({ kind: 'captured', charged: 451 })
  expect(capture(own, 451)).toMatchObject({ kind: 'captured', charged: 451 })
  expect(disk.tries).toBeGreaterThan(1)
  await clock.advanceAsync(25_000)
  await enforcer.shutdown()
  expect(store.describe(BUDGET)).toMatchObject({ spent: 1 + 451 + 10, held: 0, openHolds: 0 })
})
