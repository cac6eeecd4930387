import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import fc from 'fast-check'
import macaroon from 'macaroon'
import { attenuate, mint } from 'mcp-budget/delegation'
import { describe, expect, test, vi } from 'vitest'
import { bytesOf } from '../../../src/delegation/bytes.js'
import { chainKey, macChain } from '../../../src/delegation/mac-chain.js'
import { decodeBinary, decodeToken, encodeBinary, encodeToken } from '../../../src/delegation/codec.js'
import { sourceFiles } from '../../house/imports.js'
import { tokenLimits } from '../../../src/delegation/limits.js'
import { keys } from '../../support/tokens.js'
import vectors from '../../vectors/macaroon-v2.json' with { type: 'json' }

interface Theirs {
  identifier: Uint8Array
  signature: Uint8Array
  caveats: Array<{ identifier: Uint8Array }>
  addFirstPartyCaveat(caveat: Uint8Array): void
  exportBinary(): Uint8Array
  exportJSON(): object
  verify(key: Uint8Array, check: (caveat: string) => unknown): void
}
const theirs = macaroon as unknown as {
  newMacaroon(parts: object): Theirs
  importMacaroon(from: Uint8Array | object): Theirs
}

const limits = tokenLimits({ text: 1_000_000, caveats: 300, caveat: 20_000 })
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const fromHex = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'))

/** What the package makes: its signature after each caveat, and its binary form as our codec writes it. */
function made(rootKey: Uint8Array, identifier: Uint8Array, caveats: readonly Uint8Array[]) {
  const token = theirs.newMacaroon({ version: 2, rootKey, identifier })
  const signatures = [token.signature]
  for (const caveat of caveats) {
    token.addFirstPartyCaveat(caveat)
    signatures.push(token.signature)
  }
  return { token, signatures }
}

const ours = (rootKey: Uint8Array, identifier: Uint8Array, caveats: readonly Uint8Array[]) =>
  macChain(chainKey(rootKey) as Uint8Array, [identifier, ...caveats]) as readonly Uint8Array[]

describe('the package macaroon and our chain', () => {
  test.each(vectors.firstParty)('agree on $name [L-S56]', (vector) => {
    const parts = [fromHex(vector.rootKeyHex), fromHex(vector.identifierHex), vector.caveatsHex.map(fromHex)] as const
    const { signatures } = made(...parts)
    expect(signatures.map(hex)).toEqual(ours(...parts).map(hex))
    const binary = Uint8Array.from(Buffer.from(vector.v2BinaryBase64url, 'base64url'))
    const imported = theirs.importMacaroon(binary)
    expect(hex(imported.signature)).toBe(vector.signatureHex)
    expect(imported.caveats.map(({ identifier }) => hex(identifier))).toEqual(vector.caveatsHex)
  })

  test('agree on every token, and the package imports what our codec writes [L-S56]', () => {
    const bytes = (maxLength: number) => fc.uint8Array({ minLength: 1, maxLength })
    fc.assert(
      fc.property(bytes(80), bytes(120), fc.array(bytes(150), { maxLength: 12 }), (rootKey, identifier, caveats) => {
        const { token, signatures } = made(rootKey, identifier, caveats)
        const chain = ours(rootKey, identifier, caveats)
        expect(signatures.map(hex)).toEqual(chain.map(hex))
        const raw = { location: undefined, identifier, caveats, signature: Uint8Array.from(chain.at(-1)!) }
        const imported = theirs.importMacaroon(encodeBinary(raw))
        expect(imported.exportJSON()).toEqual(token.exportJSON())
        expect(decodeToken(encodeToken(raw), { limits })).toEqual(raw)
      }),
      { numRuns: 300 },
    )
  })

  test('agree on 100 caveats, where the limits are raised', () => {
    const caveats = Array.from({ length: 100 }, (_, i) => bytesOf(`caveat=${i}`))
    const { token, signatures } = made(bytesOf('root'), bytesOf('id'), caveats)
    const chain = ours(bytesOf('root'), bytesOf('id'), caveats)
    expect(signatures.map(hex)).toEqual(chain.map(hex))
    const raw = { location: undefined, identifier: bytesOf('id'), caveats, signature: Uint8Array.from(chain.at(-1)!) }
    const text = encodeToken(raw)
    expect(decodeToken(text, { limits })).toEqual(raw)
    expect(theirs.importMacaroon(encodeBinary(raw)).exportJSON()).toEqual(token.exportJSON())
    expect(() => token.verify(bytesOf('root'), () => null)).not.toThrow()
  })

  test('agree on the binary form, where the package can write one', () => {
    for (const caveats of [[], [bytesOf('a=1')]]) {
      const { token } = made(bytesOf('root'), bytesOf('id'), caveats)
      const binary = Uint8Array.from(token.exportBinary())
      expect(decodeBinary(binary, limits)).toMatchObject({ caveats })
      expect(encodeBinary(decodeBinary(binary, limits)!)).toEqual(binary)
    }
  })
})

describe("the package's binary export", () => {
  test('is never called [L-S54]', async () => {
    const { prototype } = made(bytesOf('root'), bytesOf('id'), []).token.constructor as { prototype: Theirs }
    using exported = vi.spyOn(prototype, 'exportBinary')
    const caveats = { max: 5, call: 1, tool: ['a'], deny: ['b'], ten: 'acme', aud: 'gw-1' }
    const text = await mint(keys, { budget: 'acme/agent-1', exp: 'never', ...caveats })
    attenuate(attenuate(text, { max: 4, calls: 9 }), { max: 3 })
    expect(exported).not.toHaveBeenCalled()
  })

  test('is named in no source but in a comment [L-S54]', () => {
    const lines = sourceFiles('src').flatMap((file) => readFileSync(`src/${file}`, 'utf8').split('\n'))
    expect(lines.filter((line) => /exportBinary/.test(line) && !/^\s*(?:\*|\/\/)/.test(line))).toEqual([])
  })

  test('belongs to the version that is pinned', () => {
    const { version } = createRequire(import.meta.url)('macaroon/package.json') as { version: string }
    expect(version).toBe('3.0.4')
  })
})
