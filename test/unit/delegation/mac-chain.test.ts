import { createHash } from 'node:crypto'
import { describe, expect, test, vi } from 'vitest'
import { bytesOf } from '../../../src/delegation/bytes.js'
import { chainKey, macChain, prefixId, shortId } from '../../../src/delegation/mac-chain.js'
import { crypto } from '../../../src/core/crypto/node.js'
import { crypto as web } from '../../../src/core/crypto/web.js'
import vectors from '../../vectors/macaroon-v2.json' with { type: 'json' }

const fromHex = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'))
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

describe('the chain of MACs', () => {
  test.each(vectors.firstParty)('of $name has the signatures of all prefixes [L-S56]', (vector) => {
    const key = chainKey(fromHex(vector.rootKeyHex)) as Uint8Array
    const messages = [vector.identifierHex, ...vector.caveatsHex].map(fromHex)
    const signatures = macChain(key, messages) as readonly Uint8Array[]
    expect(signatures.map(hex)).toEqual(vector.prefixSignaturesHex)
    expect(hex(signatures.at(-1)!)).toBe(vector.signatureHex)
  })

  test.each(vectors.firstParty)('of $name is the same with WebCrypto, later', async (vector) => {
    using _hmac = vi.spyOn(crypto, 'hmacSha256').mockImplementation((key, data) => web.hmacSha256(key, data))
    const messages = [vector.identifierHex, ...vector.caveatsHex].map(fromHex)
    const signatures = macChain(await chainKey(fromHex(vector.rootKeyHex)), messages)
    expect(signatures).toBeInstanceOf(Promise)
    expect((await signatures).map(hex)).toEqual(vector.prefixSignaturesHex)
  })

  test('goes on from a prefix as from the beginning', () => {
    const messages = Array.from({ length: 101 }, (_, i) => bytesOf(`caveat ${i}`))
    const whole = macChain(bytesOf('key'), messages) as readonly Uint8Array[]
    expect(whole).toHaveLength(101)
    for (const known of [1, 50, 100]) {
      const rest = macChain(whole[known - 1]!, messages.slice(known)) as readonly Uint8Array[]
      expect([...whole.slice(0, known), ...rest]).toEqual(whole)
    }
  })
})

describe('the id of a prefix', () => {
  const signature = new Uint8Array(32).fill(9)

  test('is a hash over the identifier with its length, and the signature', () => {
    const bytes = Buffer.concat([Buffer.from('tid1\0\x02id'), signature])
    expect(prefixId(bytesOf('id'), signature)).toBe(createHash('sha256').update(bytes).digest('base64url'))
    const long = Buffer.concat([Buffer.from('tid1\0\xc8\x01', 'latin1'), Buffer.alloc(200, 'x'), signature])
    expect(prefixId(bytesOf('x'.repeat(200)), signature)).toBe(createHash('sha256').update(long).digest('base64url'))
  })

  test('is of 43 characters, of which people see twelve', () => {
    const id = prefixId(bytesOf('id'), signature) as string
    expect(id).toMatch(/^[\w-]{43}$/)
    expect(shortId(id)).toBe(id.slice(0, 12))
  })

  test('tells apart what a concatenation would not [T38]', () => {
    const ids = [prefixId(bytesOf('a'), bytesOf('bc')), prefixId(bytesOf('ab'), bytesOf('c'))]
    expect(new Set(ids).size).toBe(2)
  })
})
