import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bytesOf, concatBytes, equalBytes, textOf } from '../../../src/delegation/bytes.js'
import { fromBase64url, toBase64url } from '../../../src/delegation/base64url.js'

const bytes = fc.uint8Array({ maxLength: 100 })

describe('base64url', () => {
  test('is what Node writes, and reads back as the same bytes', () => {
    fc.assert(
      fc.property(bytes, (each) => {
        expect(toBase64url(each)).toBe(Buffer.from(each).toString('base64url'))
        expect(fromBase64url(toBase64url(each))).toEqual(each)
      }),
    )
  })

  test('reads no text but the one that its bytes are written as [T05]', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'AQgwBz09-_+/= \n.é\u0141') }), (text) => {
        const read = fromBase64url(text)
        if (read !== undefined) expect(toBase64url(read)).toBe(text)
      }),
      { numRuns: 5_000 },
    )
  })

  test.each([
    ['padding', 'QQ=='],
    ['the other alphabet', '+/+/'],
    ['space before', ' QUJD'],
    ['a line break behind', 'QUJD\n'],
    ['a character alone', 'QUJDQ'],
    ['bits left over', 'QR'],
    ['bits left over of two bytes', 'QUJ'],
    ['a character beyond ASCII', 'QUJ\u0141'],
  ])('does not read %s [T05]', (_, text) => {
    expect(fromBase64url(text)).toBeUndefined()
  })
})

describe('bytes', () => {
  test('become text and back without loss', () => {
    fc.assert(
      fc.property(bytes, (each) => {
        expect(bytesOf(textOf(each))).toEqual(each)
      }),
    )
    const many = Uint8Array.from({ length: 500_000 }, (_, i) => i % 256)
    expect(bytesOf(textOf(many))).toEqual(many)
  })

  test('are put together in order', () => {
    expect(concatBytes(Uint8Array.of(1), new Uint8Array(), Uint8Array.of(2, 3))).toEqual(Uint8Array.of(1, 2, 3))
  })

  test('are equal when all of them are, and never throw for another length [T36]', () => {
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        expect(equalBytes(a, Uint8Array.from(a))).toBe(true)
        expect(equalBytes(a, b)).toBe(Buffer.compare(a, b) === 0)
      }),
    )
    const one = new Uint8Array(32)
    for (let bit = 0; bit < 256; bit++) {
      const other = Uint8Array.from(one)
      other[bit >> 3] = 1 << (bit & 7)
      expect(equalBytes(one, other)).toBe(false)
    }
  })
})
