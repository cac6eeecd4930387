/** Rights that a token has not, or has no more, used at a seat. */
import { attenuate, type CaveatKind } from 'mcp-budget/delegation'
import { describe, expect, test } from 'vitest'
import { ALL, full, KEY, tokenSeat } from '../../support/attacked-seat.js'
import { MODERN } from '../../support/seat.js'
import { tokenOf } from '../../support/tokens.js'

const UNAUTHORIZED = { error: 'unauthorized', reason: 'unauthorized' }

/** Delegates with a token; the child's token and budget. */
async function child(seat: ReturnType<typeof tokenSeat>, token: string, params: object = {}) {
  const { result } = await seat.ask('budget/delegate', { budget: 30, ...params }, token)
  return result as { token: string; budgetId: string; tokenId: string }
}

// Why: `revoke` asks the store without an authority, so nobody looks whether the token that asks is good itself.
test('a revoked token revokes nothing [T10]', async () => {
  const seat = tokenSeat()
  const token = full()
  const { prefixId } = (await seat.ask('budget/revoke', { token: attenuate(token, { calls: 9 }) }, token)).result
  expect(prefixId).toBeDefined()
  await seat.ask('budget/revoke', { token }, token)
  expect((await seat.call(token)).error.data).toMatchObject(UNAUTHORIZED)
  const answer = await seat.ask('budget/revoke', { token: attenuate(token, { calls: 8 }) }, token)
  expect(answer.error?.data).toMatchObject(UNAUTHORIZED)
})

// Why: the same; the budget that the token names was never registered for it.
test('a token that names a budget of somebody else revokes nothing [T07]', async () => {
  const seat = tokenSeat()
  const other = await child(seat, full())
  const forged = full('calls=5/abcdef', `budget=${other.budgetId.slice('acme/'.length)}`)
  expect((await seat.call(forged)).error.data).toMatchObject(UNAUTHORIZED)
  const answer = await seat.ask('budget/revoke', { token: attenuate(forged, { calls: 1 }) }, forged)
  expect(answer.error?.data).toMatchObject(UNAUTHORIZED)
})

// Why: by its budget a token revokes the prefix that this is registered at, which is above a token that was narrowed
// since: a helper kills the token that it was made of, and all siblings.
test('a token that was narrowed revokes nothing above itself by the name of its own budget [T34]', async () => {
  const seat = tokenSeat()
  const middle = await child(seat, full(), { restrictions: { ops: ['call', 'balance', 'revoke', 'close'] } })
  const helper = attenuate(middle.token, { tool: ['nothing'] })
  // By the text it is refused.
  expect((await seat.ask('budget/revoke', { token: middle.token }, helper)).error.data).toMatchObject(UNAUTHORIZED)
  await seat.ask('budget/revoke', { budget: middle.budgetId }, helper)
  expect(await seat.call(middle.token)).toBe(undefined)
})

// Why: what reads the price is asked by `withBudget` in `enter`, and a method has none.
test('a caveat that reads the cost is judged for methods too', async () => {
  const plan: CaveatKind<string> = {
    name: 'plan',
    readsCost: true,
    parse: (value) => value,
    holds: (_, { op, cost = Infinity }) => op === 'call' && cost <= 5,
  }
  const seat = tokenSeat({ delegation: { kinds: [plan] } })
  const token = full('plan=a')
  expect(await seat.call(token)).toBe(undefined)
  const answer = await seat.ask('budget/delegate', { budget: 50 }, token)
  expect(answer.error?.data.error).toBe('forbidden_tool')
})

