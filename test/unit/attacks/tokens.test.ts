import fc from 'fast-check'
import { InMemoryBudgetEnforcer } from 'mcp-budget'
import { attenuate, type Caveats } from 'mcp-budget/delegation'
import { FakeClock } from 'mcp-budget/testing'
import { describe, expect, test } from 'vitest'
import { appendToMacaroon } from '../../../src/delegation/macaroon.js'
import { readToken } from '../../../src/delegation/read-token.js'
import { tokenOf } from '../../support/tokens.js'
import { ALL_OPS, anonymous, TOKEN, tokenSeat } from '../../support/token-seat.js'

const DELEGATE = 'budget/delegate'

/** Whatever the holder of a token may append offline. */
const appended: fc.Arbitrary<Caveats> = fc.record(
  {
    exp: fc.integer({ min: 1_800_000_000, max: 2_000_000_000 }),
    ops: fc.subarray([...ALL_OPS], { minLength: 1 }),
    depth: fc.integer({ min: 0, max: 16 }),
    max: fc.integer({ min: 1, max: 1_000_000 }),
    call: fc.integer({ min: 1, max: 1_000_000 }),
    calls: fc.integer({ min: 1, max: 1_000_000 }),
    rate: fc.record({ calls: fc.integer({ min: 1, max: 99 }), seconds: fc.integer({ min: 1, max: 99 }) }),
    tool: fc.subarray(['*', 'search', 'read_*'], { minLength: 1 }),
    deny: fc.constant(['nothing']),
    ten: fc.constant('acme'),
  },
  { requiredKeys: [] },
)

describe('of a token that serves no more, 1,000 attenuations that are made offline', () => {
  test.each(['exhausted', 'expired', 'revoked', 'closed', 'ceilinged'] as const)(
    'serve no more either, and move nothing: %s [T01, T02, L-S1, L-S4, I12]',
    async (why) => {
      const seat = tokenSeat()
      const { ask, call, mint, memory, clock } = seat
      const root = mint({ exp: 'never' })
      const ending = clock.now() / 1_000 + 60
      const restrictions = {
        ops: ALL_OPS,
        ...(why === 'expired' && { exp: ending }),
        ...(why === 'ceilinged' && { max: 5 }),
      }
      const { token, budgetId } = await ask(DELEGATE, { budget: 10, restrictions }, root)
      await call(token)
      if (why === 'exhausted') await call(token)
      if (why === 'expired') clock.advance(120_000)
      if (why === 'revoked') await ask('budget/revoke', { token }, root)
      if (why === 'closed') await ask('budget/close', { budget: budgetId }, root)
      // All is decided at once, and told a moment later.
      const quick = async (method: string, params: object, text: string): Promise<any> => {
        const at = seat.wire.sent.length
        seat.wire.receive({ jsonrpc: '2.0', id: at, method, params: { ...params, _meta: { [TOKEN]: text } } })
        for (let turn = 0; turn < 3; turn++) await Promise.resolve()
        return seat.wire.sent[at]?.message
      }
      const before = JSON.stringify([memory.describe(budgetId), memory.describe('acme/agent-1')])
      await fc.assert(
        fc.asyncProperty(fc.array(appended, { minLength: 1, maxLength: 2 }), async (more) => {
          const narrow = more.reduce((text, caveats) => attenuate(text, caveats), token as string)
          const answers = [
            await quick('tools/call', { name: 'search' }, narrow),
            await quick(DELEGATE, { budget: 6 }, narrow),
          ]
          return answers.every(({ error }) => error !== undefined)
        }),
        { numRuns: 1_000 },
      )
      expect(JSON.stringify([memory.describe(budgetId), memory.describe('acme/agent-1')])).toBe(before)
    },
    120_000,
  )
})

/** Everything that a token may ask for. */
const REQUESTS = [
  ['tools/call', { name: 'search', arguments: {} }],
  ['budget/balance', {}],
  ['satgate/budget', {}],
  [DELEGATE, { budget: 1 }],
  ['satgate/delegate', { budget: 1 }],
  ['budget/close', { budget: 'agent-1' }],
  ['budget/revoke', { budget: 'agent-1' }],
] as const

