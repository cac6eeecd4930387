import { describe, expect, test } from 'vitest'
import { FakeClock } from '../../../../src/testing/index.js'
import { InMemoryBudgetEnforcer } from '../../../../src/backends/memory/in-memory-budget-enforcer.js'
import { MemoryLedger } from '../../../../src/ledger/memory-ledger.js'
import { mintChargeId } from '../../../../src/core/ids.js'

const lines = [{ budget: 'main', amount: 1 }]
const MILLION = 1_000_000

function open(credits: number) {
  const clock = new FakeClock()
  const store = new InMemoryBudgetEnforcer({ clock })
  store.initialize('main', credits)
  const hold = (id: string, ttlMs = 60_000) => store.hold({ id, lines, ttlMs, onExpire: 'release' })
  /** Lets the store forget a hold that ended: another process comes with the same number. */
  const forget = (id: string) => {
    clock.advance(600_001)
    const other = id.replace(/-.*-/, '-other-')
    hold(other)
    store.release({ id: 'r', holdId: other })
  }
  return { clock, store, hold, forget }
}

describe('a million open holds', () => {
  test('set no timer, and all end at their deadline [I20] [R2] [T30]', () => {
    const { clock, store, hold } = open(MILLION)
    for (let n = 0; n < MILLION; n++) hold(`hold-${n}`, 1 + (n % 3_600_000))
    expect(store.describe('main')).toMatchObject({ openHolds: MILLION, held: MILLION, available: 0 })
    expect(clock.timers).toBe(0)
    clock.advance(500_000)
    expect(store.describe('main')).toMatchObject({ openHolds: 500_000, held: 500_000 })
    clock.advance(3_600_000)
    expect(store.describe('main')).toMatchObject({ openHolds: 0, held: 0, available: MILLION })
    expect(clock.timers).toBe(0)
  }, 60_000)
})

describe('the memory of ended holds', () => {
  test.each([
    ['minted here', () => mintChargeId(1_800_000_000_000), 131_072],
    ['of others', (n: number) => `hold_${n}`, 331_072],
    ['of others that end in few numbers', (n: number) => `${n}-${n % 7}`, 200_000],
  ])(
    'keeps the last 100,000 at least, whatever their ids are, and no more than it has room for: %s [I20] [L-P8] [L-P23]',
    (_, name, most) => {
      const { store, hold } = open(10)
      const ids = Array.from({ length: 250_000 }, (_, n) => name(n))
      for (const [n, id] of ids.entries()) {
        hold(id)
        store.release({ id: `release-${n}`, holdId: id })
      }
      const isKept = ids.map((holdId) => {
        const answer = store.extend({ id: 'x', holdId, ttlMs: 1 })
        return answer.kind === 'refused' && answer.reason === 'hold_ended'
      })
      expect(isKept.lastIndexOf(false)).toBeLessThan(150_000)
      expect(isKept.filter(Boolean).length).toBeLessThanOrEqual(most)
    },
    60_000,
  )

  test('keeps an end for ten minutes, and then until another comes with the same number [L-P8] [L-P23]', () => {
    const { clock, store, hold } = open(10)
    const end = (id: string) => {
      hold(id)
      store.capture({ id: 'c', holdId: id, amount: 1, overage: 'cap' })
    }
    const reasonOf = (holdId: string) => store.extend({ id: 'x', holdId, ttlMs: 1 })
    end('first-7')
    clock.advance(600_000)
    end('second-7')
    expect(reasonOf('first-7')).toMatchObject({ reason: 'hold_ended' })
    clock.advance(1)
    end('third-7')
    expect(reasonOf('first-7')).toMatchObject({ reason: 'unknown_hold' })
    for (const id of ['second-7', 'third-7']) expect(reasonOf(id)).toMatchObject({ reason: 'hold_ended' })
  })

  test.each([
    ['minted here', () => mintChargeId(1_800_000_000_000)],
    ['of others', (n: number) => `hold_${n}`],
  ])(
    'never forgets a hold that is open, however many end: %s [L-P3]',
    (_, name) => {
      const { store, hold } = open(10)
      const long = name(-1)
      hold(long, 86_400_000)
      for (let n = 0; n < 280_000; n++) {
        const id = name(n)
        hold(id)
        store.release({ id: 'r', holdId: id })
      }
      const answer = store.capture({ id: 'c', holdId: long, amount: 1, overage: 'cap' })
      expect(answer).toEqual({ kind: 'captured', charged: 1, late: false })
    },
    60_000,
  )

  test('keeps the end of a hold that was open for long, and one whose end was seen late, from then on [I3] [L-P8]', () => {
    const { clock, store, hold } = open(10_000)
    const [long, lost] = [mintChargeId(clock.now()), mintChargeId(clock.now())]
    hold(long, 86_400_000)
    hold(lost, 1_000)
    clock.advance(3_600_000)
    const capture = (holdId: string) => store.capture({ id: `${holdId}.c`, holdId, amount: 1, overage: 'cap', lines })
    expect(capture(long)).toEqual({ kind: 'captured', charged: 1, late: false })
    for (let n = 0; n < 2_000; n++) {
      const id = mintChargeId(clock.now())
      hold(id)
      store.release({ id: 'r', holdId: id })
    }
    expect(capture(long)).toEqual({ kind: 'captured', charged: 1, late: false })
    expect(capture(lost)).toEqual({ kind: 'captured', charged: 1, late: true })
    expect(store.describe('main').spent).toBe(2)
  })

  test('keeps holds apart whose ids end in the same number [I3] [L-P3]', () => {
    const { store, hold } = open(10)
    const ids = ['a-7', 'b-7', 'c-7']
    for (const id of ids) hold(id)
    const end = (holdId: string) => store.capture({ id: `${holdId}.c`, holdId, amount: 1, overage: 'cap' })
    expect(store.release({ id: 'r', holdId: 'd-7' })).toMatchObject({ kind: 'released' })
    for (const id of [...ids, ...ids]) expect(end(id)).toEqual({ kind: 'captured', charged: 1, late: false })
    expect(hold('d-7')).toMatchObject({ reason: 'hold_ended' })
    expect(store.describe('main')).toMatchObject({ spent: 3, held: 0, openHolds: 0 })
  })

  test('is not outrun by captures that are repeated after it forgot [I3] [L-P8]', () => {
    const { clock, store, hold } = open(1_000_000)
    const first = mintChargeId(clock.now())
    const capture = { id: 'c', holdId: first, amount: 1, overage: 'cap', lines } as const
    hold(first)
    store.capture(capture)
    for (let n = 0; n < 200_000; n++) {
      const id = mintChargeId(clock.now())
      hold(id)
      store.release({ id: 'r', holdId: id })
    }
    expect(store.capture(capture)).toEqual({ kind: 'refused', reason: 'unknown_hold' })
    expect(store.describe('main').spent).toBe(1)
    clock.advance(1)
    const unseen = mintChargeId(clock.now())
    expect(store.capture({ ...capture, holdId: unseen })).toMatchObject({ kind: 'captured', late: true })
  }, 60_000)
})

