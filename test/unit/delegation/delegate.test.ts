import fc from 'fast-check'
import { withDelegation } from 'mcp-budget'
import {
  attenuate,
  inspect,
  KeyRing,
  mint,
  TokenVerifier,
  type TokenView,
  type VerifiedToken,
} from 'mcp-budget/delegation'
import { FakeClock, faultyEnforcer, settle } from 'mcp-budget/testing'
import { describe, expect, test, vi } from 'vitest'
import { keys, secret } from '../../support/tokens.js'
import { ALL_OPS, KEY, tokenSeat } from '../../support/token-seat.js'
import type { DelegatingEnforcer } from 'mcp-budget'

const DELEGATE = 'budget/delegate'
const keyed = (key: unknown) => ({ meta: { [KEY]: key } })

const caveatsOf = (token: string): readonly string[] => (inspect(token) as TokenView).caveats

/** What a token says, which must be one of ours. */
function verified(token: string, clock: FakeClock): VerifiedToken {
  const read = new TokenVerifier({ keys, clock }).verify(token) as VerifiedToken
  expect(read.kind).toBe('verified')
  return read
}

describe('budget/delegate', () => {
  test('carves a budget with a token of its own, that pays from it [seed-003:carving, seed-001:macaroon-auth, L-P10]', async () => {
    const { ask, call, mint, clock, balance, told } = tokenSeat()
    const parent = mint()
    const child = await ask(DELEGATE, { budget: 300, label: 'research' }, parent)
    expect(child).toEqual({
      token: expect.stringMatching(/^mcpb_/),
      tokenId: expect.stringMatching(/^[\w-]{43}$/),
      budget: 300,
      budgetId: expect.stringMatching(/^acme\/[\w-]{22}$/),
      exp: Math.floor(clock.now() / 1_000) + 3_600,
      parentRemaining: 700,
    })
    expect(balance(child.budgetId)).toEqual({ available: 300, held: 0, spent: 0, debt: 0 })
    expect(balance()).toMatchObject({ available: 700 })
    expect((await call(child.token)).result).toBeDefined()
    expect(balance(child.budgetId)).toMatchObject({ available: 295, spent: 5 })
    expect(balance()).toMatchObject({ available: 700, spent: 0 })
    const { tokenId } = verified(parent, clock)
    expect(told('delegated')).toEqual([
      { tokenId, parent: 'acme/agent-1', budget: child.budgetId, amount: 300, label: 'research' },
    ])
    expect(verified(child.token, clock).tokenId).toBe(child.tokenId)
  })

  test('gives a child no more than to call and to ask for its balance, unless it says so [T34, L-P24]', async () => {
    const { ask, mint } = tokenSeat()
    const child = await ask(DELEGATE, { budget: 300 }, mint())
    for (const method of [DELEGATE, 'satgate/delegate', 'budget/close', 'budget/revoke'])
      expect((await ask(method, { budget: 1 }, child.token)).data).toMatchObject({ error: 'unauthorized' })
    expect(await ask('budget/balance', {}, child.token)).toMatchObject({ budgets: [{ remaining: 300 }] })
    const trusted = await ask(DELEGATE, { budget: 100, restrictions: { ops: ['call', 'delegate'] } }, mint())
    expect(await ask(DELEGATE, { budget: 30 }, trusted.token)).toMatchObject({ budget: 30, parentRemaining: 70 })
  })

  test('narrows the child to what is asked, and to what its parent may', async () => {
    const { ask, call, mint } = tokenSeat()
    const parent = mint({ tool: ['read_*', 'search'] })
    const child = await ask(DELEGATE, { budget: 50, restrictions: { tool: ['read_*', 'dear'], max: 2 } }, parent)
    expect((await call(child.token, 'read_a')).result).toBeDefined()
    expect((await call(child.token, 'search')).error.data.error).toBe('forbidden_tool')
    expect((await call(child.token, 'dear')).error.data.error).toBe('forbidden_tool')
    await call(child.token, 'read_a')
    expect((await call(child.token, 'read_a')).error.data).toMatchObject({ reason: 'ceiling' })
  })

  test.each([
    ['earlier than its parent', 60, 60],
    ['later than its parent', 90_000, 3_600],
  ])('ends a child %s: what is earlier counts, for the token and the budget [L-S9]', async (_, asked, ends) => {
    const { ask, call, mint, clock, memory } = tokenSeat()
    const now = Math.floor(clock.now() / 1_000)
    const child = await ask(DELEGATE, { budget: 50, restrictions: { exp: now + asked } }, mint())
    expect(child.exp).toBe(now + ends)
    expect(caveatsOf(child.token)).toContain(`exp=${now + ends}`)
    clock.advance((ends - 1) * 1_000)
    expect((await call(child.token)).result).toBeDefined()
    clock.advance(32_000)
    expect((await call(child.token)).error.data.error).toBe('unauthorized')
    clock.advance(60_000)
    expect(memory.describe(child.budgetId)).toMatchObject({ state: 'closed', available: 0 })
    expect(memory.describe('acme/agent-1')).toMatchObject({ available: 995 })
  })

  test.each([
    ['nothing', {}],
    ['0, which is not unlimited [L-S2]', { budget: 0 }],
    ['less than nothing [L-S3]', { budget: -1 }],
    ['no number at all [L-S3]', { budget: NaN }],
    ['more than a safe integer', { budget: 2 ** 53 }],
    ['a fraction', { budget: 0.5 }],
    ['infinity', { budget: Infinity }],
    ['a text', { budget: '300' }],
    ['null', { budget: null }],
    ['a parameter that nobody knows', { budget: 1, credits: 5 }],
    ['a parameter of the seeds', { budget: 1, scope: 'search' }],
    ['a label that is no text', { budget: 1, label: 7 }],
    ['a label that is too long', { budget: 1, label: 'x'.repeat(129) }],
    ['caps that are none', { budget: 1, caps: 3 }],
    ['a cap that nobody knows', { budget: 1, caps: { credits: 5 } }],
    ['a cap below nothing', { budget: 1, caps: { amount: -1 } }],
    ['restrictions that are a list', { budget: 1, restrictions: ['search'] }],
    ['a restriction that nobody knows', { budget: 1, restrictions: { labels: 'x' } }],
    ['caveats of ones own, which are the tokens own affair', { budget: 1, restrictions: { own: ['x=y'] } }],
    ['a budget as a restriction', { budget: 1, restrictions: { budget: 'A'.repeat(22) } }],
    ['an end that has passed [L-S8, L-S9]', { budget: 1, restrictions: { exp: 1_799_999_999 } }],
    ['an end that is now', { budget: 1, restrictions: { exp: 1_800_000_000 } }],
    ['an end that is no number', { budget: 1, restrictions: { exp: '2030' } }],
    ['an end of NaN [L-S45]', { budget: 1, restrictions: { exp: NaN } }],
    ['a ceiling that is none [L-S3]', { budget: 1, restrictions: { max: -5 } }],
    ['a tool that is no pattern', { budget: 1, restrictions: { tool: ['a b'] } }],
    ['tools that are no list', { budget: 1, restrictions: { tool: 'search' } }],
    ['an op that there is not', { budget: 1, restrictions: { ops: ['all'] } }],
    ['a restriction of nothing', { budget: 1, restrictions: { tool: null } }],
  ])('refuses %s as invalid, and moves nothing [L-S7]', async (_, params) => {
    const { ask, mint, balance, told, memory } = tokenSeat()
    const before = JSON.stringify(memory.describe('acme/agent-1'))
    const { code, data } = await ask(DELEGATE, params, mint())
    expect([code, data.error]).toEqual([-32602, 'invalid_params'])
    expect(JSON.stringify(memory.describe('acme/agent-1'))).toBe(before)
    expect(balance()).toMatchObject({ available: 1_000 })
    expect(told('delegated')).toEqual([])
  })

  test('never throws, moves no more than was asked, and loses nothing, whatever it is given [L-S7, I11, I21]', async () => {
    const { ask, mint, memory } = tokenSeat()
    const parent = mint()
    const params = fc.record(
      {
        budget: fc.oneof(fc.integer({ min: -3, max: 1_200 }), fc.anything()),
        label: fc.oneof(fc.string(), fc.anything()),
        caps: fc.oneof(fc.dictionary(fc.constantFrom('depth', 'children', 'amount', 'x'), fc.integer()), fc.anything()),
        restrictions: fc.oneof(
          fc.dictionary(fc.constantFrom('exp', 'tool', 'max', 'calls', 'rate', 'arg', 'ops', 'own'), fc.anything()),
          fc.anything(),
        ),
      },
      { requiredKeys: [] },
    )
    await fc.assert(
      fc.asyncProperty(params, async (given) => {
        const before = memory.describe('acme/agent-1').available
        const answer = await ask(DELEGATE, given, parent)
        const { available, debt } = memory.describe('acme/agent-1')
        if (answer.token === undefined) return answer.data.error !== 'step_failed' && available === before
        return answer.budget === given.budget && available === before - answer.budget && debt === 0
      }),
      { numRuns: 200 },
    )
  })

  test.each([
    ['more than there is', { budget: 1_001 }, {}, 'insufficient'],
    ['more than the ceiling of the token [T09]', { budget: 51 }, { max: 50 }, 'ceiling'],
  ])('refuses %s, and says what is left', async (_, params, caveats, reason) => {
    const { ask, mint, balance } = tokenSeat()
    const { code, data } = await ask(DELEGATE, params, mint(caveats))
    expect(code).toBe(-32000)
    expect(data).toMatchObject({ error: 'delegation_failed', reason, retryable: false })
    expect(data.token_id).toHaveLength(12)
    expect(balance()).toMatchObject({ available: 1_000 })
  })

  test('holds the child to its caps: how deep, how many, how much', async () => {
    const { ask, mint } = tokenSeat()
    const restrictions = { ops: ['delegate'] }
    const child = await ask(
      DELEGATE,
      { budget: 100, restrictions, caps: { amount: 10, children: 1, depth: 1 } },
      mint(),
    )
    const again = async (budget: number, token = child.token) => ask(DELEGATE, { budget, restrictions }, token)
    expect((await again(11)).data.reason).toBe('amount_exceeded')
    const grandchild = await again(10)
    expect((await again(5)).data.reason).toBe('children_exceeded')
    expect((await again(1, grandchild.token)).data.reason).toBe('depth_exceeded')
  })

  test('refuses a token that says that nothing is to be delegated of it [T34]', async () => {
    const { ask, mint, balance } = tokenSeat()
    for (const caveats of [{ depth: 0 }, { ops: ['call', 'balance'] as const }])
      expect((await ask(DELEGATE, { budget: 5 }, mint(caveats))).data).toEqual({
        error: 'unauthorized',
        reason: 'unauthorized',
        tool: DELEGATE,
        retryable: false,
      })
    expect(balance()).toMatchObject({ available: 1_000 })
  })

  test('makes no child whose token would be beyond the limits: 32 caveats are, 31 are not [L-S8]', async () => {
    for (const [spare, made] of [
      [2, true],
      [1, false],
    ] as const) {
      const { mint, clock, balance, call } = tokenSeat()
      let token = mint()
      // `budget` and `ops` come to it.
      while (caveatsOf(token).length < 32 - spare) token = attenuate(token, { aud: `gateway` })
      const all = tokenSeat({ auth: { audiences: ['gateway'] }, clock })
      const answer = await all.ask(DELEGATE, { budget: 5 }, token)
      if (made) {
        expect((await all.call(answer.token)).result).toBeDefined()
        expect(caveatsOf(answer.token)).toHaveLength(32)
      } else expect(answer.data).toMatchObject({ error: 'delegation_failed', reason: 'too_large' })
      expect(all.balance().available).toBe(made ? 995 : 1_000)
      expect(balance()).toMatchObject({ available: 1_000 })
      expect((await call(token)).error.data.error).toBe('unauthorized')
    }
  })

  test('verifies the token of the child before any credit moves [L-S8]', async () => {
    const { ask, mint, balance, told, memory } = tokenSeat()
    const parent = mint()
    const transfer = vi.spyOn(memory, 'transfer')
    const verify = TokenVerifier.prototype.verify
    const spy = vi.spyOn(TokenVerifier.prototype, 'verify').mockImplementation(function (
      this: TokenVerifier,
      ...given
    ) {
      return given[0] === parent ? verify.apply(this, given) : { kind: 'refused', reason: 'invalid_token' }
    })
    try {
      expect((await ask(DELEGATE, { budget: 5 }, parent)).data).toMatchObject({ error: 'delegation_failed' })
    } finally {
      spy.mockRestore()
    }
    expect(transfer).not.toHaveBeenCalled()
    expect(balance()).toMatchObject({ available: 1_000 })
    expect(told('delegated')).toEqual([])
  })
})

