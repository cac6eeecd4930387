import { describe, expect, test } from 'vitest'
import { FakeClock } from '../../../../src/testing/index.js'
import { InMemoryBudgetEnforcer } from '../../../../src/backends/memory/in-memory-budget-enforcer.js'
import { MemoryLedger } from '../../../../src/ledger/memory-ledger.js'
import { replay } from '../../../../src/ledger/replay.js'
import type { MoneyEntry, MoneyOp } from '../../../../src/ledger/entry.js'

/** A budget of 100, 40 of it in a child, and a ledger that fails once at an entry of the given kind. */
function setUp() {
  const clock = new FakeClock()
  const ledger = new MemoryLedger()
  let failing: MoneyOp | undefined
  const append = (entries: readonly MoneyEntry[]): void => {
    if (entries.some(({ op }) => op === failing)) {
      failing = undefined
      throw new Error('disk full')
    }
    ledger.append(entries)
  }
  const store = new InMemoryBudgetEnforcer({ clock, ledger: { append } })
  store.initialize('a', 100)
  store.transfer({ id: 't', from: 'a', to: 'c', amount: 40, create: true })
  return {
    clock,
    store,
    ledger,
    failAt: (op: MoneyOp) => (failing = op),
    hold: (id: string, budget: string, amount: number) =>
      store.hold({ id, lines: [{ budget, amount }], ttlMs: 1_000, onExpire: 'capture' }),
    matchesLedger: () => {
      for (const [budget, balance] of replay(ledger.entries())) {
        expect(store.describe(budget)).toMatchObject(balance)
      }
    },
  }
}

const CLOSE = { id: 'close-1', budget: 'c', why: 'closed' } as const

describe('when the entries of a step cannot be written', () => {
  test('an expiry is made by the next request, and so are those beside it [I4] [L-P3] [L-P18]', () => {
    const { clock, store, hold, failAt, matchesLedger } = setUp()
    for (const id of ['h1', 'h2', 'h3']) hold(id, 'a', 5)
    failAt('expire')
    clock.advance(1_000)
    expect(() => store.describe('a')).toThrow('disk full')
    expect(store.describe('a')).toMatchObject({ openHolds: 0, held: 0, spent: 15 })
    matchesLedger()
  })

  test('a close has changed nothing, and is made when it is repeated [I4] [T52]', () => {
    const { store, failAt, matchesLedger } = setUp()
    store.transfer({ id: 'u', from: 'c', to: 'd', amount: 10, create: true })
    const before = ['a', 'c', 'd'].map((budget) => store.describe(budget))
    failAt('close')
    expect(() => store.close(CLOSE)).toThrow('disk full')
    expect(['a', 'c', 'd'].map((budget) => store.describe(budget))).toEqual(before)
    expect(store.close(CLOSE)).toEqual({ kind: 'closed', returned: 40 })
    expect(store.describe('a')).toMatchObject({ available: 100, in: 140 })
    for (const budget of ['c', 'd']) expect(store.describe(budget)).toMatchObject({ state: 'closed', available: 0 })
    matchesLedger()
  })

  test.each(['release', 'close'] as const)(
    'the end of a hold on a closing budget has changed nothing, whichever entry it was: %s [I4] [L-P18]',
    (op) => {
      const { store, hold, failAt, matchesLedger } = setUp()
      hold('h', 'c', 30)
      store.close(CLOSE)
      failAt(op)
      const release = () => store.release({ id: 'r', holdId: 'h' })
      expect(release).toThrow('disk full')
      expect(store.describe('c')).toMatchObject({ state: 'closing', held: 30, available: 0, openHolds: 1 })
      expect(release()).toEqual({ kind: 'released', returned: 30 })
      expect(release()).toEqual({ kind: 'released', returned: 30 })
      expect(store.describe('c')).toMatchObject({ state: 'closed', held: 0, openHolds: 0 })
      expect(store.describe('a').available).toBe(100)
      matchesLedger()
    },
  )
})

describe('a step that changes a parent and what its child hands on', () => {
  test('counts both: debt is repaid once [I4] [T52]', () => {
    const { store, matchesLedger } = setUp()
    const lines = ['a', 'c'].map((budget) => ({ budget, amount: 30 }))
    store.hold({ id: 'both', lines, ttlMs: 1_000, onExpire: 'release' })
    store.hold({ id: 'over', lines: [{ budget: 'a', amount: 70 }], ttlMs: 1_000, onExpire: 'capture', overdraft: true })
    store.close(CLOSE)
    expect(store.describe('a')).toMatchObject({ available: 0, debt: 30 })
    store.release({ id: 'r', holdId: 'both' })
    expect(store.describe('a')).toMatchObject({ available: 30, debt: 0, held: 70 })
    expect(store.describe('c')).toMatchObject({ state: 'closed', available: 0 })
    matchesLedger()
  })
})

/** A budget of 100, and a ledger that looks at it when an entry of the given kind is written. */
function watched(op: MoneyOp, onEntry: () => void = () => {}) {
  const clock = new FakeClock()
  const ledger = new MemoryLedger()
  const seen: unknown[] = []
  const append = (entries: readonly MoneyEntry[]): void => {
    ledger.append(entries)
    if (entries[0]?.op !== op) return
    onEntry()
    seen.push(store.describe('a'))
  }
  const store: InMemoryBudgetEnforcer = new InMemoryBudgetEnforcer({ clock, ledger: { append } })
  store.initialize('a', 100)
  const hold = (id: string, onExpire: 'capture' | 'release') =>
    store.hold({ id, lines: [{ budget: 'a', amount: 10 }], ttlMs: 1_000, onExpire })
  return { clock, store, ledger, seen, hold, matches: () => replay(ledger.entries()).get('default/a') }
}

describe('a sink that looks at the store', () => {
  test.each([2, 5])('while %i holds expire together sees each of them expire once [I4] [L-P18]', (holds) => {
    const { clock, store, ledger, seen, hold, matches } = watched('expire')
    for (let i = 0; i < holds; i++) hold(`h${i}`, 'capture')
    clock.advance(1_000)
    const view = store.describe('a')
    expect(view).toMatchObject({ available: 100 - 10 * holds, held: 0, spent: 10 * holds, openHolds: 0 })
    expect(view).toMatchObject(matches() as object)
    const expired = ledger.entries({ kind: 'money' }).filter(({ op }) => op === 'expire')
    expect(new Set(expired.map(({ id }) => id)).size).toBe(holds)
    expect(expired).toHaveLength(holds)
    expect(seen).toHaveLength(holds)
  })

  test('while a hold is captured, at the end of its time, does not end it again [I4]', () => {
    const { clock, store, ledger, hold, matches } = watched('capture', () => clock.advance(1))
    hold('h', 'release')
    clock.advance(999)
    store.capture({ id: 'c', holdId: 'h', amount: 10, overage: 'cap' })
    const view = store.describe('a')
    expect(view).toMatchObject({ available: 90, held: 0, spent: 10, openHolds: 0 })
    expect(view).toMatchObject(matches() as object)
    expect(ledger.entries({ kind: 'money' }).filter(({ op }) => op === 'expire')).toEqual([])
  })
})