describe('of a call that asks for input (2026-07-28)', () => {
  const asks = { resultType: 'input_required', inputRequests: { n: { method: 'elicitation/create', params: {} } } }
  const leg = (requestState?: string) => ({
    name: 'book',
    _meta: MODERN,
    ...(requestState !== undefined && { requestState, inputResponses: { n: { action: 'accept' } } }),
  })
  const ask = (seat: ReturnType<typeof tokenSeat>, token: string, state?: string) => {
    const { _meta, ...params } = leg(state)
    return seat.ask('tools/call', params, token, _meta)
  }

  // Why: the store compares budget and amount of the hold, and not whose token it was: the ceiling of the second is passed.
  test('another token of the same budget does not go on with the call of the first [T31]', async () => {
    const seat = tokenSeat()
    const narrow = full('calls=1/abcdef')
    await ask(seat, narrow)
    await seat.answer()
    expect((await seat.call(narrow)).error.data).toMatchObject({ error: 'budget_exhausted', reason: 'ceiling' })
    await ask(seat, full())
    const state = (await seat.answer(asks)).result.requestState
    await ask(seat, narrow, state)
    // It has no call left, and made one.
    expect(seat.ran.length).toBe(2)
  })

  // Why: a round is an `extend`, which carries no authority: up to ten more rounds of work after a revocation.
  test('a revoked token does not go on with its call [T31]', async () => {
    const seat = tokenSeat()
    const token = full()
    await ask(seat, token)
    const state = (await seat.answer(asks)).result.requestState
    await seat.ask('budget/revoke', { token }, token)
    expect((await seat.call(token)).error.data).toMatchObject(UNAUTHORIZED)
    await ask(seat, token, state)
    expect(seat.ran.length).toBe(1)
  })
})

describe('who brings a token that does not serve is told what a stranger is told', () => {
  const strangers = async (seat: ReturnType<typeof tokenSeat>, name: string) => (await seat.call(undefined, name)).error

  test.each([
    // Why: the first caveat that does not hold is told of, and one that was added later ended the token.
    ['expired, of a tool that it forbids', ['tool=a', 'exp=1'], {}],
    ['of another gateway, of a tool that it forbids', ['tool=a', 'aud=other'], {}],
    ['of another tool and without the right to call', ['tool=a', 'ops=balance'], {}],
  ])('%s [T35]', async (_, caveats, delegation) => {
    const seat = tokenSeat({ delegation })
    expect((await seat.call(tokenOf(caveats), 'search')).error).toEqual(await strangers(seat, 'search'))
  })

  // Why: `unknown_budget` of the store is taken for a key that was used before, also where the asking budget is gone.
  test('on a budget that is not there, asking to delegate with a key [T35]', async () => {
    const seat = tokenSeat({ budgets: {} })
    const ask = (token?: string) => seat.ask('budget/delegate', { budget: 5 }, token, { [KEY]: 'k' })
    expect((await ask(full())).error).toEqual((await ask()).error)
  })
})

describe('beside `approve`', () => {
  const budget = { approve: () => true, approveAbove: 10 }

  // Why: before it asks a person the step asks the store by `check`, which knows no token.
  test('a refusal says no more than what the token could spend [T35]', async () => {
    const seat = tokenSeat({ budget, prices: { defaultCost: 500 } })
    const { data } = (await seat.call(full('max=7/abcdef'))).error
    expect(data.remaining_credits).toBe(7)
  })

  test('a token that names the budget of a sibling is not told what that has left [T07, T35]', async () => {
    const seat = tokenSeat({ budget, prices: { defaultCost: 500 } })
    const sibling = await child(seat, full(), { budget: 42 })
    const forged = full('calls=5/abcdef', `budget=${sibling.budgetId.slice('acme/'.length)}`)
    expect((await seat.call(forged)).error.data).toMatchObject(UNAUTHORIZED)
  })

  test('nobody is asked to approve a call by a revoked token', async () => {
    const asked: string[] = []
    const approve = (call: { tool: string }) => asked.push(call.tool) > 0
    const seat = tokenSeat({ budget: { approve }, prices: { defaultCost: 20 } })
    await seat.ask('budget/revoke', { token: full() }, full())
    await seat.call(full())
    expect(asked).toEqual([])
  })
})

// Why: the session is bound to the first token whose MAC is good, before its caveats are looked at.
test('a token that has expired binds nobody else\u2019s session to its budget [T33]', async () => {
  const seat = tokenSeat({ budgets: { 'acme/agent-1': 100, 'acme/agent-2': 100 } })
  seat.wire.sessionId = 'session-1'
  const identifier = 'b1.k1.acme.agent-2.1000.BBBBBBBBBBBBBBBBBBBBBA'
  await seat.call(tokenOf([ALL, 'exp=2000'], { identifier }))
  expect(await seat.call(full())).toBe(undefined)
})
