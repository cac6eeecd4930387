import { hkdfSync } from 'node:crypto'
import { inspect } from 'node:util'
import { KeyRing, type KeyRingOptions, type TenantKeys } from 'mcp-budget/delegation'
import { describe, expect, test } from 'vitest'
import { chainKey } from '../../../src/delegation/mac-chain.js'
import { hkdfSha256 } from '../../../src/delegation/key-ring.js'
import { secret } from '../../support/tokens.js'

const current = { kid: 'k2', key: secret(2) }
const retired = [{ kid: 'k1', key: secret(1), until: 5_000 }]
const root = (ring: KeyRing, kid: string, tenant: string) => (ring.keysOf(kid, tenant) as TenantKeys).root
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

describe('the keys of a tenant', () => {
  test('are derived from the master by HKDF-SHA256, and the key of the chain from them', () => {
    const ring = new KeyRing({ current })
    const wanted = Buffer.from(hkdfSync('sha256', secret(2), '', 'tenant:acme', 32))
    expect(hex(root(ring, 'k2', 'acme'))).toBe(hex(wanted))
    expect((ring.keysOf('k2', 'acme') as TenantKeys).chain).toEqual(chainKey(wanted))
  })

  test('are the same each time, and others for each tenant and each master [T37]', () => {
    const ring = new KeyRing({ current, retired })
    const [a, b] = [root(ring, 'k2', 'a'), root(ring, 'k2', 'b')]
    expect(root(ring, 'k2', 'a')).toBe(a)
    expect(new Set([a, b, root(ring, 'k1', 'a'), root(ring, 'k1', 'b')].map(hex)).size).toBe(4)
  })

  test('of a master that is not there are noise, and not kept [T39]', () => {
    const ring = new KeyRing({ current })
    expect(root(ring, 'k9', 'a')).not.toBe(root(ring, 'k9', 'a'))
    expect(hex(root(ring, 'k9', 'a'))).not.toBe(hex(root(new KeyRing({ current }), 'k9', 'a')))
  })

  test('are derived as RFC 5869 says', () => {
    for (const length of [1, 32, 64, 65, 200]) {
      const key = new Uint8Array(length).fill(length)
      expect(hex(hkdfSha256(key, 'info') as Uint8Array)).toBe(hex(Buffer.from(hkdfSync('sha256', key, '', 'info', 32))))
    }
  })
})

describe('a ring', () => {
  test('accepts tokens of its current key always, and of a retired one until its end', () => {
    const ring = new KeyRing({ current, retired })
    expect(ring.kid).toBe('k2')
    const accepted = (kid: string) => [0, 4_999, 5_000, 1e15].map((now) => ring.accepts(kid, now))
    expect(accepted('k2')).toEqual([true, true, true, true])
    expect(accepted('k1')).toEqual([true, true, false, false])
    expect(accepted('k3')).toEqual([false, false, false, false])
    expect(ring.accepts('k1', NaN)).toBe(false)
  })

  test('shows no key when it is printed', () => {
    const ring = new KeyRing({ current: { kid: 'k2', key: new Uint8Array(Buffer.from(secret(2))) } })
    ring.keysOf('k2', 'acme')
    const shown = inspect(ring, { depth: 9, showHidden: true }) + JSON.stringify(ring)
    expect(shown).not.toMatch(/Uint8Array|Buffer|\d+, \d+, \d+/)
  })

  test('keeps its keys when the bytes that it was given change', () => {
    const key = secret(2)
    const ring = new KeyRing({ current: { kid: 'k2', key } })
    key.fill(0)
    expect(hex(root(ring, 'k2', 'acme'))).toBe(hex(root(new KeyRing({ current }), 'k2', 'acme')))
  })

  test.each<[string, unknown, string]>([
    ['a key that is short', { current: { kid: 'k', key: secret().slice(1) } }, 'got 31 bytes'],
    ['no key', { current: { kid: 'k' } }, 'got none'],
    [
      'a pass phrase',
      { current: { kid: 'k', key: Buffer.from('correct horse battery staple, and more') } },
      'got text',
    ],
    ['a key that was not decoded', { current: { kid: 'k', key: Buffer.from('ab01'.repeat(16)) } }, 'got text'],
    ['a key as text', { current: { kid: 'k', key: 'x'.repeat(32) } }, 'got a string'],
    ['zeros', { current: { kid: 'k', key: new Uint8Array(32) } }, 'got bytes that repeat'],
    [
      'a pattern',
      { current: { kid: 'k', key: Uint8Array.from({ length: 64 }, (_, i) => i % 16) } },
      'got bytes that repeat',
    ],
    ['a key id with a dot', { current: { ...current, kid: 'a.b' } }, '`current.kid`'],
    ['a key id twice', { current, retired: [{ ...retired[0], kid: 'k2' }] }, '`retired[0].kid`'],
    ['a retired key without an end', { current, retired: [{ kid: 'k1', key: secret() }] }, '`retired[0].until`'],
    ['a retired key with an end that is none', { current, retired: [{ ...retired[0], until: NaN }] }, 'until'],
    ['a current key with an end', { current: retired[0] }, '`current`'],
    ['a list of retired keys that is none', { current, retired: {} }, '`retired`'],
    ['an option that there is not', { current, keys: [] }, '`options`'],
  ])('refuses %s', (_, options, said) => {
    const make = () => new KeyRing(options as KeyRingOptions)
    expect(make).toThrow(expect.objectContaining({ code: 'invalid_config' }))
    expect(make).toThrow(said)
  })

  test('refuses almost no key that is random', () => {
    for (let i = 0; i < 2_000; i++) {
      new KeyRing({ current: { kid: 'k', key: globalThis.crypto.getRandomValues(new Uint8Array(32)) } })
    }
  })
})
