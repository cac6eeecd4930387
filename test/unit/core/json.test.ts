import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalJson, copyJson, isObject, JSON_LIMITS } from '../../../src/core/json.js'

const frozen = { freeze: true }
const loose = { freeze: false }

function nested(depth: number): unknown {
  let value: unknown = 'leaf'
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? { a: value } : [value]
  return value
}

describe('a copy of JSON data', () => {
  test('is equal and shares nothing with what it was made of [L-S22]', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
        const copy = copyJson(value, loose)
        expect(JSON.stringify(copy)).toBe(JSON.stringify(value))
        if (typeof value === 'object' && value !== null) expect(copy).not.toBe(value)
      }),
    )
  })

  test('is frozen throughout where it is asked to be', () => {
    const copy = copyJson({ a: [{ b: 1 }] }, frozen)
    expect(Object.isFrozen(copy) && Object.isFrozen(copy.a) && Object.isFrozen(copy.a[0])).toBe(true)
    expect(Object.isFrozen(copyJson({ a: 1 }, loose))).toBe(false)
  })

  test('keeps __proto__ as a key, and takes nothing from prototypes [T17]', () => {
    const value = JSON.parse('{"__proto__":{"admin":true},"constructor":1}') as object
    const copy = copyJson(value, frozen)
    expect(Object.keys(copy)).toEqual(['__proto__', 'constructor'])
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype)
    expect((copy as { admin?: unknown }).admin).toBeUndefined()
  })

  test('leaves out keys without a value, as JSON does', () => {
    expect(copyJson({ a: undefined, b: 1 }, loose)).toEqual({ b: 1 })
    expect(Object.keys(copyJson({ a: undefined, b: 1 }, loose))).toEqual(['b'])
  })

  test.each([
    ['a function', { a: () => 1 }],
    ['a bigint', { a: 1n }],
    ['a symbol', { a: Symbol('x') }],
    ['NaN', { a: Number.NaN }],
    ['Infinity', [Infinity]],
    ['a date', { a: new Date(0) }],
    ['a map', new Map()],
    ['a typed array', new Uint8Array(2)],
    ['undefined alone', undefined],
  ])('is refused for %s', (_, value) => {
    const got = value instanceof Map || value instanceof Uint8Array ? 'an instance of a class' : ''
    expect(() => copyJson(value, frozen)).toThrow(`Expected arguments of JSON data, got ${got}`)
    expect(() => copyJson(value, frozen)).toThrow(expect.objectContaining({ code: 'invalid_request' }))
  })

  test.each([JSON_LIMITS.depth + 1, 5_000, 200_000])(
    'is refused at a depth of %i, without using up the stack [T21, I21]',
    (depth) => {
      expect(() => copyJson(nested(depth), frozen)).toThrow(/nesting deeper than 64/)
      expect(() => canonicalJson(nested(depth))).toThrow(/nesting deeper than 64/)
    },
  )

  test('is made at the depth that is allowed', () => {
    expect(canonicalJson(nested(JSON_LIMITS.depth))).toBe(JSON.stringify(nested(JSON_LIMITS.depth)))
  })

  test('is refused for more values than the limit, in bounded time [T21, I21]', () => {
    const wide = Array.from({ length: 1_000_000 }, (_, i) => i)
    const started = performance.now()
    expect(() => copyJson(wide, frozen)).toThrow(/more than 100000 values/)
    expect(performance.now() - started).toBeLessThan(2_000)
  })

  test('is made of as many values as the limit', () => {
    const most = Array.from({ length: JSON_LIMITS.nodes - 1 }, () => 0)
    expect(copyJson(most, loose)).toHaveLength(most.length)
    expect(() => copyJson([...most, 0], loose)).toThrow(/more than 100000 values/)
  })

  test('is refused for data that contains itself [I21]', () => {
    const ring: Record<string, unknown> = {}
    ring.self = ring
    expect(() => copyJson(ring, frozen)).toThrow(/nesting deeper than 64/)
  })

  test('runs no code of the data: what a getter gives is read once', () => {
    let reads = 0
    const value = {
      get a() {
        return ++reads
      },
    }
    expect(copyJson(value, frozen)).toEqual({ a: 1 })
  })
})

describe('canonical JSON', () => {
  test('sorts keys by UTF-16 code units and writes what RFC 8785 writes', () => {
    // The example of RFC 8785, section 3.2.2 and 3.2.3.
    const value = {
      numbers: JSON.parse('[333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001]'),
      string: '\u20ac$\u000F\u000aA\'\u0042\u0022\u005c\\"/',
      literals: [null, true, false],
    }
    expect(canonicalJson(value)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    )
    expect(canonicalJson({ '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\u{1f600}': 5, '\u0080': 6, ö: 7 })).toBe(
      '{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}',
    )
  })

  test('is the same for the same data, whatever the order of its keys [L-S12]', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const turned = Object.fromEntries(Object.entries(value).reverse())
        expect(canonicalJson(turned)).toBe(canonicalJson(value))
      }),
    )
  })

  test('sorts the keys of objects in arrays, too [L-S12]', () => {
    expect(canonicalJson({ a: [{ c: 1, b: [{ e: 1, d: 2 }] }] })).toBe('{"a":[{"b":[{"d":2,"e":1}],"c":1}]}')
  })

  test('is different for different data', () => {
    const texts = [1, '1', [1], { a: 1 }, { a: '1' }, [], {}, null, false, 0, '', 'null'].map(canonicalJson)
    expect(new Set(texts).size).toBe(texts.length)
  })
})

test.each([
  [{}, true],
  [Object.create(null), true],
  [[], false],
  [null, false],
  ['x', false],
  [undefined, false],
])('isObject(%j) is %s', (value, wanted) => {
  expect(isObject(value)).toBe(wanted)
})