describe('who comes with a token that is not meant for what it asks for gets the answer of a stranger', () => {
  test.each<[string, (seat: Awaited<ReturnType<typeof family>>) => string | Promise<string>]>([
    ['a child whose record is gone [T08]', async ({ child, forget }) => (forget(), child.token)],
    [
      'a closed child [T08]',
      async ({ child, parent, ask }) => (await ask('budget/close', { budget: child.budgetId }, parent), child.token),
    ],
    [
      'a revoked child',
      async ({ child, parent, ask }) => (await ask('budget/revoke', { budget: child.budgetId }, parent), child.token),
    ],
    ['a child of an expired parent', async ({ child, clock }) => (clock.advance(4_000_000), child.token)],
    [
      'a child that was moved to another parent [T07]',
      ({ sibling, child }) => retargeted(sibling.token, child.budgetId),
    ],
    [
      'a root that names its childs budget itself [T07]',
      ({ child }) => tokenOf([`budget=${child.budgetId.split('/')[1]}`, 'ops=call,balance,delegate,close,revoke']),
    ],
    [
      'a token of another tenant, on a budget of the same name [T37]',
      () => tokenOf([], { identifier: 'b1.k1.globex.agent-1.1000.AAAAAAAAAAAAAAAAAAAAAA', signer: ['k1', 'acme'] }),
    ],
    [
      'a good token of a tenant without budgets',
      () => tokenOf([], { identifier: 'b1.k1.globex.agent-1.1000.AAAAAAAAAAAAAAAAAAAAAA' }),
    ],
    ['a token replayed at another gateway [T11]', ({ mint }) => mint({ aud: 'another' })],
  ])('%s', async (_, make) => {
    const seat = await family()
    const token = await make(seat)
    const before = JSON.stringify(seat.memory.describe('acme/agent-1'))
    for (const [method, params] of REQUESTS) {
      const stranger = anonymous(await seat.request(method, params))
      expect(anonymous(await seat.request(method, params, { token })), method).toBe(stranger)
      const modern = anonymous(await seat.request(method, params, { modern: true }))
      expect(anonymous(await seat.request(method, params, { token, modern: true })), method).toBe(modern)
    }
    expect(seat.handed).toEqual([])
    expect(JSON.stringify(seat.memory.describe('acme/agent-1'))).toBe(before)
  })
})

/** A parent with two children, in a store that can lose the first of them. */
async function family() {
  const clock = new FakeClock()
  const memory = new InMemoryBudgetEnforcer({ clock })
  memory.initialize('acme/agent-1', 1_000)
  const fresh = new InMemoryBudgetEnforcer({ clock })
  fresh.initialize('acme/agent-1', 1_000)
  let isGone = false
  // A store that is restored from before the child was made: the parent is there, the child is not.
  const store = new Proxy(memory, {
    get(target, key) {
      const from = isGone ? fresh : target
      const value: unknown = Reflect.get(from, key, from)
      return typeof value === 'function' ? value.bind(from) : value
    },
  })
  const seat = tokenSeat({ clock, memory: store })
  const parent = seat.mint()
  const restrictions = { ops: ALL_OPS }
  const child = await seat.ask(DELEGATE, { budget: 300, restrictions }, parent)
  const sibling = await seat.ask(DELEGATE, { budget: 200, restrictions }, parent)
  return { ...seat, parent, child, sibling, forget: () => void (isGone = true) }
}

// By its own signature, which is the key to append with, and all that a holder has.
function retargeted(token: string, budgetId: string): string {
  return appendToMacaroon(readToken(token).raw, [`budget=${budgetId.split('/')[1]}`])
}