describe('a delegation that comes again with its key', () => {
  test('gives the same child and the same token, and carves once [T10, I5]', async () => {
    const { ask, mint, balance } = tokenSeat()
    const parent = mint()
    const params = { budget: 300, label: 'a', restrictions: { max: 10, calls: 5, rate: { calls: 1, seconds: 2 } } }
    const first = await ask(DELEGATE, params, parent, keyed('k'))
    expect(await ask(DELEGATE, params, parent, keyed('k'))).toEqual(first)
    expect(await ask(DELEGATE, Object.fromEntries(Object.entries(params).reverse()), parent, keyed('k'))).toEqual(first)
    expect(balance()).toMatchObject({ available: 700 })
    expect(new Set(caveatsOf(first.token)).size).toBe(caveatsOf(first.token).length)
  })

  test('at another process with the same keys gives the same child and token [T10]', async () => {
    const one = tokenSeat()
    const again = new KeyRing({ current: { kid: 'k1', key: secret() } })
    const other = tokenSeat({ clock: one.clock, memory: one.memory, auth: { keys: again } })
    const parent = one.mint()
    const [a, b] = await Promise.all([
      one.ask(DELEGATE, { budget: 300 }, parent, keyed('k')),
      other.ask(DELEGATE, { budget: 300 }, parent, keyed('k')),
    ])
    expect(a).toEqual(b)
    expect(one.balance()).toMatchObject({ available: 700 })
    const foreign = new KeyRing({ current: { kid: 'k1', key: secret(2) } })
    const stranger = tokenSeat({ clock: one.clock, memory: one.memory, auth: { keys: foreign } })
    expect((await stranger.ask(DELEGATE, { budget: 300 }, parent, keyed('k'))).data.error).toBe('unauthorized')
  })

  test.each([
    ['another amount', { budget: 6 }],
    ['another label', { budget: 5, label: 'b' }],
    ['other restrictions', { budget: 5, restrictions: { max: 1 } }],
    ['other caps', { budget: 5, caps: { amount: 1 } }],
  ])('and %s is refused, and moves nothing', async (_, params) => {
    const { ask, mint, balance } = tokenSeat()
    const parent = mint()
    await ask(DELEGATE, { budget: 5 }, parent, keyed('k'))
    expect((await ask(DELEGATE, params, parent, keyed('k'))).data.error).toBe('idempotency_mismatch')
    expect(balance()).toMatchObject({ available: 995 })
  })

  test('by another token is another delegation, and so is one with another key, or with none', async () => {
    const { ask, mint } = tokenSeat()
    const parent = mint()
    const all = [
      await ask(DELEGATE, { budget: 5 }, parent, keyed('k')),
      await ask(DELEGATE, { budget: 5 }, mint(), keyed('k')),
      await ask(DELEGATE, { budget: 5 }, attenuate(parent, { deny: ['x'] }), keyed('k')),
      await ask(DELEGATE, { budget: 5 }, parent, keyed('K')),
      await ask(DELEGATE, { budget: 5 }, parent),
      await ask(DELEGATE, { budget: 5 }, parent),
    ]
    expect(new Set(all.map(({ budgetId }) => budgetId)).size).toBe(all.length)
  })

  test.each([7, '', 'x'.repeat(257), 'a\nb', 'ä', null, {}])('refuses %j for a key', async (key) => {
    const { ask, mint, balance } = tokenSeat()
    for (const method of [DELEGATE, 'satgate/delegate', 'budget/close', 'budget/revoke'])
      expect((await ask(method, { budget: 5 }, mint(), keyed(key))).data.error).toBe('invalid_params')
    expect(balance()).toMatchObject({ available: 1_000 })
  })

  test('after an answer was lost gives what was made, whichever request was lost [L-P8]', async () => {
    const lossy = (memory: DelegatingEnforcer): DelegatingEnforcer =>
      faultyEnforcer(memory, { transfer: { 1: 'lose', 2: 'lose' } }) as DelegatingEnforcer
    const { ask, mint, balance } = tokenSeat({ store: lossy })
    const parent = mint()
    expect((await ask(DELEGATE, { budget: 5 }, parent, keyed('k'))).data).toMatchObject({
      error: 'budget_unavailable',
      retryable: true,
    })
    expect(await ask(DELEGATE, { budget: 5 }, parent, keyed('k'))).toMatchObject({ budget: 5 })
    expect(balance()).toMatchObject({ available: 995 })
  })

  test('and a store that says nothing is asked once more, and then given up [L-P19]', async () => {
    const silent = (memory: DelegatingEnforcer, clock: FakeClock): DelegatingEnforcer =>
      faultyEnforcer(memory, (verb) => (verb === 'transfer' ? 'drop' : undefined), clock) as DelegatingEnforcer
    const seat = tokenSeat({ store: silent })
    const answer = seat.ask(DELEGATE, { budget: 5 }, seat.mint(), keyed('k'))
    await seat.clock.advanceAsync(1_000)
    await answer
    await settle()
    expect(seat.wire.messages.at(-1).error.data).toMatchObject({ error: 'budget_unavailable' })
    expect(seat.balance()).toMatchObject({ available: 1_000 })
  })
})

