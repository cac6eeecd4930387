import fc from 'fast-check'
import { clear, verifyToken, type ClearRequest, type VerifiedToken } from 'mcp-budget/delegation'
import { describe, expect, test } from 'vitest'
import { IDENTIFIER, keys, NONCE, tokenOf } from '../../support/tokens.js'
import vectors from '../../vectors/caveat-cases.json' with { type: 'json' }

const LONG = process.env['MCP_BUDGET_LONG'] === '1'

const verified = (caveats: readonly string[], identifier = IDENTIFIER): VerifiedToken => {
  const token = verifyToken(tokenOf(caveats, { identifier }), { keys, limits: { caveats: 100 } })
  if (!('kind' in token) || token.kind !== 'verified') throw new Error(JSON.stringify(token))
  return token
}

const CHILD = 'AAAAAAAAAAAAAAAAAAAAAA'
const GRANDCHILD = 'BBBBBBBBBBBBBBBBBBBBBB'
const request: ClearRequest = { op: 'call', now: 1_000_000, tool: 'web_search', args: { q: 'x' }, cost: 5 }

/** A number that JSON has not. */
const numberOf = (value: unknown): number =>
  typeof value === 'object' ? Number((value as { $num: string }).$num) : Number(value)

describe('a token of the vectors', () => {
  const rows = vectors.evaluate.map((row, i) => ({ ...row, i }))

  test.each(rows)('$i: $caveats is judged as expected [T02, T03, L-S5]', ({ caveats, ctx, expect: wanted }) => {
    const { now, skew, op, server, tool, args, cost, tenant, audiences, task } = ctx
    const token = verifyToken(tokenOf(caveats, { identifier: `b1.k1.${tenant}.agent-1.1000.${NONCE}` }), { keys })
    const answer =
      'kind' in token && token.kind === 'verified'
        ? clear(token, {
            op: op as ClearRequest['op'],
            now: now * 1_000,
            skewMs: skew * 1_000,
            ...{ server, tool, args, tenant, audiences },
            cost: numberOf(cost),
            operationId: task,
          })
        : token
    const allowed = { kind: 'cleared' }
    expect(answer).toMatchObject(
      'allow' in wanted ? allowed : { kind: 'refused', reason: wanted.deny, caveat: wanted.index },
    )
  })
})

describe('clearing', () => {
  test('gives the authority for the store, the same object each time', () => {
    const token = verified(['max=5/abcdef'])
    expect(clear(token, request)).toEqual({ kind: 'cleared', authority: token.authority })
    expect(clear(token, request)).toHaveProperty('authority', token.authority)
  })

  test('refuses the token of another tenant than the one that was authenticated [T07]', () => {
    expect(clear(verified([]), { ...request, tenant: 'acme' }).kind).toBe('cleared')
    const refused = { kind: 'refused', reason: 'tenant_mismatch' }
    expect(clear(verified([]), { ...request, tenant: 'other' })).toEqual(refused)
    expect(clear(verified(['ten=other']), { ...request, tenant: 'other' })).toEqual(refused)
  })

  test.each<[string[], ClearRequest['op'], boolean]>([
    [[`budget=${CHILD}`, 'depth=0'], 'call', true],
    [[`budget=${CHILD}`, 'depth=0'], 'delegate', false],
    [[`budget=${CHILD}`, 'depth=1'], 'delegate', true],
    [['depth=0', `budget=${CHILD}`], 'call', false],
    [['depth=1', `budget=${CHILD}`, 'depth=1', `budget=${GRANDCHILD}`], 'call', false],
    [['depth=2', `budget=${CHILD}`, 'depth=1', `budget=${GRANDCHILD}`], 'call', true],
    [['depth=2', `budget=${CHILD}`, 'depth=1', `budget=${GRANDCHILD}`], 'delegate', false],
  ])('counts the budgets behind a depth, and no others: %j as %s is %j', (caveats, op, may) => {
    expect(clear(verified(caveats), { ...request, op }).kind === 'cleared').toBe(may)
  })

  test('refuses a use that nobody knows', () => {
    const refused = { kind: 'refused', reason: 'op_not_allowed' }
    expect(clear(verified([]), { ...request, op: 'admin' as never })).toEqual(refused)
  })

  test.each<[string, string, Partial<ClearRequest>, string]>([
    ['for another gateway', 'aud=gw-1', { audiences: ['gw-2'] }, 'audience_mismatch'],
    ['after its end', 'exp=900', {}, 'expired'],
    ['before its beginning', 'nbf=1100', {}, 'not_yet_valid'],
    ['in another session', `sid=${'A'.repeat(43)}`, { sessionHash: 'B'.repeat(43) }, 'session_mismatch'],
    ['without proof of the key', `cnf=${'A'.repeat(43)}`, { keyHash: 'B'.repeat(43) }, 'key_mismatch'],
    ['for other work', 'task=a', { operationId: 'b' }, 'task_mismatch'],
  ])('refuses a captured token %s [T11, L-S45]', (_, caveat, more, reason) => {
    expect(clear(verified(['ops=call', caveat]), { ...request, ...more })).toEqual({
      kind: 'refused',
      reason,
      caveat: 1,
    })
  })

  test('brings an expired token back only where the clock does, and the skew is bounded', () => {
    const token = verified(['exp=1000'])
    const at = (now: number, skewMs?: number) => clear(token, { ...request, now, skewMs }).kind
    expect([at(1_029_999), at(1_030_000), at(1_299_999, 9e9), at(1_300_000, 9e9)]).toEqual([
      'cleared',
      'refused',
      'cleared',
      'refused',
    ])
  })
})

