import { FakeClock } from 'mcp-budget/testing'
import {
  attenuate,
  KeyRing,
  mint,
  TokenVerifier,
  verifyToken,
  type CaveatKind,
  type TokenVerifierOptions,
  type VerifiedToken,
} from 'mcp-budget/delegation'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { crypto } from '../../../src/core/crypto/node.js'
import { crypto as web } from '../../../src/core/crypto/web.js'
import { IDENTIFIER, keys, NONCE, secret, tokenOf } from '../../support/tokens.js'

const INVALID = { kind: 'refused', reason: 'invalid_token' }
const verifier = (options: Partial<TokenVerifierOptions> = {}) => new TokenVerifier({ keys, ...options })
const verify = (text: unknown, options: Partial<TokenVerifierOptions> = {}) => verifier(options).verify(text)

const PLAN: CaveatKind<string> = { name: 'plan', parse: (value) => value, holds: () => true }
const bitFlipped = (text: string): string => text.slice(0, -2) + (text.at(-2) === 'A' ? 'B' : 'A') + text.at(-1)!

afterEach(() => {
  vi.restoreAllMocks()
})

describe('a token', () => {
  test('that was signed with a key of the ring is verified, with what its identifier says', () => {
    expect(verify(tokenOf(['exp=2000', 'ops=call']))).toMatchObject({
      kind: 'verified',
      kid: 'k1',
      tenant: 'acme',
      budget: 'agent-1',
      issuedAt: 1_000,
      nonce: NONCE,
      tokenId: expect.stringMatching(/^[\w-]{43}$/) as string,
      caveats: [
        { text: 'exp=2000', value: 2_000 },
        { text: 'ops=call', value: ['call'] },
      ],
    })
  })

  test('that is verified shows its signature nowhere [T37]', () => {
    const text = tokenOf(['exp=2000'])
    const signature = Buffer.from(text.slice(5), 'base64url').subarray(-32)
    const shown = JSON.stringify(verify(text))
    for (const form of ['base64url', 'base64', 'hex'] as const) {
      expect(shown).not.toContain(signature.toString(form).slice(0, 20))
    }
    expect(shown).not.toContain([...signature].slice(0, 6).join(','))
  })

  test('with 100 caveats is verified, where the limits are raised', () => {
    const caveats = Array.from({ length: 100 }, (_, i) => `exp=${i}`)
    expect(verify(tokenOf(caveats))).toEqual(INVALID)
    const raised = verify(tokenOf(caveats), { limits: { caveats: 100 } }) as VerifiedToken
    expect(raised.caveats.map(({ text }) => text)).toEqual(caveats)
    expect(new Set(raised.authority.prefixIds).size).toBe(101)
  })

  test('with a location is verified as the same token, and refused where locations are [T05]', () => {
    const located = tokenOf(['exp=2000'], { location: 'https://gateway.example' })
    const plain = verify(tokenOf(['exp=2000']))
    expect(verify(located)).toEqual(plain)
    expect(verify(located, { strictLocation: true })).toEqual(INVALID)
  })

  test('without prefix is verified only where that is allowed', () => {
    const text = tokenOf([])
    const bare = text.slice('mcpb_'.length)
    const gateway = verifier()
    expect(gateway.verify(bare)).toEqual(INVALID)
    expect(gateway.verify(bare, { bare: true })).toMatchObject({ kind: 'verified' })
    expect(gateway.verify(bare)).toEqual(INVALID)
    expect(gateway.verify(text, { bare: true })).toEqual(gateway.verify(text))
  })

  test.each([
    ['unknown', 'scope=all', 'unknown_caveat'],
    ['in another case', 'EXP=2000', 'malformed_caveat'],
    ['without a value', 'exp', 'malformed_caveat'],
    ['with a value that is none', 'exp=soon', 'malformed_caveat'],
    ['of a kind of your own that nobody told it of', 'plan=gold', 'unknown_caveat'],
    ['with an expiry in words', 'expires=5m', 'unknown_caveat'],
  ])('with a caveat that is %s is refused whole [T03, L-S44, L-S45]', (_, caveat, reason) => {
    expect(verify(tokenOf(['exp=2000', caveat, 'ops=call']))).toEqual({ kind: 'refused', reason, caveat: 1 })
  })

  test('with a caveat of a kind of your own is verified where it is known', () => {
    expect(verify(tokenOf(['plan=gold']), { kinds: [PLAN] })).toMatchObject({ caveats: [{ value: 'gold' }] })
  })
})