describe('what more is to be approved', () => {
  test('is shown the amount, and one word decides [T34]', async () => {
    const approve = vi.fn(async ({ amount }: { amount: number }) => amount < 500)
    const { ask, mint, balance, clock } = tokenSeat({ auth: { approve, approveAbove: 100 } })
    const parent = mint()
    expect(await ask(DELEGATE, { budget: 100 }, parent)).toMatchObject({ budget: 100 })
    expect(approve).not.toHaveBeenCalled()
    expect(await ask(DELEGATE, { budget: 101, label: 'big' }, parent)).toMatchObject({ budget: 101 })
    const { tokenId } = verified(parent, clock)
    expect(approve).toHaveBeenCalledWith({ tokenId, parent: 'acme/agent-1', amount: 101, label: 'big' })
    expect((await ask(DELEGATE, { budget: 500 }, parent)).data).toMatchObject({
      error: 'approval_required',
      reason: 'approval_required',
      cost_credits: 500,
      retryable: true,
    })
    expect(balance()).toMatchObject({ available: 799 })
  })

  test.each([
    ['a yes that is none', () => 'yes' as never, 'approval_required'],
    ['nothing', () => undefined as never, 'approval_required'],
    [
      'a throw',
      () => {
        throw new Error('down')
      },
      'approval_failed',
    ],
    ['a rejection', () => Promise.reject(new Error('down')), 'approval_failed'],
  ])('is refused for %s [T34, L-S55]', async (_, approve, reason) => {
    const { ask, mint, balance } = tokenSeat({ auth: { approve } })
    expect((await ask(DELEGATE, { budget: 1 }, mint())).data).toMatchObject({ error: 'approval_required', reason })
    expect(balance()).toMatchObject({ available: 1_000 })
  })
})