describe('the authority of a token', () => {
  test('is that of its root budget, where nothing was delegated', () => {
    const { authority, tokenId } = verified([])
    expect(authority).toEqual({
      tenant: 'acme',
      budget: 'acme/agent-1',
      registrations: [],
      prefixIds: [tokenId],
      nonce: NONCE,
      issuedAt: 1_000,
      ceilings: [],
      calls: [],
      rates: [],
    })
  })

  test('names the last budget, and the prefix and the parent at which each must be registered [T07, T08]', () => {
    const { authority } = verified([`budget=${CHILD}`, 'exp=2000', `budget=${GRANDCHILD}`])
    const ids = authority.prefixIds
    expect(authority.budget).toBe(`acme/${GRANDCHILD}`)
    expect(authority.registrations).toEqual([
      { prefixId: ids[1], budget: `acme/${CHILD}`, parent: 'acme/agent-1' },
      { prefixId: ids[3], budget: `acme/${GRANDCHILD}`, parent: `acme/${CHILD}` },
    ])
    expect(new Set(ids).size).toBe(4)
  })

  test('names a prefix that nobody registered, where a holder names the budget of a sibling [T07, L-S5]', () => {
    const sibling = verified([`budget=${CHILD}`]).authority.registrations[0]
    const other = IDENTIFIER.replace(NONCE, 'BBBBBBBBBBBBBBBBBBBBBB')
    const forged = [
      verified([`budget=${CHILD}`], other),
      verified(['exp=2000', `budget=${CHILD}`]),
      verified([`budget=${GRANDCHILD}`, `budget=${CHILD}`]),
      verified([`budget=${CHILD}`], IDENTIFIER.replace('acme', 'evil')),
    ]
    for (const { authority } of forged) {
      expect(authority.registrations.map(({ prefixId }) => prefixId)).not.toContain(sibling?.prefixId)
    }
    // The tenant is that of the identifier, whatever a caveat says.
    expect(forged[3]?.authority.budget).toBe(`evil/${CHILD}`)
  })

  test('has the ceilings of the budget that pays, and all counts of calls, each under its prefix [T09]', () => {
    const { authority } = verified([
      'max=9/abcdef',
      'calls=8/abcdef',
      `budget=${CHILD}`,
      'max=7/abcdef',
      'rate=6/60/abcdef',
      'max=5',
    ])
    const ids = authority.prefixIds
    expect(authority.ceilings).toEqual([
      { prefixId: ids[4], limit: 7 },
      { prefixId: ids[6], limit: 5 },
    ])
    expect(authority.calls).toEqual([{ prefixId: ids[2], limit: 8 }])
    expect(authority.rates).toEqual([{ prefixId: ids[5], calls: 6, seconds: 60 }])
  })

  test('keeps a limit of 0 as a limit [L-S3]', () => {
    expect(verified(['max=0', 'calls=0']).authority).toMatchObject({ ceilings: [{ limit: 0 }], calls: [{ limit: 0 }] })
  })
})