describe('the low-water mark', () => {
  const late = (holdId: string) => ({ id: 'c', holdId, amount: 1, overage: 'cap', lines }) as const

  test('is the time in the id of what was forgotten, so a clock that is ahead is not charged twice [I3] [L-P8]', () => {
    const { clock, store, hold, forget } = open(10)
    const ahead = mintChargeId(clock.now() + 300_000)
    hold(ahead)
    store.capture(late(ahead))
    forget(ahead)
    expect(store.capture(late(ahead))).toEqual({ kind: 'refused', reason: 'unknown_hold' })
    expect(store.describe('main').spent).toBe(1)
  })

  test('refuses an unseen charge of a clock that went back behind it, until that clock has passed it [I3] [T53]', () => {
    const { clock, store, hold, forget } = open(10)
    const first = mintChargeId(clock.now())
    hold(first)
    store.capture(late(first))
    forget(first)
    clock.jump(-600_002)
    expect(store.capture(late(mintChargeId(clock.now())))).toEqual({ kind: 'refused', reason: 'unknown_hold' })
    clock.advance(2)
    expect(store.capture(late(mintChargeId(clock.now())))).toMatchObject({ kind: 'captured', late: true })
  })
})

describe('the clock of the store', () => {
  test('never goes back: what has expired stays expired [T53]', () => {
    const { clock, store, hold } = open(10)
    hold('h', 1_000)
    clock.advance(1_000)
    expect(store.describe('main').held).toBe(0)
    clock.jump(-86_400_000)
    expect(store.describe('main').held).toBe(0)
    expect(store.extend({ id: 'x', holdId: 'h', ttlMs: 1 })).toMatchObject({ reason: 'hold_ended' })
    hold('later', 1_000)
    expect(store.describe('main').held).toBe(1)
  })

  test('dates no entry earlier than the one before [I13] [T53]', () => {
    const clock = new FakeClock()
    const ledger = new MemoryLedger()
    const store = new InMemoryBudgetEnforcer({ clock, ledger })
    store.initialize('main', 10)
    for (const ms of [5_000, -86_400_000, 1_000, 3_600_000, -1]) {
      clock.jump(ms)
      store.hold({ id: `hold ${ms}`, lines, ttlMs: 2_000, onExpire: 'capture' })
    }
    const dates = ledger.entries({ kind: 'money' }).map((entry) => ('at' in entry ? entry.at : 0))
    expect(dates).toEqual(dates.toSorted((a, b) => a - b))
    expect(dates).toHaveLength(6)
  })
})
