import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bytesOf } from '../../../src/delegation/bytes.js'
import {
  decodeBinary,
  decodeToken,
  encodeBinary,
  encodeToken,
  TOKEN_PREFIX,
  type RawToken,
} from '../../../src/delegation/codec.js'
import { TOKEN_LIMITS, tokenLimits, type TokenLimits } from '../../../src/delegation/limits.js'
import vectors from '../../vectors/macaroon-v2.json' with { type: 'json' }

const limits = tokenLimits({ text: 100_000, caveats: 200, caveat: 20_000 })
const decode = (text: unknown) => decodeToken(text, { limits: TOKEN_LIMITS })
const fromHex = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'))

const SIGNATURE = new Uint8Array(32).fill(7)
const token = (parts: Partial<RawToken> = {}): RawToken => {
  return { location: undefined, identifier: bytesOf('id'), caveats: [], signature: SIGNATURE, ...parts }
}

describe('the binary form', () => {
  test.each(vectors.firstParty)('of $name is what libmacaroons and go-macaroon write [L-S56]', (vector) => {
    const raw: RawToken = {
      location: vector.location === undefined ? undefined : bytesOf(vector.location),
      identifier: fromHex(vector.identifierHex),
      caveats: vector.caveatsHex.map(fromHex),
      signature: fromHex(vector.signatureHex),
    }
    const binary = fromHex(Buffer.from(vector.v2BinaryBase64url, 'base64url').toString('hex'))
    expect(encodeBinary(raw)).toEqual(binary)
    expect(decodeBinary(binary, limits)).toEqual(raw)
    const text = TOKEN_PREFIX + vector.v2BinaryBase64url
    expect(encodeToken(raw)).toBe(text)
    expect(decodeToken(text, { limits })).toEqual(raw)
  })

  test('of any token reads back as that token', () => {
    const bytes = (maxLength: number, minLength = 0) => fc.uint8Array({ minLength, maxLength })
    const any = fc.record({
      location: fc.option(bytes(200, 1), { nil: undefined }),
      identifier: bytes(256),
      caveats: fc.array(bytes(300), { maxLength: 12 }),
      signature: bytes(32, 32),
    })
    fc.assert(
      fc.property(any, (raw) => {
        expect(decodeToken(encodeToken(raw), { limits })).toEqual(raw)
      }),
    )
  })

  test('of any other bytes is refused, or reads back as those bytes [T05, I21]', () => {
    const piece = fc.constantFrom<number[]>([0], [1], [2], [6], [32], [128], [1, 1, 65], [2, 1, 66], [2, 1, 66, 0])
    const bytes = fc.array(fc.oneof(piece, fc.uint8Array({ maxLength: 3 }).map(Array.from<number>)))
    fc.assert(
      fc.property(bytes, fc.boolean(), (pieces, signed) => {
        const end = signed ? [0, 6, 32, ...SIGNATURE] : []
        const binary = Uint8Array.from([2, ...pieces.flat(), ...end])
        const read = decodeBinary(binary, limits)
        if (read !== undefined) expect(encodeBinary(read)).toEqual(binary)
      }),
      { numRuns: 5_000 },
    )
  })
})

