import { withDelegation } from 'mcp-budget'
import { KeyRing } from 'mcp-budget/delegation'
import { describe, expect, test } from 'vitest'
import { keys, secret, tokenOf } from '../../support/tokens.js'
import { TOKEN, tokenSeat, type TokenSeatSetUp } from '../../support/token-seat.js'

const shadow = (auth: TokenSeatSetUp['auth'] = {}, more: Partial<TokenSeatSetUp> = {}) =>
  tokenSeat({ auth, budget: { mode: 'shadow' }, ...more })

const others = new KeyRing({ current: { kid: 'k1', key: secret(2) } })
type Seat = ReturnType<typeof tokenSeat>

describe('in shadow mode', () => {
  test.each<[string, (seat: Seat) => string | undefined, object | undefined]>([
    ['a good token', (seat) => seat.mint(), undefined],
    ['no token', () => undefined, { error: 'unauthorized', reason: 'unauthorized' }],
    ['a forged token', () => tokenOf([], { ring: others }), { error: 'unauthorized' }],
    ['an expired token', () => tokenOf(['exp=1000']), { error: 'unauthorized' }],
    ['a token for another tool', (seat) => seat.mint({ tool: ['x'] }), { error: 'forbidden_tool' }],
    [
      'a token for a lower price',
      (seat) => seat.mint({ call: 1 }),
      { error: 'forbidden_tool', reason: 'call_cost_exceeded' },
    ],
    [
      'a token on a budget that there is not',
      (seat) => seat.mint({ budget: 'acme/nobody' }),
      { error: 'unauthorized' },
    ],
  ])(
    'a call with %s passes as it came, token and all, and hard modes answer is told [I19]',
    async (_, make, refusal) => {
      const seat = shadow()
      const token = make(seat)
      const message = {
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: { name: 'search', _meta: { a: 1, ...(token && { [TOKEN]: token, token }) } },
      }
      const extra = {
        authInfo: { token: token ?? 'x', clientId: 'c', scopes: [] },
        requestInfo: { headers: { authorization: `Bearer ${token}` } },
      }
      const [before, beside] = [JSON.stringify(message), JSON.stringify(extra)]
      seat.wire.receive(message, extra)
      // In the same tick, and the very same objects.
      expect(seat.handed).toHaveLength(1)
      expect(seat.handed[0]?.message).toBe(message)
      expect(seat.handed[0]?.extra).toBe(extra)
      expect([JSON.stringify(message), JSON.stringify(extra)]).toEqual([before, beside])
      expect(seat.wire.messages).toMatchObject([{ id: 1, result: { content: [{ text: 'done' }] } }])
      const refused = seat.told('refused')
      expect(refused.map(({ enforced }) => enforced)).toEqual(refusal === undefined ? [] : [false])
      if (refusal !== undefined) expect(refused[0].refusal).toMatchObject(refusal)
      const simulated = seat.told('simulated')
      expect(simulated).toHaveLength(1)
      if (refusal === undefined)
        expect(simulated[0]).toMatchObject({ budgets: ['acme/agent-1'], charge: { charged: 5 } })
      else expect(simulated[0]).toMatchObject({ refusal, charge: undefined })
      expect(seat.balance()).toMatchObject({ available: 1_000, held: 0, spent: 0 })
      if (token) expect(JSON.stringify([seat.heard, seat.ledger.entries()])).not.toContain(token)
    },
  )

  test('each call is told of once, with two tokens that are not equal too', async () => {
    const seat = shadow()
    await seat.call(seat.mint(), 'search', { meta: { token: seat.mint() } })
    expect(seat.handed).toHaveLength(1)
    expect(seat.told('refused')).toMatchObject([{ enforced: false, refusal: { reason: 'ambiguous_credentials' } }])
    expect(seat.told('simulated')).toHaveLength(1)
  })

  test('methods of our own go on to the server as they came, and do nothing', async () => {
    const seat = shadow()
    const token = seat.mint()
    for (const method of ['budget/delegate', 'budget/close', 'budget/revoke', 'budget/balance', 'satgate/delegate'])
      await seat.request(method, { budget: 5 }, { token })
    expect(seat.handed.map(({ message }) => message.params)).toEqual(
      Array(5).fill({ budget: 5, _meta: { [TOKEN]: token } }),
    )
    expect(seat.balance()).toMatchObject({ available: 1_000 })
  })

  test('a secret of the configuration is judged and not enforced either', async () => {
    const step = withDelegation({ auth: 'config', token: 'mcpb_a-secret-of-the-configuration', budget: 'acme/agent-1' })
    const seat = shadow({}, { step })
    await seat.call('mcpb_another')
    await seat.call('mcpb_a-secret-of-the-configuration')
    expect(seat.handed).toHaveLength(2)
    expect(seat.told('simulated')).toMatchObject([{ refusal: { error: 'unauthorized' } }, { charge: { charged: 5 } }])
    expect(keys.kid).toBe('k1')
  })
})

test('in soft mode a token that does not serve is refused all the same', async () => {
  const seat = tokenSeat({ credits: 3, budget: { mode: 'soft' } })
  expect((await seat.call(tokenOf(['exp=1000']))).error.data.error).toBe('unauthorized')
  expect((await seat.call(seat.mint())).result).toBeDefined()
  expect(seat.balance()).toMatchObject({ spent: 5, debt: 2 })
})
