import { describe, expect, test } from 'vitest'
import { countOf, LocalHolds } from '../../../src/leases/local-holds.js'
import { Detour, type LocalHold } from '../../../src/leases/local-hold.js'
import { Slice } from '../../../src/leases/slice.js'
import type { Wallet } from '../../../src/leases/wallet.js'

const SLICE = new Slice('lease', 1_000, { steady: 0, wall: 0 }, 30_000)
const WALLET = { remaining: 0, nothing: SLICE } as unknown as Wallet
const TERMS = { lines: [{ budget: 'b', amount: 1 }], ttlMs: 60_000, onExpire: 'capture' } as const

const id = (count: number, process = 'own'): string => `mh8k2f5a-${process}-${count.toString(36)}`

/** As many times fewer than in earnest. */
const SMALLER = 128
const SMALL = { holds: 100_000 / SMALLER, firstPlaces: 8, mostPlaces: 262_144 / SMALLER }

function setUp(bounds?: typeof SMALL) {
  const holds = new LocalHolds(bounds)
  const open = (name: string, now = 0): LocalHold => {
    holds.add({ ...TERMS, id: name }, countOf(name), WALLET, SLICE, now)
    return holds.find(name) as LocalHold
  }
  const end = (hold: LocalHold): void => {
    holds.close(hold)
    hold.captured({ id: `${hold.id}.c`, holdId: hold.id, amount: 1, overage: 'cap' }, 1, false)
  }
  const place = (name: string, now = 0): void => end(open(name, now))
  return { holds, open, end, place }
}

describe('the number of an id', () => {
  test.each([
    ['mh8k2f5a-0x3k-0', 0],
    ['mh8k2f5a-0x3k-zz', 1_295],
    ['mh8k2f5a-0x3k-zzzzzzzzz', 36 ** 9 - 1],
    ['mh8k2f5a-0x3k-1000000000', -1],
    ['mh8k2f5a-0x3k-', -1],
    ['mh8k2f5a-0x3k-A', -1],
    ['mh8k2f5a-0x3k-1.r', -1],
    ['mh8k2f5a-0x3k-1_', -1],
    ['mh8k2f5a-0x3k-1{', -1],
    ['12', -1],
    ['', -1],
    [undefined as unknown as string, -1],
  ])('of %j is %d', (text, count) => expect(countOf(text)).toBe(count))
})

describe('what a process remembers', () => {
  test.each([
    ['in order', (n: number) => id(n)],
    ['with gaps', (n: number) => id(n * 3)],
    ['in falling order', (n: number) => id(1_000_000 - n)],
    ['of two processes that count alike', (n: number) => id(n >> 1, n % 2 === 0 ? 'own' : 'other')],
    ['of a process far ahead', (n: number) => id(n % 2 === 0 ? n : n + 1_024 * n, n % 2 === 0 ? 'own' : 'other')],
    ['all in one place', (n: number) => id(n * SMALL.mostPlaces)],
    ['without a number', (n: number) => `call_${n}`],
  ])('are the holds that ended last, whatever their ids are: %s [I5] [L-P23]', (_, name) => {
    const { holds, place } = setUp(SMALL)
    const all = 10 * SMALL.holds
    for (let n = 0; n < all; n++) {
      place(name(n))
      const oldest = Math.max(0, Math.ceil(n + 1 - SMALL.holds))
      for (const m of [oldest, (oldest + n) >> 1]) if (holds.find(name(m))?.id !== name(m)) expect.unreachable(name(m))
    }
  })

  test('are 100,000 of them, and never more than the ring has places [I5] [L-P23]', () => {
    const { holds, place } = setUp()
    const all = 200_000
    for (let n = 0; n < all; n++) place(id(n))
    let kept = 0
    for (let n = 0; n < all; n++) if (holds.find(id(n)) !== undefined) kept++
    expect(kept).toBe(131_072)
    for (let n = all - 100_000; n < all; n++) if (holds.find(id(n)) === undefined) expect.unreachable(id(n))
  })

  test('are open holds, and those that the store has under another id, as long as they are [I1] [I4]', () => {
    const { holds, open, place, end } = setUp(SMALL)
    const kept = open(id(7))
    const renamed = open(id(8))
    holds.close(renamed)
    renamed.state = 'moved'
    renamed.detour = Object.assign(new Detour(), { storeId: 'another' })
    for (let n = 9; n < 3_000; n++) place(id(n), n)
    expect(holds.find(id(7))).toBe(kept)
    expect(holds.find(id(8))).toBe(renamed)
    expect(holds.due(60_000)).toEqual([kept])
    end(kept)
    for (let n = 3_000; n < 6_000; n++) place(id(n), 70_000)
    expect([holds.find(id(7)), holds.find(id(8))]).toEqual([undefined, undefined])
  })

  test('writes over what ended before, and leaves alone what somebody may still wait for', () => {
    const { holds, open, place, end } = setUp()
    const plain = open(id(0))
    end(plain)
    const awaited = open(id(1))
    awaited.detour = new Detour()
    end(awaited)
    const later = 600_001 + TERMS.ttlMs
    place(id(1_024), later)
    place(id(1_025), later)
    expect(holds.find(id(1_024))).toBe(plain)
    expect(holds.find(id(1_025))).not.toBe(awaited)
    expect(awaited.id).toBe(id(1))
  })

  test('are due in the order of their deadlines, and only while they are open', () => {
    const { holds, open, end } = setUp()
    const [late, soon, never, between] = [open(id(1), 300), open(id(2), 100), open(id(3), 9_000), open(id(4), 200)]
    const ended = open(id(5), 100)
    end(ended)
    expect(holds.due(60_300)).toEqual([soon, between, late])
    for (const hold of [soon, late, between]) end(hold)
    expect(holds.due(60_300)).toEqual([])
    expect(holds.due(Infinity)).toEqual([never])
  })
})