// A value of each kind that a holder could append, wide and narrow ones.
const appended = fc.oneof(
  fc.nat(2_000).map((n) => `exp=${n}`),
  fc.nat(2_000).map((n) => `nbf=${n}`),
  fc.nat(10).map((n) => `max=${n}/abcdef`),
  fc.nat(10).map((n) => `call=${n}`),
  fc.nat(3).map((n) => `calls=${n}/abcdef`),
  fc.nat(3).map((n) => `depth=${n}`),
  fc.constantFrom('tool=*', 'tool=web_*', 'tool=db_*', 'tool=s1:*', 'deny=*', 'deny=web_*', 'deny=s2:*'),
  fc.constantFrom('ops=call', 'ops=balance,delegate', 'ops=call,balance,delegate,transfer,close,revoke'),
  fc.constantFrom('ten=acme', 'ten=evil', 'aud=gw-1', 'aud=gw-2', 'task=op-1', 'rate=1/60/abcdef'),
  fc.constantFrom(`budget=${CHILD}`, `budget=${GRANDCHILD}`, 'nonsense', 'scope=all', 'exp=01'),
  fc.constantFrom(
    'arg={"op":"only","t":"*","v":["q"]}',
    'arg={"op":"le","p":"/n","t":"db_*","v":5}',
    'arg={"op":"eq","p":"/q","t":"*","v":"x"}',
  ),
)
const anyRequest: fc.Arbitrary<ClearRequest> = fc.record({
  op: fc.constantFrom<ClearRequest['op']>('call', 'call', 'balance', 'delegate', 'transfer', 'close', 'revoke'),
  now: fc.nat(2_000_000),
  skewMs: fc.constantFrom(undefined, 0, 30_000),
  tool: fc.constantFrom(undefined, 'web_search', 'db_query', 'DB_query', 'x y'),
  server: fc.constantFrom(undefined, 's1', 's2'),
  args: fc.constantFrom(undefined, {}, { q: 'x' }, { q: 'x', n: 3 }, { n: 9 }),
  cost: fc.constantFrom(undefined, 0, 5, 10, NaN),
  tenant: fc.constantFrom(undefined, undefined, 'acme', 'evil'),
  audiences: fc.constantFrom(undefined, ['gw-1'], ['gw-1', 'gw-2']),
  operationId: fc.constantFrom(undefined, 'op-1'),
})

describe('an attenuated token', () => {
  test('serves for no request for which the token before does not [T02, I12, seed-003:narrow-only]', () => {
    const allows = (caveats: readonly string[], asked: ClearRequest): boolean => {
      const token = verifyToken(tokenOf(caveats), { keys })
      return 'kind' in token && token.kind === 'verified' && clear(token, asked).kind === 'cleared'
    }
    let allowed = 0
    fc.assert(
      fc.property(fc.array(appended, { maxLength: 4 }), appended, anyRequest, (caveats, more, asked) => {
        const child = allows([...caveats, more], asked)
        if (child) allowed++
        expect(!child || allows(caveats, asked)).toBe(true)
      }),
      { numRuns: LONG ? 100_000 : 3_000 },
    )
    expect(allowed).toBeGreaterThan(100)
  })

  test('keeps the budget, the prefixes and the counts of the token before [T01, L-S1, L-S27, I12]', () => {
    const parents = ['max=10/abcdef', 'calls=3/abcdef', 'rate=1/60/abcdef']
    const parent = verified(parents).authority
    // Whatever a holder can append offline: all but what a server has to register.
    const offline = appended.filter((text) => !/^(?:budget|nonsense|scope|exp=01)/.test(text))
    fc.assert(
      fc.property(fc.array(offline, { minLength: 1, maxLength: 6 }), (more) => {
        const child = verified([...parents, ...more]).authority
        expect(child.budget).toBe(parent.budget)
        expect(child.prefixIds.slice(0, parent.prefixIds.length)).toEqual(parent.prefixIds)
        for (const count of ['ceilings', 'calls', 'rates'] as const) {
          expect(child[count].slice(0, parent[count].length)).toEqual(parent[count])
        }
        expect([child.nonce, child.issuedAt]).toEqual([parent.nonce, parent.issuedAt])
      }),
      { numRuns: 1_000 },
    )
  })

  test('that was revoked in any prefix is revoked itself [T01, L-S42]', () => {
    const revoked = new Set([verified(['ops=call']).tokenId])
    const isRevoked = (caveats: readonly string[]) =>
      verified(caveats).authority.prefixIds.some((id) => revoked.has(id))
    expect(isRevoked(['ops=call', 'max=1', `budget=${CHILD}`])).toBe(true)
    expect(isRevoked(['ops=call'])).toBe(true)
    expect(isRevoked([])).toBe(false)
    expect(isRevoked(['max=1', 'ops=call'])).toBe(false)
  })
})