describe('a token whose MAC is not proved', () => {
  const BAD: ReadonlyArray<readonly [string, unknown]> = [
    ['is no text', { token: tokenOf([]) }],
    ['is no token', 'mcpb_nonsense'],
    ['has no prefix', tokenOf([]).slice(5)],
    [
      'is signed with another key',
      tokenOf(['plan=gold'], { ring: new KeyRing({ current: { kid: 'k1', key: secret(9) } }) }),
    ],
    ['is signed for another tenant', tokenOf(['plan=gold'], { signer: ['k1', 'evil'] })],
    [
      'names a key that nobody has',
      tokenOf(['plan=gold'], { identifier: `b1.k9.acme.a.1.${NONCE}`, signer: ['k1', 'acme'] }),
    ],
    ['has one bit flipped', bitFlipped(tokenOf(['plan=gold']))],
    ['has an identifier of another form', tokenOf(['plan=gold'], { identifier: 'agent-1' })],
    ['has an identifier of another version', tokenOf([], { identifier: IDENTIFIER.replace('b1', 'b2') })],
    ['has an identifier with more in it', tokenOf([], { identifier: `${IDENTIFIER}.x` })],
    ['has an identifier with a line break', tokenOf([], { identifier: `${IDENTIFIER}\n` })],
    ['has an identifier with a slash', tokenOf([], { identifier: IDENTIFIER.replace('acme', 'a/b') })],
    ['was issued at no time', tokenOf([], { identifier: IDENTIFIER.replace('1000', '9999999999999999') })],
  ]

  test.each(BAD)('because it %s gets the one answer that all get [T04]', (_, text) => {
    const answer = verify(text, { kinds: [PLAN] })
    expect(JSON.stringify(answer)).toBe('{"kind":"refused","reason":"invalid_token"}')
    expect(verify(text, { remember: 0 })).toBe(answer)
  })

  test('has no caveat read or judged [T04]', () => {
    const parse = vi.fn(PLAN.parse)
    const holds = vi.fn(PLAN.holds)
    const gateway = verifier({ kinds: [{ ...PLAN, parse, holds }] })
    for (const [, text] of BAD) void gateway.verify(text)
    expect(parse).not.toHaveBeenCalled()
    void gateway.verify(tokenOf(['plan=gold']))
    expect(parse).toHaveBeenCalledExactlyOnceWith('gold')
    expect(holds).not.toHaveBeenCalled()
  })

  test('takes as many MACs with an unknown key as with a known one [T36, T04]', () => {
    const macsOf = (kid: string): number => {
      using hmac = vi.spyOn(crypto, 'hmacSha256')
      const forged = bitFlipped(
        tokenOf(['exp=2000'], { identifier: `b1.${kid}.new-${kid}.a.1.${NONCE}`, signer: ['k1', 'x'] }),
      )
      hmac.mockClear()
      void verify(forged)
      return hmac.mock.calls.length
    }
    expect(macsOf('k9')).toBe(macsOf('k1'))
  })

  test('is not remembered [T39]', () => {
    const gateway = verifier()
    for (const [, text] of BAD) void gateway.verify(text)
    void gateway.verify(tokenOf(['nonsense']))
    expect(gateway.size).toEqual({ tokens: 0, prefixes: 0 })
  })
})

describe('a token beyond the limits', () => {
  test.each<[string, () => string]>([
    ['of 8,193 characters', () => `mcpb_${'A'.repeat(8_188)}`],
    ['of 50 MB', () => `mcpb_${'A'.repeat(50_000_000)}`],
    ['of 33 caveats', () => tokenOf(Array(33).fill('exp=2000'))],
    ['with a caveat of 1,025 bytes', () => tokenOf([`aud=${'x'.repeat(1_021)}`])],
    ['with an identifier of 257 bytes', () => tokenOf([], { identifier: 'x'.repeat(257) })],
  ])('%s is refused before any MAC is computed [T06]', (_, make) => {
    const text = make()
    const gateway = verifier()
    using hmac = vi.spyOn(crypto, 'hmacSha256')
    using hash = vi.spyOn(crypto, 'sha256')
    expect(gateway.verify(text)).toEqual(INVALID)
    expect(hmac).not.toHaveBeenCalled()
    expect(hash).toHaveBeenCalledTimes(text.length > 8_192 ? 0 : 1)
  })
})

