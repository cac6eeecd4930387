import { FakeClock } from 'mcp-budget/testing'
import {
  attenuate,
  clear,
  inspect,
  KeyRing,
  mint,
  TokenVerifier,
  verifyToken,
  type Caveats,
  type CaveatKind,
  type ClearRequest,
  type MintOptions,
  type VerifiedToken,
} from 'mcp-budget/delegation'
import { describe, expect, test, vi } from 'vitest'
import { inspect as print } from 'node:util'
import { crypto } from '../../../src/core/crypto/node.js'
import { crypto as web } from '../../../src/core/crypto/web.js'
import { keys, secret, tokenOf } from '../../support/tokens.js'

const clock = new FakeClock(1_000_500)
const minted = (options: Partial<MintOptions> = {}): string =>
  mint(keys, { budget: 'acme/agent-1', exp: 'never', clock, ...options }) as string
const verified = (text: string, kinds: CaveatKind[] = []): VerifiedToken =>
  verifyToken(text, { keys, clock, kinds }) as VerifiedToken
const textsOf = (text: string, kinds: CaveatKind[] = []): string[] =>
  verified(text, kinds).caveats.map((caveat) => caveat.text)
const call: ClearRequest = { op: 'call', now: 1_000_000, tool: 'web_search', args: {}, cost: 5 }
const PLAN: CaveatKind<string> = { name: 'plan', parse: (value) => value, holds: () => true }

