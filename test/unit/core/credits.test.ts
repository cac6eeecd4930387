import fc from 'fast-check'
import { decimalToCredits, InMemoryBudgetEnforcer, isCredits, MAX_CREDITS } from 'mcp-budget'
import { describe, expect, test } from 'vitest'
import { assertCredits, basisPoints } from '../../../src/core/credits.js'

/** All that is no amount, though a careless comparison may take it for one. */
const NO_AMOUNTS: ReadonlyArray<readonly [string, unknown]> = [
  ['a negative number', -1],
  ['a fraction', 0.5],
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['what JSON.parse makes of 1e309', JSON.parse('1e309')],
  ['2^53', 2 ** 53],
  ['-2^53', -(2 ** 53)],
  ['a text of digits', '5'],
  ['a bigint', 5n],
  ['a boolean', true],
  ['null', null],
  ['undefined', undefined],
  ['an array of one', [5]],
  ['an object with a value', { valueOf: () => 5 }],
]

describe('an amount', () => {
  test.each(NO_AMOUNTS)('is not %s [T18, L-S17, L-S18]', (_, value) => {
    expect(isCredits(value)).toBe(false)
    expect(() => assertCredits(value, 'cost')).toThrow(
      /Expected `cost` to be an integer from 0 to 9007199254740991, got/,
    )
  })

  test.each([0, -0, 1, 2 ** 31, MAX_CREDITS])('is %s', (value) => {
    expect(isCredits(value)).toBe(true)
  })

  test('that is none is named in the error without what an object carries', () => {
    expect(() => assertCredits({ secret: 'x' }, 'cost')).toThrow('got an object')
    expect(() => assertCredits('x'.repeat(100), 'cost')).toThrow('got a string of 100 characters')
  })
})

describe('basis points', () => {
  test('are exact, and rounded up, over the whole range [L-S23, T19]', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.integer({ min: 0, max: 10_000 }), (amount, bps) => {
        const exact = (BigInt(amount) * BigInt(bps) + 9_999n) / 10_000n
        expect(basisPoints(amount, bps)).toBe(Number(exact))
        expect(basisPoints(amount, bps)).toBeLessThanOrEqual(amount)
      }),
    )
  })

  test('of an amount finer than the unit are not lost [L-S23]', () => {
    expect(basisPoints(1, 1)).toBe(1)
    expect(basisPoints(0, 9_999)).toBe(0)
  })
})

describe('a decimal in a larger unit', () => {
  test('becomes credits, exactly, and rounded up [L-S23, L-P11, L-S17]', () => {
    expect(decimalToCredits('0.0071', 1_000)).toBe(8)
    expect(decimalToCredits('0.30000000000000001', 1)).toBe(1)
    expect(decimalToCredits(0.1 + 0.2, 100)).toBe(31)
    expect(decimalToCredits('0.3', 100)).toBe(30)
    expect(decimalToCredits('1e-7', 10_000_000)).toBe(1)
    expect(decimalToCredits('2.5e2', 4)).toBe(1_000)
    expect(decimalToCredits(0, 1_000)).toBe(0)
    expect(decimalToCredits('9007199254740991', 1)).toBe(MAX_CREDITS)
    expect(decimalToCredits('9007199254.7409905', 1_000_000)).toBe(MAX_CREDITS)
  })

  test('agrees with exact arithmetic for every number of digits [L-S23]', () => {
    fc.assert(
      fc.property(
        fc.bigInt(0n, 10n ** 12n),
        fc.integer({ min: 0, max: 12 }),
        fc.integer({ min: 1, max: 1_000 }),
        (digits, places, perUnit) => {
          const text = digits.toString().padStart(places + 1, '0')
          const decimal = places === 0 ? text : `${text.slice(0, -places)}.${text.slice(-places)}`
          const divisor = 10n ** BigInt(places)
          const exact = (digits * BigInt(perUnit) + divisor - 1n) / divisor
          expect(decimalToCredits(decimal, perUnit)).toBe(Number(exact))
        },
      ),
    )
  })

  test.each([
    '-1',
    '',
    ' 1',
    '1 ',
    '1,5',
    '0x10',
    '1e999',
    '1e309',
    'NaN',
    'Infinity',
    '1_000',
    '.5',
    '5.',
    '9007199254740992',
    '9'.repeat(31),
    -1,
    Number.NaN,
    Infinity,
    1e300,
    5n,
    true,
    null,
    undefined,
    ['1', '2'],
    {},
  ])('is none where it is %s [T18, T26]', (value) => {
    expect(decimalToCredits(value, 1)).toBeUndefined()
  })

  test('is read in bounded time, whatever its length or exponent [I21, T22]', () => {
    for (const text of ['9'.repeat(1e6), `1e-${'9'.repeat(1e5)}`, `0.${'0'.repeat(1e6)}1`, '1e999', '1e-999']) {
      const started = performance.now()
      decimalToCredits(text, MAX_CREDITS)
      expect(performance.now() - started).toBeLessThan(250)
    }
  })
})

describe('the store', () => {
  const entries: ReadonlyArray<readonly [string, (store: InMemoryBudgetEnforcer, amount: never) => unknown]> = [
    ['initialize', (store, credits) => store.initialize('b', credits)],
    ['check', (store, cost) => store.check('a', cost)],
    ['spend', (store, cost) => store.spend({ chargeId: 's', budget: 'a', tool: 't', cost })],
    ['hold', (store, amount) => store.hold(holdOf(amount))],
    ['capture', (store, amount) => store.capture({ id: 'c', holdId: 'open', amount, overage: 'debt' })],
    ['grant', (store, amount) => store.grant({ id: 'g', budget: 'a', amount })],
    ['transfer', (store, amount) => store.transfer({ id: 't', from: 'a', to: 'b', amount, create: true })],
  ]
  const holdOf = (amount: number) => ({
    id: 'h',
    lines: [{ budget: 'a', amount }],
    ttlMs: 1_000,
    onExpire: 'release' as const,
  })

  test.each(entries)('refuses what is no amount at %s, and changes nothing [T18, I2]', (_, call) => {
    for (const [, amount] of NO_AMOUNTS) {
      const store = new InMemoryBudgetEnforcer()
      store.initialize('a', 10)
      store.hold({ ...holdOf(4), id: 'open' })
      const before = store.describe('a')
      expect(() => call(store, amount as never)).toThrow(/integer from 0 to/)
      expect(store.describe('a')).toEqual(before)
    }
  })

  test('refuses what would leave 2^53-1, and changes nothing [T19]', () => {
    const store = new InMemoryBudgetEnforcer()
    store.initialize('a', MAX_CREDITS - 1)
    expect(store.grant({ id: 'g1', budget: 'a', amount: 2 })).toMatchObject({ kind: 'refused', reason: 'overflow' })
    expect(store.describe('a')).toMatchObject({ available: MAX_CREDITS - 1, in: MAX_CREDITS - 1 })
    expect(store.grant({ id: 'g2', budget: 'a', amount: 1 })).toMatchObject({ kind: 'moved', remaining: MAX_CREDITS })
  })

  test('adds up ten thousand charges to the credit [L-P11]', () => {
    const store = new InMemoryBudgetEnforcer()
    store.initialize('a', 300_000)
    for (let i = 0; i < 10_000; i++) store.spend({ chargeId: `c${i}`, budget: 'a', tool: 't', cost: (i % 3) * 10 + 1 })
    expect(store.describe('a')).toMatchObject({ spent: 109_990, available: 190_010 })
  })
})