describe('keys that change', () => {
  const old = { kid: 'old', key: secret(3) }
  const clock = new FakeClock(0)
  const before = new KeyRing({ current: old })
  const after = new KeyRing({ current: { kid: 'new', key: secret(4) }, retired: [{ ...old, until: 60_000 }] })

  test('leave tokens of the old key good until its end, remembered or not', async () => {
    const token = await mint(before, { budget: 'a', exp: 'never' })
    const gateway = verifier({ keys: after, clock })
    expect(gateway.verify(token)).toMatchObject({ kind: 'verified', kid: 'old' })
    clock.advance(59_999)
    expect(gateway.verify(token)).toMatchObject({ kind: 'verified' })
    clock.advance(1)
    expect(gateway.verify(token)).toEqual(INVALID)
    expect(gateway.verify(attenuate(token, { max: 1 }))).toEqual(INVALID)
    expect(verifyToken(token, { keys: after, clock })).toEqual(INVALID)
  })

  test('mint with the new one', async () => {
    const token = await mint(after, { budget: 'a', exp: 'never' })
    expect(verify(token, { keys: after, clock })).toMatchObject({ kid: 'new' })
    expect(verify(token, { keys: before, clock })).toEqual(INVALID)
  })
})

describe('what a verifier remembers', () => {
  /** How many MACs and hashes one verification takes. */
  function workOf(gateway: TokenVerifier, text: string): readonly [macs: number, hashes: number] {
    using hmac = vi.spyOn(crypto, 'hmacSha256')
    using hash = vi.spyOn(crypto, 'sha256')
    expect(gateway.verify(text)).toMatchObject({ kind: 'verified' })
    return [hmac.mock.calls.length, hash.mock.calls.length]
  }

  test('makes a token that comes again cost one hash', () => {
    const gateway = verifier()
    const text = tokenOf(['exp=2000', 'max=5/abcdef'])
    const first = gateway.verify(text)
    expect(workOf(gateway, text)).toEqual([0, 1])
    expect(gateway.verify(text)).toBe(first)
  })

  test('makes a child of a known token cost its new caveats', () => {
    const gateway = verifier()
    const parents = ['exp=2000', 'max=5/abcdef', 'tool=*', 'ops=call']
    void gateway.verify(tokenOf(parents))
    expect(workOf(gateway, tokenOf([...parents, 'call=1', 'call=0']))).toEqual([2, 1 + 2])
    expect(workOf(gateway, tokenOf([...parents, 'call=1', 'deny=x']))).toEqual([1, 1 + 1])
    // A token that was never seen, but is part of one that was, costs no MAC at all.
    expect(workOf(gateway, tokenOf(parents.slice(0, 2)))).toEqual([0, 1])
  })

  test('changes no answer: with and without it every token gets the same [I12]', () => {
    const gateway = verifier()
    const all = ['exp=2000', 'max=5/abcdef', `budget=${NONCE}`, 'tool=a', 'nonsense', 'calls=1/abcdef']
    const texts = all.flatMap((_, from) => all.map((_, to) => tokenOf(all.slice(from, to))))
    const forged = texts.map(bitFlipped)
    for (const text of [...texts, ...forged, ...texts, ...forged]) {
      expect(gateway.verify(text)).toEqual(verifyToken(text, { keys }))
    }
  })

  test('never lets a known prefix vouch for a wrong signature', () => {
    const gateway = verifier()
    const good = tokenOf(['exp=2000'])
    void gateway.verify(good)
    expect(gateway.verify(bitFlipped(good))).toEqual(INVALID)
    // The caveat is taken away, and the signature of the child kept.
    const child = Buffer.from(good.slice(5), 'base64url')
    const parent = Buffer.from(tokenOf([]).slice(5), 'base64url')
    const mixed = Buffer.concat([parent.subarray(0, -32), child.subarray(-32)])
    expect(gateway.verify(`mcpb_${mixed.toString('base64url')}`)).toEqual(INVALID)
  })

  test('stays bounded, whatever a holder makes of a token [T39, L-P23]', () => {
    const gateway = verifier({ remember: 50 })
    for (let i = 0; i < 500; i++) {
      expect(gateway.verify(tokenOf([`max=${i}/abcdef`, 'ops=call']))).toMatchObject({ kind: 'verified' })
      expect(gateway.size.tokens).toBeLessThanOrEqual(50)
      expect(gateway.size.prefixes).toBeLessThanOrEqual(50)
    }
    for (let i = 0; i < 500; i++) {
      const identifier = IDENTIFIER.replace('agent-1', `agent-${i}`)
      void gateway.verify(tokenOf(['ops=call'], { identifier }))
      expect(gateway.size.prefixes).toBeLessThanOrEqual(50)
    }
    expect(gateway.size).toEqual({ tokens: 50, prefixes: 50 })
    // The last ones are still known.
    expect(workOf(gateway, tokenOf(['ops=call'], { identifier: IDENTIFIER.replace('agent-1', 'agent-499') }))[0]).toBe(
      0,
    )
  })

  test('is nothing where it is told so', () => {
    const gateway = verifier({ remember: 0 })
    const text = tokenOf(['exp=2000'])
    expect(workOf(gateway, text)).toEqual(workOf(gateway, text))
    expect(gateway.size).toEqual({ tokens: 0, prefixes: 0 })
  })

  test('keeps what is asked for, and lets go what is not', () => {
    const gateway = verifier({ remember: 4 })
    const [kept, ...others] = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) =>
      tokenOf([], { identifier: IDENTIFIER.replace('agent-1', name) }),
    )
    void gateway.verify(kept)
    for (const other of others) {
      void gateway.verify(other)
      expect(workOf(gateway, kept!)).toEqual([0, 1])
    }
    expect(workOf(gateway, others[0]!)[0]).toBeGreaterThan(0)
  })
})