describe('a minted token', () => {
  test('is verified, and names the budget that pays', () => {
    expect(verified(minted())).toMatchObject({ kind: 'verified', kid: 'k1', tenant: 'acme', budget: 'agent-1' })
    expect(verified(minted())).toMatchObject({ issuedAt: 1_000, authority: { budget: 'acme/agent-1' } })
    expect(verified(minted({ budget: 'agent-1' }))).toMatchObject({ tenant: 'default', budget: 'agent-1' })
  })

  test('is like no other that was minted alike', () => {
    const texts = Array.from({ length: 100 }, () => minted())
    expect(new Set(texts).size).toBe(100)
    expect(new Set(texts.map((text) => verified(text).tokenId)).size).toBe(100)
  })

  test('may call and ask for its balance, and may not delegate, unless it says so [T34, L-P24]', () => {
    const uses = (text: string) =>
      (['call', 'balance', 'delegate', 'transfer', 'close', 'revoke'] as const).filter(
        (op) => clear(verified(text), { ...call, op }).kind === 'cleared',
      )
    expect(textsOf(minted())).toEqual(['ops=call,balance', 'depth=0'])
    expect(uses(minted())).toEqual(['call', 'balance'])
    expect(uses(minted({ depth: 3 }))).toEqual(['call', 'balance'])
    expect(uses(minted({ ops: ['call', 'delegate'] }))).toEqual(['call'])
    expect(uses(minted({ ops: ['call', 'delegate'], depth: 1 }))).toEqual(['call', 'delegate'])
  })

  test('says of a caveat that no gateway can read what it would have been', () => {
    expect(() => minted({ ops: ['call', 'spend' as never] })).toThrow(
      'Expected `ops` to be some of call, balance, delegate, transfer, close, revoke, got "ops=call,spend" (string)',
    )
    expect(() => minted({ tool: ['a b'] })).toThrow('a caveat that a gateway can read, got "tool=a b" (string)')
  })

  test('ends when it says, which is required, and within 24 hours [L-S9, L-S45]', () => {
    const text = minted({ exp: 1_000 + 86_400 })
    expect(textsOf(text)[0]).toBe('exp=87400')
    const at = (now: number) => clear(verified(text), { ...call, now }).kind
    expect([at(87_429_999), at(87_430_000)]).toEqual(['cleared', 'refused'])
    for (const exp of [undefined, 1_000, 87_401, 1_500.5, '5m', 1_700_000_000_000, NaN, Infinity]) {
      expect(() => minted({ exp } as never)).toThrow(expect.objectContaining({ code: 'invalid_config' }))
    }
  })

  test('has every caveat that it was given', () => {
    const all: Partial<MintOptions> = {
      exp: 2_000,
      nbf: 900,
      ops: ['call'],
      depth: 2,
      max: 50,
      call: 10,
      calls: 7,
      rate: { calls: 5, seconds: 60 },
      tool: ['web_*', 'db:query'],
      deny: ['*delete*'],
      arg: [
        { tool: 'db_*', at: '/table', eq: 'users' },
        { tool: 'db_*', only: ['table', 'limit'] },
        { tool: 'img', at: '/n', le: 4 },
        { tool: 'img', at: '/size', in: ['256', '512'] },
      ],
      ten: 'acme',
      aud: 'gateway-1',
      task: 'op-1',
      sid: 'A'.repeat(43),
      cnf: 'B'.repeat(43),
      own: ['plan=gold'],
      kinds: [PLAN],
    }
    const texts = textsOf(minted(all), [PLAN])
    expect(texts.map((text) => text.replace(/\/[\w-]{12}$/, '/*'))).toEqual([
      'exp=2000',
      'nbf=900',
      'ops=call',
      'depth=2',
      'max=50/*',
      'call=10',
      'calls=7/*',
      'rate=5/60/*',
      'tool=web_*,db:query',
      'deny=*delete*',
      'arg={"op":"eq","p":"/table","t":"db_*","v":"users"}',
      'arg={"op":"only","t":"db_*","v":["table","limit"]}',
      'arg={"op":"le","p":"/n","t":"img","v":4}',
      'arg={"op":"in","p":"/size","t":"img","v":["256","512"]}',
      'ten=acme',
      'aud=gateway-1',
      'task=op-1',
      `sid=${'A'.repeat(43)}`,
      `cnf=${'B'.repeat(43)}`,
      'plan=gold',
    ])
  })

  test.each<[string, object]>([
    ['no budget', { budget: undefined }],
    ['a budget that cannot be', { budget: 'a/b/c' }],
    ['a budget with a dot, which parts an identifier [T38]', { budget: 'a.b' }],
    ['a negative limit [L-S3]', { max: -1 }],
    ['a limit that is no number [L-S3]', { max: NaN }],
    ['a fraction', { call: 0.5 }],
    ['a limit beyond 2^53−1', { max: 2 ** 53 }],
    ['a use that there is not', { ops: ['admin'] }],
    ['no use at all', { ops: [] }],
    ['a depth beyond 16', { depth: 17 }],
    ['a pattern that is none', { tool: ['[ab]*'] }],
    ['patterns in one text', { tool: 'web_*' }],
    ['a pattern with a line break', { deny: ['a\nops=delegate'] }],
    ['a rate of nothing', { rate: { calls: 0, seconds: 60 } }],
    ['a rate that is a text', { rate: '5/60' }],
    ['a rule that says nothing', { arg: [{ tool: 'a', at: '/b' }] }],
    ['a rule that says two things', { arg: [{ tool: 'a', at: '/b', le: 1, ge: 0 }] }],
    ['a rule without a pointer', { arg: [{ tool: 'a', at: 'b', eq: 1 }] }],
    ['a caveat of nobody', { own: ['scope=all'] }],
    ['a budget by the back door [T07]', { own: [`budget=${'A'.repeat(22)}`] }],
    ['a limit without a nonce by the back door', { own: ['max=5'] }],
    ['a budget as an option', { kinds: [PLAN], own: ['plan=x'], budgets: [] }],
    ['a mode', { mode: 'shadow' }],
  ])('is not made of %s', (_, options) => {
    expect(() => minted(options)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^invalid_(?:config|budget_id)$/) as string }),
    )
  })

  test('is not made without a ring', () => {
    expect(() => mint({ kid: 'k1' } as KeyRing, { budget: 'a', exp: 'never' })).toThrow('`keys`')
  })

  test('comes later where cryptography answers later', async () => {
    vi.spyOn(crypto, 'hmacSha256').mockImplementation((key, data) => web.hmacSha256(key, data))
    const ring = new KeyRing({ current: { kid: 'k1', key: secret() } })
    const later = mint(ring, { budget: 'acme/agent-1', exp: 'never' })
    vi.restoreAllMocks()
    expect(later).toBeInstanceOf(Promise)
    expect(verified(await later)).toMatchObject({ kind: 'verified' })
  })
})

