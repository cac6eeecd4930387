import { InMemoryBudgetEnforcer, withDelegation } from 'mcp-budget'
import { FakeClock } from 'mcp-budget/testing'
import { describe, expect, test, vi } from 'vitest'
import { crypto } from '../../../src/core/crypto/node.js'
import { anonymous, tokenSeat } from '../../support/token-seat.js'

const SECRET = 'mcpb_a-secret-of-the-configuration'

function seat(token = SECRET) {
  const clock = new FakeClock()
  const memory = new InMemoryBudgetEnforcer({ clock })
  memory.initialize('acme/agent-1', 100)
  return tokenSeat({ clock, memory, step: withDelegation({ auth: 'config', token, budget: 'acme/agent-1' }) })
}

describe('one secret of the configuration [seed-001:auth-modes]', () => {
  test('opens the budget that it stands for, and is handed on to nobody [L-S31]', async () => {
    const { call, ask, handed, balance, ledger } = seat()
    expect((await call(SECRET)).result).toBeDefined()
    expect((await call(undefined, 'search', { meta: { token: SECRET } })).result).toBeDefined()
    const headers = { authorization: `Bearer ${SECRET}` }
    expect((await call(undefined, 'search', { extra: { requestInfo: { headers } } })).result).toBeDefined()
    expect(balance().spent).toBe(15)
    expect(await ask('budget/balance', {}, SECRET)).toEqual({
      mode: 'hard',
      budgets: [{ budget_id: 'acme/agent-1', remaining: 85, held: 0, spent: 15, debt: 0 }],
    })
    expect(JSON.stringify([handed, ledger.entries()])).not.toContain(SECRET)
  })

  test.each([
    ['none', undefined],
    ['another', `${SECRET}x`],
    ['a part of it', SECRET.slice(0, -1)],
    ['an empty one', ''],
    ['its hash', crypto.sha256(SECRET) as never],
    ['a very long one', 'mcpb_'.repeat(100_000)],
  ])('and %s are answered alike: no token is no identity [L-S6]', async (_, token) => {
    const { call, handed, balance } = seat()
    const { code, data } = (await call(token)).error
    expect([code, data]).toEqual([
      -32001,
      { error: 'unauthorized', reason: 'unauthorized', tool: 'search', retryable: false },
    ])
    expect(handed).toEqual([])
    expect(balance()).toMatchObject({ available: 100, held: 0 })
  })

  test('beside another is ambiguous', async () => {
    const { call } = seat()
    const { error } = await call(SECRET, 'search', { meta: { token: `${SECRET}x` } })
    expect(error.data.reason).toBe('ambiguous_credentials')
  })

  test('that does not begin as a token is taken in a place of our own only', async () => {
    const plain = 'a-secret-of-the-configuration'
    const { call, handed } = seat(plain)
    expect((await call(plain)).result).toBeDefined()
    const headers = { authorization: `Bearer ${plain}` }
    const answer = await call(undefined, 'search', { extra: { requestInfo: { headers } } })
    expect(anonymous(answer)).toBe(anonymous(await call()))
    expect(handed).toHaveLength(1)
  })

  test('is compared as a hash, whatever was sent, and never as text [T36]', async () => {
    const sha256 = vi.spyOn(crypto, 'sha256')
    const { call } = seat()
    await call(SECRET)
    await call(`${SECRET}x`)
    const hashed = sha256.mock.calls.map(([given]) => given)
    expect(hashed).toEqual([SECRET, SECRET, `${SECRET}x`])
    sha256.mockRestore()
  })
})

describe('auth `none`', () => {
  test('ignores whatever token comes, hands none on, and whoever the budget names pays [seed-001:auth-modes]', async () => {
    const clock = new FakeClock()
    const memory = new InMemoryBudgetEnforcer({ clock })
    memory.initialize('house', 100)
    const step = withDelegation({ auth: 'none' })
    const { call, handed } = tokenSeat({ clock, memory, step, budget: { budget: 'house' } })
    const extra = { authInfo: { token: SECRET, clientId: 'c', scopes: [] } }
    for (const token of [undefined, SECRET, 'mcpb_another'])
      expect((await call(token, 'search', { extra })).result).toBeDefined()
    expect(memory.describe('house')).toMatchObject({ spent: 15 })
    expect(JSON.stringify(handed)).not.toContain('mcpb_')
    expect(handed[0]?.extra).toEqual({ authInfo: { token: '', clientId: 'c', scopes: [] } })
  })
})