describe('what a refusal and a balance show', () => {
  test('of a budget that is shared is what this token could spend, and never more [T35]', async () => {
    const { ask, call, mint } = tokenSeat()
    const ceilinged = mint({ max: 40 })
    expect((await ask('budget/balance', {}, ceilinged)).budgets).toEqual([
      { budget_id: 'acme/agent-1', remaining: 40, token_id: expect.any(String) },
    ])
    expect((await call(ceilinged, 'dear')).error.data).toMatchObject({ reason: 'ceiling', remaining_credits: 40 })
    const { data } = await ask(DELEGATE, { budget: 41 }, ceilinged)
    expect(data.remaining_credits ?? 0).toBeLessThanOrEqual(40)
    await call(ceilinged)
    expect((await ask('budget/balance', {}, ceilinged)).budgets[0].remaining).toBe(35)
  })

  test('of a child is nothing of its parent and siblings [T35, T37]', async () => {
    const { ask, call, mint } = tokenSeat({ credits: 987_654 })
    const child = await ask(DELEGATE, { budget: 7, restrictions: { ops: ALL_OPS } }, mint())
    const answers = [
      await ask('budget/balance', {}, child.token),
      await ask('satgate/budget', {}, child.token),
      await call(child.token),
      await call(child.token),
      await ask(DELEGATE, { budget: 500 }, child.token),
      await ask('budget/close', { budget: 'agent-1' }, child.token),
    ]
    expect(JSON.stringify(answers)).not.toMatch(/98765|98764|agent-1/)
  })

  test('is nothing where the balance is hidden [T35]', async () => {
    const { ask, call, mint, handed } = tokenSeat({ credits: 987, budget: { hideBalance: true } })
    const token = mint()
    expect((await call(token)).result).toBeDefined()
    for (let i = 0; i < 19; i++) await call(token, 'dear')
    const { error } = await call(token, 'dear')
    expect(error.data).toMatchObject({ error: 'budget_exhausted', cost_credits: 50 })
    expect(error.data).not.toHaveProperty('remaining_credits')
    expect(error.message).not.toMatch(/remaining/)
    const before = handed.length
    expect(await ask('budget/balance', {}, token)).toMatchObject({ code: -32601 })
    expect(handed.length).toBe(before)
  })
})

describe('names that would be keys, or text of a program', () => {
  const HOSTILE = [
    'a:b',
    '../x',
    '__proto__',
    'constructor',
    "'; DROP TABLE budgets; --",
    '{"$gt":""}',
    '\u0000',
    'acme/agent-1',
    '*',
    'a\nb',
    '💣',
  ]

  test('are labels like any other, and reach no budget [T38]', async () => {
    const { ask, mint, memory, told } = tokenSeat()
    const shown = HOSTILE.filter((label) => !/\p{Cc}/u.test(label))
    expect(shown.length).toBe(HOSTILE.length - 2)
    for (const label of HOSTILE) await ask(DELEGATE, { budget: 1, label }, mint())
    expect(memory.describe('acme/agent-1')).toMatchObject({ available: 1_000 - shown.length })
    expect(told('delegated').map(({ label }) => label)).toEqual(shown)
  })

  test('are keys that never collide, or none [T38]', async () => {
    const { ask, mint } = tokenSeat()
    const token = mint()
    const made = new Set<string>()
    const printable = HOSTILE.filter((each) => /^[ -~]+$/.test(each))
    for (const key of [...printable, 'a:b:', 'a', 'b'])
      made.add(
        (await ask(DELEGATE, { budget: 1 }, token, { meta: { 'dev.mcp-budget/idempotency-key': key } })).budgetId,
      )
    expect(made.size).toBe(printable.length + 3)
    expect(made).not.toContain(undefined)
  })

  test('are budgets of nobody [T38]', async () => {
    const { ask, mint, memory } = tokenSeat()
    for (const budget of HOSTILE)
      for (const method of ['budget/close', 'budget/revoke'])
        if (budget !== 'acme/agent-1')
          expect((await ask(method, { budget }, mint())).data.error).toMatch(/invalid_params|unauthorized/)
    expect(memory.describe('acme/agent-1')).toMatchObject({ state: 'open', available: 1_000 })
  })
})

test('10,000 attenuations, and as many refused delegations, leave nothing in the store [T39]', async () => {
  const { ask, wire, mint, memory, handed } = tokenSeat({ credits: 0 })
  const token = mint()
  for (let i = 0; i < 10_000; i++) {
    const narrow = attenuate(token, { max: i + 1, calls: i + 1 })
    wire.receive({
      jsonrpc: '2.0',
      id: i,
      method: 'tools/call',
      params: { name: 'search', _meta: { 'dev.mcp-budget/token': narrow } },
    })
  }
  expect((await ask(DELEGATE, { budget: 5 }, token)).data.error).toBe('delegation_failed')
  expect(handed).toEqual([])
  expect(memory.describe('acme/agent-1')).toMatchObject({ openHolds: 0, available: 0, spent: 0 })
})
