import { attenuate, TokenVerifier, type VerifiedToken } from 'mcp-budget/delegation'
import { faultyEnforcer } from 'mcp-budget/testing'
import { describe, expect, test } from 'vitest'
import { keys } from '../../support/tokens.js'
import { ALL_OPS, anonymous, KEY, tokenSeat } from '../../support/token-seat.js'
import type { DelegatingEnforcer } from 'mcp-budget'

const CLOSE = 'budget/close'
const REVOKE = 'budget/revoke'
const keyed = (key: string) => ({ meta: { [KEY]: key } })

/** A tree: a parent with two children, one of which has a child. */
async function tree(options: Parameters<typeof tokenSeat>[0] = {}) {
  const seat = tokenSeat(options)
  const parent = seat.mint()
  const delegate = (budget: number, token: string) =>
    seat.ask('budget/delegate', { budget, restrictions: { ops: ALL_OPS } }, token)
  const left = await delegate(300, parent)
  const right = await delegate(200, parent)
  const below = await delegate(100, left.token)
  const idOf = (token: string) =>
    (new TokenVerifier({ keys, clock: seat.clock }).verify(token) as VerifiedToken).tokenId
  return { ...seat, parent, left, right, below, idOf }
}

describe('budget/close', () => {
  test('gives the parent exactly what was not spent, with all below [L-S42, I1]', async () => {
    const { ask, call, left, below, parent, balance, told, idOf } = await tree()
    await call(below.token)
    await call(left.token)
    expect(await ask(CLOSE, { budget: left.budgetId }, parent)).toEqual({ returned: 290 })
    expect(balance()).toMatchObject({ available: 790 })
    for (const token of [left.token, below.token]) expect((await call(token)).error.data.error).toBe('unauthorized')
    expect(told('closed')).toEqual([{ tokenId: idOf(parent), budget: left.budgetId, returned: 290 }])
  })

  test('of its own budget is a holders right, by id or by name', async () => {
    const { ask, left, right, balance } = await tree()
    expect(await ask(CLOSE, { budget: left.budgetId }, left.token)).toEqual({ returned: 300 })
    expect(await ask(CLOSE, { budget: right.budgetId.split('/')[1] }, right.token)).toEqual({ returned: 200 })
    expect(balance()).toMatchObject({ available: 1_000 })
  })

  test('of any other budget is answered as a stranger is, whether it is there or not [T07, T37]', async () => {
    const { request, left, right, below, memory, balance } = await tree()
    memory.initialize('globex/agent-1', 77)
    const stranger = anonymous(await request(CLOSE, { budget: right.budgetId }))
    for (const budget of [right.budgetId, 'acme/agent-1', 'agent-1', 'acme/not-there', 'A'.repeat(22)])
      expect(anonymous(await request(CLOSE, { budget }, { token: left.token })), budget).toBe(stranger)
    expect(anonymous(await request(CLOSE, { budget: left.budgetId }, { token: below.token }))).toBe(stranger)
    expect(balance(right.budgetId)).toMatchObject({ available: 200 })
    expect(memory.describe('globex/agent-1')).toMatchObject({ available: 77 })
  })

  test('names no budget of another tenant at all [T07, T38]', async () => {
    const { ask, parent, memory } = await tree()
    memory.initialize('globex/agent-1', 77)
    for (const budget of [
      'globex/agent-1',
      'acme/../globex/agent-1',
      'acme/',
      '',
      'a b',
      'a:b',
      `acme/${'x'.repeat(65)}`,
      7,
      null,
      undefined,
      {},
    ])
      expect((await ask(CLOSE, { budget }, parent)).data.error).toBe('invalid_params')
    expect((await ask(CLOSE, { budget: 'x', why: 'revoked' }, parent)).data.reason).toBe('unknown_parameter')
    expect(memory.describe('globex/agent-1')).toMatchObject({ available: 77, state: 'open' })
  })

  test('with its key is answered as before, and once more without is of nothing', async () => {
    const { ask, left, parent, balance } = await tree()
    const params = { budget: left.budgetId }
    expect(await ask(CLOSE, params, parent, keyed('k'))).toEqual({ returned: 300 })
    expect(await ask(CLOSE, params, parent, keyed('k'))).toEqual({ returned: 300 })
    expect(balance()).toMatchObject({ available: 800 })
  })

  test('with the key of another close is refused', async () => {
    const { ask, left, right, parent, balance } = await tree()
    await ask(CLOSE, { budget: left.budgetId }, parent, keyed('k'))
    expect((await ask(CLOSE, { budget: right.budgetId }, parent, keyed('k'))).data.error).toBe('idempotency_mismatch')
    expect(balance(right.budgetId)).toMatchObject({ available: 200 })
  })

  test('lets open holds finish, and gives back what they do not use [I4]', async () => {
    const { ask, left, below, parent, transport, wire, memory, balance } = await tree()
    // A call that is not answered yet.
    transport.onmessage = () => {}
    wire.receive({
      jsonrpc: '2.0',
      id: 'open',
      method: 'tools/call',
      params: { name: 'dear', _meta: { 'dev.mcp-budget/token': left.token } },
    })
    expect(memory.describe(left.budgetId)).toMatchObject({ held: 50 })
    expect(await ask(CLOSE, { budget: left.budgetId }, parent)).toEqual({ returned: 250 })
    await transport.send({ jsonrpc: '2.0', id: 'open', error: { code: -32601, message: 'no' } })
    expect(balance()).toMatchObject({ available: 800 })
    expect(memory.describe(below.budgetId)).toMatchObject({ state: 'closed' })
  })
})

