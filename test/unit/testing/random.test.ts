import { describe, expect, test } from 'vitest'
import { Random } from '../../../src/testing/random.js'

const draw = (seed: number, count: number): number[] => {
  const random = new Random(seed)
  return Array.from({ length: count }, () => random.next())
}

describe('Random', () => {
  test('gives the same numbers for the same seed on every machine', () => {
    const random = new Random(1)
    expect(Array.from({ length: 6 }, () => random.int(1_000))).toEqual([29, 346, 37, 573, 445, 148])
  })

  test('gives other numbers for the seeds beside it', () => {
    const firsts = Array.from({ length: 1_000 }, (_, seed) => draw(seed, 3).join())
    expect(new Set(firsts).size).toBe(1_000)
  })

  test('is about evenly spread, from 0 up to but not 1', () => {
    for (const seed of [0, 1, 2 ** 31, -5]) {
      const numbers = draw(seed, 20_000)
      expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0)
      expect(Math.max(...numbers)).toBeLessThan(1)
      const tenths = Array.from({ length: 10 }, (_, i) => numbers.filter((n) => Math.floor(n * 10) === i).length)
      for (const count of tenths) expect(Math.abs(count - 2_000)).toBeLessThan(250)
    }
  })

  test('is about evenly spread in its first number over the seeds', () => {
    const tenths = new Array<number>(10).fill(0)
    for (let seed = 0; seed < 10_000; seed++) tenths[new Random(seed).int(10)]!++
    for (const count of tenths) expect(Math.abs(count - 1_000)).toBeLessThan(200)
  })

  test('picks every item of a list, and is true as often as asked', () => {
    const random = new Random(3)
    expect(new Set(Array.from({ length: 100 }, () => random.pick(['a', 'b', 'c']))).size).toBe(3)
    expect(Array.from({ length: 100 }, () => random.chance(0)).some(Boolean)).toBe(false)
    expect(Array.from({ length: 100 }, () => random.chance(1)).every(Boolean)).toBe(true)
  })
})