describe('a text that is no token of ours', () => {
  const binary = (...bytes: ReadonlyArray<number | Uint8Array>): string => {
    const flat = bytes.flatMap((each) => (typeof each === 'number' ? [each] : [...each]))
    return TOKEN_PREFIX + Buffer.from(flat).toString('base64url')
  }
  const good = encodeToken(token({ caveats: [bytesOf('a=1')] }))
  const bare = good.slice(TOKEN_PREFIX.length)

  test('is built from one that is', () => {
    expect(decode(good)).toEqual(token({ caveats: [bytesOf('a=1')] }))
    expect(binary(2, 2, 2, 105, 100, 0, 0, 6, 32, SIGNATURE)).toBe(encodeToken(token()))
  })

  test.each([
    ['a number', 5],
    ['nothing', undefined],
    ['an empty text', ''],
    ['a prefix alone', TOKEN_PREFIX],
    ['one without prefix', bare],
    ['one with another prefix', `MCPB_${bare}`],
    ['one with padding', `${good}==`],
    ['one with a space', `${good} `],
    ['one of base64', TOKEN_PREFIX + Buffer.from(bare, 'base64url').toString('base64')],
    ['JSON', JSON.stringify({ v: 2, i: 'id', c: [{ i: 'a=1' }], s64: Buffer.from(SIGNATURE).toString('base64url') })],
    ['JSON in base64url', TOKEN_PREFIX + Buffer.from('{"v":2,"i":"id"}').toString('base64url')],
    ['another version', binary(1, 2, 2, 105, 100, 0, 0, 6, 32, SIGNATURE)],
    ['no identifier', binary(2, 0, 0, 6, 32, SIGNATURE)],
    ['two identifiers', binary(2, 2, 1, 105, 2, 1, 105, 0, 0, 6, 32, SIGNATURE)],
    ['a location behind the identifier', binary(2, 2, 2, 105, 100, 1, 1, 108, 0, 0, 6, 32, SIGNATURE)],
    ['a location that is empty', binary(2, 1, 0, 2, 2, 105, 100, 0, 0, 6, 32, SIGNATURE)],
    ['a location that is cut off, behind which there is a token', binary(2, 1, 99, 2, 1, 105, 0, 0, 6, 32, SIGNATURE)],
    ['a length in more groups than it needs [T05]', binary(2, 2, 130, 0, 105, 100, 0, 0, 6, 32, SIGNATURE)],
    ['a length without end', binary(2, 2, 255, 255, 255, 255, 255, 255, 1, 0, 0, 6, 32, SIGNATURE)],
    ['a length beyond its end', binary(2, 2, 100, 105, 100, 0, 0, 6, 32, SIGNATURE)],
    ['a caveat of a third party', binary(2, 2, 1, 105, 0, 2, 1, 97, 4, 1, 1, 0, 0, 6, 32, SIGNATURE)],
    ['a caveat with a location', binary(2, 2, 1, 105, 0, 1, 1, 108, 2, 1, 97, 0, 0, 6, 32, SIGNATURE)],
    ['a short signature', binary(2, 2, 1, 105, 0, 0, 6, 31, SIGNATURE.slice(1))],
    ['a long signature', binary(2, 2, 1, 105, 0, 0, 6, 33, SIGNATURE, 7)],
    ['no signature', binary(2, 2, 1, 105, 0, 0)],
    ['a kind of packet that nobody knows', binary(2, 2, 1, 105, 0, 0, 7, 32, SIGNATURE)],
    ['something behind its end', binary(2, 2, 1, 105, 0, 0, 6, 32, SIGNATURE, 0)],
  ])('is %s', (_, text) => {
    expect(decode(text)).toBeUndefined()
  })
})

describe('the options', () => {
  test('allow a text without prefix where they say so', () => {
    const text = encodeToken(token())
    const bare = text.slice(TOKEN_PREFIX.length)
    expect(decodeToken(bare, { limits: TOKEN_LIMITS, bare: true })).toEqual(token())
    expect(decodeToken(text, { limits: TOKEN_LIMITS, bare: true })).toEqual(token())
  })

  test('refuse a location where they are strict', () => {
    const located = encodeToken(token({ location: bytesOf('here') }))
    expect(decode(located)).toEqual(token({ location: bytesOf('here') }))
    expect(decodeToken(located, { limits: TOKEN_LIMITS, strictLocation: true })).toBeUndefined()
    expect(decodeToken(encodeToken(token()), { limits: TOKEN_LIMITS, strictLocation: true })).toEqual(token())
  })

  test.each([
    ['the identifier', { identifier: new Uint8Array(256) }, { identifier: new Uint8Array(257) }],
    ['the location', { location: new Uint8Array(256) }, { location: new Uint8Array(257) }],
    ['a caveat', { caveats: [new Uint8Array(1_024)] }, { caveats: [new Uint8Array(1_025)] }],
    ['the caveats', { caveats: Array(32).fill(bytesOf('a')) }, { caveats: Array(33).fill(bytesOf('a')) }],
    ['the text', { caveats: Array(6).fill(new Uint8Array(1_000)) }, { caveats: Array(7).fill(new Uint8Array(1_000)) }],
  ])('bound %s [T06]', (_, within, beyond) => {
    expect(decode(encodeToken(token(within)))).toEqual(token(within))
    expect(decode(encodeToken(token(beyond)))).toBeUndefined()
    expect(decodeToken(encodeToken(token(beyond)), { limits: tokenLimits(RAISED) })).toEqual(token(beyond))
  })

  const RAISED = { text: 100_000, caveats: 100, caveat: 2_000, identifier: 300 }

  test.each([
    ['a limit of 0', { caveats: 0 }],
    ['a limit that is no integer', { text: 1.5 }],
    ['a limit beyond reason', { text: 2 ** 30 }],
    ['a limit that there is not', { bytes: 1 }],
  ])('refuse %s', (_, given) => {
    expect(() => tokenLimits(given as Partial<TokenLimits>)).toThrow(
      expect.objectContaining({ code: 'invalid_config' }),
    )
  })
})
