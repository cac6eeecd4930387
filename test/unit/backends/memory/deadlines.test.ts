import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Deadlines } from '../../../../src/backends/memory/deadlines.js'
import type { Timed } from '../../../../src/backends/engine/timed.js'

const START = 1_800_000_000_000

interface Item extends Timed {
  readonly name: number
}

function item(name: number, deadline: number): Item {
  return { name, deadline, slot: -1, next: undefined, previous: undefined }
}

function expiredAt(wheel: Deadlines, now: number): number[] {
  const names: number[] = []
  wheel.turn(now, (each) => names.push((each as Item).name))
  return names.toSorted((a, b) => a - b)
}

// Within a slot, within a turn of the wheel, and beyond several turns.
const span = fc.oneof(fc.nat(70), fc.nat(140_000), fc.nat(2_000_000))

type Step = ['add', number] | ['remove', number] | ['turn', number] | ['extend', number, number]

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constant('add' as const), span) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('remove' as const), fc.nat(30)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('extend' as const), fc.nat(30), span) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('turn' as const), span) },
)

describe('Deadlines', () => {
  test('give out exactly what a sorted list would, whatever comes between [T30]', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: 'max' }), fc.nat(200), (steps, offset) => {
        let now = START + offset
        const wheel = new Deadlines(now)
        const all: Item[] = []
        const naive = new Set<Item>()
        for (const [what, n, ms = 0] of steps) {
          if (what === 'add') {
            const added = item(all.length, now + n)
            all.push(added)
            naive.add(added)
            wheel.add(added)
          } else if (what === 'turn') {
            now += n
            const due = [...naive].filter(({ deadline }) => deadline <= now)
            expect(expiredAt(wheel, now)).toEqual(due.map(({ name }) => name))
            for (const each of due) naive.delete(each)
          } else {
            const target = all[n % Math.max(1, all.length)]
            if (target === undefined) continue
            wheel.remove(target)
            if (what === 'extend' && naive.has(target)) {
              target.deadline += ms
              wheel.add(target)
            } else naive.delete(target)
          }
          expect(wheel.size).toBe(naive.size)
        }
      }),
      { numRuns: 500 },
    )
  })

  test('are met to the millisecond, within a slot and across its border', () => {
    for (const deadline of [START + 1, START + 63, START + 64, START + 65, START + 131_071, START + 131_072]) {
      const wheel = new Deadlines(START)
      wheel.add(item(1, deadline))
      expect(expiredAt(wheel, deadline - 1)).toEqual([])
      expect(expiredAt(wheel, deadline)).toEqual([1])
      expect(expiredAt(wheel, deadline)).toEqual([])
    }
  })

  test('that are past when they are added are met at the next turn', () => {
    const wheel = new Deadlines(START)
    wheel.turn(START + 500_000, () => {})
    wheel.add(item(1, START))
    expect(expiredAt(wheel, START + 500_000)).toEqual([1])
  })

  test('that lie a whole turn ahead are not met with those of their slot', () => {
    const wheel = new Deadlines(START)
    wheel.add(item(1, START + 10))
    wheel.add(item(2, START + 10 + 131_072))
    wheel.add(item(3, START + 10 + 2 * 131_072))
    expect(expiredAt(wheel, START + 10)).toEqual([1])
    expect(expiredAt(wheel, START + 10 + 131_072)).toEqual([2])
    expect(expiredAt(wheel, START + 10 + 2 * 131_072)).toEqual([3])
  })

  test('are all met by one jump over several turns', () => {
    const wheel = new Deadlines(START)
    const far = Array.from({ length: 5_000 }, (_, n) => item(n, START + n * 97))
    for (const each of far) wheel.add(each)
    expect(expiredAt(wheel, START + 30 * 86_400_000)).toHaveLength(5_000)
    expect(wheel.size).toBe(0)
  })

  test('are not met when time goes back', () => {
    const wheel = new Deadlines(START)
    wheel.add(item(1, START + 1_000))
    expect(expiredAt(wheel, START - 86_400_000)).toEqual([])
    expect(expiredAt(wheel, START + 1_000)).toEqual([1])
  })

  test('that were removed are never met, and may be removed again', () => {
    const wheel = new Deadlines(START)
    const [a, b, c] = [item(1, START + 5), item(2, START + 5), item(3, START + 5)]
    for (const each of [a, b, c]) wheel.add(each)
    wheel.remove(b)
    wheel.remove(b)
    expect(wheel.size).toBe(2)
    expect(expiredAt(wheel, START + 5)).toEqual([1, 3])
    wheel.remove(a)
    expect(wheel.size).toBe(0)
  })

  test('may be set anew by whoever is told', () => {
    const wheel = new Deadlines(START)
    const again = item(1, START + 10)
    wheel.add(again)
    const met: number[] = []
    const renew = (): void => {
      met.push(again.deadline)
      again.deadline += 100
      wheel.add(again)
    }
    wheel.turn(START + 10, renew)
    wheel.turn(START + 110, renew)
    expect(met).toEqual([START + 10, START + 110])
    expect(wheel.size).toBe(1)
  })

  test('whose expiry throws stay due, as do the others, in their slot and in later ones [I4] [L-P3]', () => {
    const wheel = new Deadlines(START)
    for (const [name, ms] of [5, 6, 7, 500, 900_000].entries()) wheel.add(item(name, START + ms))
    const met: number[] = []
    const failing = (each: Timed): void => {
      if (met.length === 1) throw new Error('disk full')
      met.push((each as Item).name)
    }
    for (let again = 0; again < 2; again++) {
      expect(() => {
        wheel.turn(START + 1_000, failing)
      }).toThrow('disk full')
      expect(wheel.size).toBe(4)
    }
    met.push(...expiredAt(wheel, START + 1_000))
    expect(met.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3])
    expect(expiredAt(wheel, START + 900_000)).toEqual([4])
  })
})