describe('an attenuated token', () => {
  test('has the caveats of the token before, then its own, and is verified [L-S5]', () => {
    const token = minted({ exp: 2_000 })
    const narrow = attenuate(attenuate(token, { tool: ['web_*'] }), { call: 5, tool: ['*'] })
    expect(textsOf(narrow)).toEqual([...textsOf(token), 'tool=web_*', 'call=5', 'tool=*'])
    expect(clear(verified(narrow), call).kind).toBe('cleared')
    expect(clear(verified(narrow), { ...call, tool: 'db' })).toMatchObject({ reason: 'tool_not_allowed', caveat: 3 })
  })

  test('is counted apart from one that was narrowed alike', () => {
    const token = minted()
    const count = { max: 5, calls: 5, rate: { calls: 1, seconds: 1 } }
    const [a, b] = [verified(attenuate(token, count)), verified(attenuate(token, count))].map(
      ({ authority }) => authority,
    )
    for (const limits of ['ceilings', 'calls', 'rates'] as const) {
      expect(a![limits]).toHaveLength(1)
      expect(a![limits][0]!.prefixId).not.toBe(b![limits][0]!.prefixId)
    }
  })

  test('keeps a location, which nothing reads', () => {
    const located = tokenOf(['ops=call'], { location: 'here' })
    expect(textsOf(attenuate(located, { depth: 0 }))).toEqual(['ops=call', 'depth=0'])
  })

  test('may have caveats of kinds of your own', () => {
    const narrow = attenuate(minted(), { own: ['plan=gold'] }, { kinds: [PLAN] })
    expect(textsOf(narrow, [PLAN])).toContain('plan=gold')
    expect(() => attenuate(minted(), { own: ['plan=gold'] })).toThrow('`own`')
  })

  test('has at most 32 caveats', () => {
    let token = minted()
    for (let i = 2; i < 32; i++) token = attenuate(token, { call: i })
    expect(verified(token).kind).toBe('verified')
    expect(() => attenuate(token, { call: 1 })).toThrow(expect.objectContaining({ code: 'too_large' }))
  })

  test.each<[string, () => unknown, string]>([
    ['a text that is no token', () => attenuate('mcpb_x', {}), 'invalid_token'],
    ['a token without prefix', () => attenuate(minted().slice(5), {}), 'invalid_token'],
    ['a macaroon of somebody else', () => attenuate(tokenOf([], { identifier: 'theirs' }), {}), 'invalid_token'],
    ['nothing', () => attenuate(undefined as never, {}), 'invalid_token'],
    ['a caveat that there is not', () => attenuate(minted(), { budget: 'x' } as Caveats), 'invalid_config'],
    ['an end in words', () => attenuate(minted(), { exp: 'never' } as never), 'invalid_config'],
    ['an option that there is not', () => attenuate(minted(), {}, { keys } as never), 'invalid_config'],
  ])('is not made of %s', (_, make, code) => {
    expect(make).toThrow(expect.objectContaining({ code }))
  })

  test('does not say what it was made of when it fails [T37]', () => {
    const text = `${minted()}!`
    try {
      attenuate(text, {})
      expect.unreachable()
    } catch (error) {
      expect(print(error)).not.toContain(text.slice(5, 30))
    }
  })
})

describe('the view of a token', () => {
  test('shows what it says, and not its signature', async () => {
    const text = minted({ exp: 2_000 })
    const view = await inspect(text)
    expect(view).toEqual({
      tokenId: verified(text).tokenId.slice(0, 12),
      kid: 'k1',
      budget: 'acme/agent-1',
      issuedAt: 1_000,
      caveats: ['exp=2000', 'ops=call,balance', 'depth=0'],
    })
    const signature = Buffer.from(text.slice(5), 'base64url').subarray(-32)
    const printed = print(view, { depth: 9, showHidden: true })
    for (const form of ['base64url', 'hex'] as const)
      expect(printed).not.toContain(signature.toString(form).slice(0, 16))
  })

  test('shows of a caveat only what can be printed', async () => {
    expect(await inspect(tokenOf(['a\u001b[2Jb', 'é']))).toMatchObject({ caveats: ['a?[2Jb', '?'] })
  })

  test('is of no text that is no token', () => {
    expect(() => inspect('mcpb_')).toThrow(expect.objectContaining({ code: 'invalid_token' }))
  })
})

test('one token is narrowed for three tools, and none of them can do what the others may [seed-003:stable-identity]', () => {
  const token = minted({ max: 100 })
  const gateway = new TokenVerifier({ keys, clock })
  const tokens = ['a', 'b', 'c'].map((tool) => gateway.verify(attenuate(token, { tool: [tool] })) as VerifiedToken)
  const may = tokens.map((each) => ['a', 'b', 'c'].map((tool) => clear(each, { ...call, tool }).kind === 'cleared'))
  expect(may).toEqual([
    [true, false, false],
    [false, true, false],
    [false, false, true],
  ])
  expect(new Set(tokens.map(({ tokenId }) => tokenId)).size).toBe(3)
  expect(new Set(tokens.map(({ authority }) => authority.budget))).toEqual(new Set(['acme/agent-1']))
  expect(new Set(tokens.map(({ authority }) => authority.ceilings[0]?.prefixId)).size).toBe(1)
})