describe('where cryptography answers later', () => {
  test('every answer is the same, by promise', async () => {
    const texts = [
      tokenOf(['exp=2000', 'max=5/abcdef']),
      tokenOf(['exp=2000', 'max=5/abcdef', 'ops=call']),
      bitFlipped(tokenOf(['exp=2000'])),
      tokenOf(['nonsense']),
      tokenOf([], { identifier: `b1.k9.acme.a.1.${NONCE}`, signer: ['k1', 'acme'] }),
    ]
    const wanted = texts.map((text) => verify(text))
    vi.spyOn(crypto, 'hmacSha256').mockImplementation((key, data) => web.hmacSha256(key, data))
    vi.spyOn(crypto, 'sha256').mockImplementation((data) => web.sha256(data))
    const gateway = verifier({ keys: new KeyRing({ current: { kid: 'k1', key: secret() } }) })
    for (const _again of [1, 2]) {
      const answers = texts.map((text) => gateway.verify(text))
      expect(answers.every((answer) => answer instanceof Promise)).toBe(true)
      expect(await Promise.all(answers)).toEqual(wanted)
    }
    const token = await mint(keys, { budget: 'acme/a', exp: 'never' })
    expect(await gateway.verify(token)).toMatchObject({ kind: 'verified', tenant: 'acme', budget: 'a' })
  })
})

describe('the options of a verifier', () => {
  test.each<[string, object]>([
    ['no keys', { keys: undefined }],
    ['keys that are no ring', { keys: { k1: secret() } }],
    ['a limit that there is not', { limits: { depth: 1 } }],
    ['a number to remember that is none', { remember: -1 }],
    ['a switch that is none', { strictLocation: 'yes' }],
    ['kinds that are none', { kinds: [{}] }],
    ['an option that there is not', { caveats: [] }],
  ])('are refused with %s', (_, options) => {
    expect(() => verifier(options)).toThrow(expect.objectContaining({ code: 'invalid_config' }))
  })
})