describe('budget/revoke', () => {
  test('of a child ends it with all that was made of it; what it had is closed for, not lost [L-S42]', async () => {
    const { ask, call, left, below, parent, balance, told, idOf } = await tree()
    await call(below.token)
    const answer = await ask(REVOKE, { token: left.token }, parent)
    // What the child had delegated went back to its budget, which is registered before what the token ends with.
    expect(answer).toEqual({ prefixId: idOf(left.token), returned: 95 })
    for (const token of [left.token, below.token, attenuate(below.token, { deny: ['x'] })])
      expect((await call(token)).error.data.error).toBe('unauthorized')
    expect([balance().available, balance(left.budgetId).available]).toEqual([500, 295])
    expect(told('revoked')).toEqual([{ tokenId: idOf(parent), ...answer }])
    expect(await ask(CLOSE, { budget: left.budgetId }, parent)).toEqual({ returned: 295 })
  })

  test('of the budget of a child revokes every token on it', async () => {
    const { ask, call, left, below, parent, balance } = await tree()
    expect(await ask(REVOKE, { budget: left.budgetId }, parent)).toMatchObject({ returned: 300 })
    for (const token of [left.token, below.token, attenuate(left.token, { deny: ['x'] })])
      expect((await call(token)).error.data.error).toBe('unauthorized')
    expect(balance()).toMatchObject({ available: 800 })
  })

  test('of itself ends it at once, and what was made of it [T01]', async () => {
    const { ask, call, parent, left } = await tree()
    expect(await ask(REVOKE, { token: parent }, parent)).toMatchObject({ returned: expect.any(Number) })
    for (const token of [parent, left.token, attenuate(parent, { deny: ['x'] })])
      expect((await call(token)).error.data.error).toBe('unauthorized')
  })

  test('of what was made offline leaves the rest as it is', async () => {
    const { ask, call, parent } = await tree()
    const [one, other] = [attenuate(parent, { deny: ['x'] }), attenuate(parent, { deny: ['y'] })]
    await ask(REVOKE, { token: one }, parent)
    expect((await call(one)).error.data.error).toBe('unauthorized')
    expect((await call(attenuate(one, { deny: ['z'] }))).error.data.error).toBe('unauthorized')
    expect((await call(other)).result).toBeDefined()
    expect((await call(parent)).result).toBeDefined()
  })

  test('of what is not its own is answered as a stranger is, and does nothing [T07, T34]', async () => {
    const { request, call, left, right, below, parent, memory } = await tree()
    const stranger = anonymous(await request(REVOKE, { token: left.token }))
    const asked = [
      [{ token: right.token }, left.token],
      [{ token: parent }, left.token],
      [{ token: left.token }, below.token],
      [{ budget: right.budgetId }, left.token],
      [{ budget: 'acme/agent-1' }, left.token],
      [{ budget: 'acme/not-there' }, left.token],
      [{ token: 'mcpb_nonsense' }, left.token],
      [{ token: 'nonsense' }, left.token],
      [{ token: 7 }, left.token],
      // Nobody has delegated the root.
      [{ budget: 'acme/agent-1' }, parent],
    ] as const
    for (const [params, token] of asked)
      expect(anonymous(await request(REVOKE, params, { token })), JSON.stringify(params)).toBe(stranger)
    for (const token of [parent, left.token, right.token, below.token]) expect((await call(token)).result).toBeDefined()
    expect(memory.describe('acme/agent-1')).toMatchObject({ state: 'open' })
  })

  test.each([[{}], [{ token: 'a', budget: 'b' }], [{ nonce: 'x' }], [{ token: 'a', until: 5 }], [{ budget: 'a b' }]])(
    'refuses %j as invalid',
    async (params) => {
      const { ask, parent } = await tree()
      expect((await ask(REVOKE, params, parent)).data.error).toBe('invalid_params')
    },
  )

  test('asked again by a key answers as before, also where the first answer was lost [L-P8]', async () => {
    const lossy = (memory: DelegatingEnforcer): DelegatingEnforcer =>
      faultyEnforcer(memory, { revoke: { 1: 'lose', 2: 'lose' } }) as DelegatingEnforcer
    const { ask, left, parent, balance } = await tree({ store: lossy })
    expect((await ask(REVOKE, { token: left.token }, parent, keyed('k'))).data.error).toBe('budget_unavailable')
    const answer = await ask(REVOKE, { token: left.token }, parent, keyed('k'))
    expect(answer).toHaveProperty('prefixId')
    expect(await ask(REVOKE, { token: left.token }, parent, keyed('k'))).toEqual(answer)
    expect(balance().available + balance(left.budgetId).available).toBeGreaterThanOrEqual(800)
  })

  test.each([
    ['budget/close', 'close'],
    ['budget/revoke', 'revoke'],
  ] as const)('and %s are said to be unavailable where the store is', async (method, verb) => {
    const down = (memory: DelegatingEnforcer): DelegatingEnforcer =>
      faultyEnforcer(memory, (each) => (each === verb ? 'throw' : undefined)) as DelegatingEnforcer
    const { ask, left, parent } = await tree({ store: down })
    expect((await ask(method, { budget: left.budgetId }, parent)).data).toMatchObject({
      error: 'budget_unavailable',
      reason: 'budget_backend_error',
      retryable: true,
    })
  })
})