describe('satgate/delegate', () => {
  test('takes what the seeds say, and answers as they say [seed-001:delegate-method]', async () => {
    const { request, mint, call, clock, balance } = tokenSeat()
    const params = { budget: 200, scope: 'read_*, search', label: 'content', expiresIn: 600 }
    const { result } = await request('satgate/delegate', params, { meta: { token: mint() } })
    expect(result).toMatchObject({
      token: expect.stringMatching(/^mcpb_/),
      tokenId: expect.any(String),
      budget: 200,
      parentRemaining: 800,
      exp: clock.now() / 1_000 + 600,
    })
    expect((await call(result.token, 'read_a')).result).toBeDefined()
    expect((await call(result.token, 'dear')).error.data.error).toBe('forbidden_tool')
    expect(balance()).toMatchObject({ available: 800 })
    clock.advance(640_000)
    expect((await call(result.token)).error.data.error).toBe('unauthorized')
  })

  test.each([
    ['nothing', {}],
    ['0 [L-S2]', { budget: 0 }],
    ['an empty scope', { budget: 1, scope: '' }],
    ['a scope of spaces', { budget: 1, scope: ' , ' }],
    ['a scope that is no text', { budget: 1, scope: ['search'] }],
    ['a time of nothing [L-S9]', { budget: 1, expiresIn: 0 }],
    ['a time before now [L-S45]', { budget: 1, expiresIn: -5 }],
    ['a time as text [L-S45]', { budget: 1, expiresIn: '10m' }],
    ['what it does not know', { budget: 1, restrictions: {} }],
  ])('refuses %s, and moves nothing [L-S7]', async (_, params) => {
    const { ask, mint, balance } = tokenSeat()
    expect((await ask('satgate/delegate', params, mint())).data.error).toBe('invalid_params')
    expect(balance()).toMatchObject({ available: 1_000 })
  })

  test('takes no time beyond all numbers', async () => {
    const { ask, mint, clock } = tokenSeat()
    const params = { budget: 1, expiresIn: 2 ** 53 - 1 }
    expect((await ask('satgate/delegate', params, mint({ exp: 'never' }))).exp).toBe(253_402_300_799)
    // Where the token that asks ends, the child does too.
    expect((await ask('satgate/delegate', params, mint())).exp).toBe(clock.now() / 1_000 + 3_600)
  })

  test('with a key takes no time that counts from now, which would be another each time', async () => {
    const { ask, mint } = tokenSeat()
    const parent = mint()
    const timed = await ask('satgate/delegate', { budget: 5, expiresIn: 60 }, parent, keyed('k'))
    expect(timed.data.error).toBe('invalid_params')
    const first = await ask('satgate/delegate', { budget: 5 }, parent, keyed('k'))
    expect(await ask('satgate/delegate', { budget: 5 }, parent, keyed('k'))).toEqual(first)
  })
})

test('a gateway without the store knows none of the methods, and hands none of them on', async () => {
  const clock = new FakeClock()
  const { request, handed } = tokenSeat({ clock, step: withDelegation({ keys, clock }) })
  const token = mint(keys, { budget: 'acme/agent-1', exp: 'never', ops: ALL_OPS, depth: 1, clock }) as string
  expect(await request(DELEGATE, { budget: 5 }, { token })).toMatchObject({ error: { code: -32601 } })
  expect(handed).toEqual([])
})
