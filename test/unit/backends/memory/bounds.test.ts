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
  /** Lets the store forget all that ended until now. */
  const forget = () => {
    for (const id of ['next', 'and the one after']) {
      clock.advance(600_000)
      hold(id)
      store.release({ id: 'r', holdId: id })
    }
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
  test('keeps the last 100,000 at least and 200,000 at most [I20] [L-P8] [L-P23]', () => {
    const { store, hold } = open(10)
    const released = 250_000
    for (let n = 0; n < released; n++) {
      hold(`hold-${n}`)
      store.release({ id: `release-${n}`, holdId: `hold-${n}` })
    }
    const reasonOf = (n: number): string | undefined => {
      const answer = store.extend({ id: 'x', holdId: `hold-${n}`, ttlMs: 1 })
      return answer.kind === 'refused' ? answer.reason : undefined
    }
    expect(reasonOf(0)).toBe('unknown_hold')
    expect(reasonOf(99_999)).toBe('unknown_hold')
    expect(reasonOf(100_000)).toBe('hold_ended')
    const remembered = Array.from({ length: released }, (_, n) => reasonOf(n)).filter(
      (reason) => reason === 'hold_ended',
    )
    expect(remembered).toHaveLength(150_000)
  }, 60_000)

  test('keeps an end for ten minutes at least, and not beyond twenty when others come [L-P8] [L-P23]', () => {
    const { clock, store, hold } = open(10)
    const end = (id: string) => {
      hold(id)
      store.capture({ id: 'c', holdId: id, amount: 1, overage: 'cap' })
    }
    const extend = () => store.extend({ id: 'x', holdId: 'first', ttlMs: 1 })
    end('first')
    clock.advance(600_000)
    end('second')
    clock.advance(599_999)
    end('third')
    expect(extend()).toMatchObject({ reason: 'hold_ended' })
    clock.advance(1)
    end('fourth')
    expect(extend()).toMatchObject({ reason: 'unknown_hold' })
  })

  test('never forgets a hold that is open, however many end [L-P3]', () => {
    const { store, hold } = open(10)
    hold('long', 86_400_000)
    for (let n = 0; n < 220_000; n++) {
      hold(`hold-${n}`)
      store.release({ id: 'r', holdId: `hold-${n}` })
    }
    const answer = store.capture({ id: 'c', holdId: 'long', amount: 1, overage: 'cap' })
    expect(answer).toEqual({ kind: 'captured', charged: 1, late: false })
  }, 60_000)

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
    forget()
    expect(store.capture(late(ahead))).toEqual({ kind: 'refused', reason: 'unknown_hold' })
    expect(store.describe('main').spent).toBe(1)
  })

  test('refuses an unseen charge of a clock that went back behind it, until that clock has passed it [I3] [T53]', () => {
    const { clock, store, hold, forget } = open(10)
    const first = mintChargeId(clock.now())
    hold(first)
    store.capture(late(first))
    forget()
    clock.jump(-1_200_001)
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
