import { InMemoryBudgetEnforcer, withBudget, withDelegation, type DelegationOptions } from 'mcp-budget'
import { describe, expect, test } from 'vitest'
import { keys } from '../../support/tokens.js'
import { TOKEN_ALIAS, TOKEN_META } from '../../../src/mcp/credentials.js'
import { anonymous, tokenSeat, TOKEN } from '../../support/token-seat.js'

const SECRET = 'mcpb_a-secret-of-the-configuration'

/** Where a token may be, and what stands beside it there. */
const SOURCES = {
  meta: (token: string) => ({ token }),
  alias: (token: string) => ({ meta: { token } }),
  'header of our own': (token: string) => ({ extra: { requestInfo: { headers: { 'mcp-budget-token': token } } } }),
  'Authorization of v1': (token: string) => ({
    extra: { requestInfo: { headers: { authorization: `Bearer ${token}` } } },
  }),
  'Authorization of v2': (token: string) => ({
    extra: { request: new Request('http://x.test', { headers: { authorization: `bearer  ${token}` } }) },
  }),
  authInfo: (token: string) => ({ extra: { authInfo: { token, clientId: 'c', scopes: [] } } }),
} as const
type Source = keyof typeof SOURCES
const ALL = Object.keys(SOURCES) as Source[]

describe('the settings of withDelegation', () => {
  const enforcer = new InMemoryBudgetEnforcer()
  test.each<[string, unknown, string]>([
    ['nothing', undefined, 'options'],
    ['a map', new Map(), 'options'],
    ['neither a token nor keys', {}, 'token'],
    ['keys that are none', { keys: {} }, 'keys'],
    ['an auth that there is not', { auth: 'open' }, 'keys'],
    ['header without keys', { auth: 'header' }, 'keys'],
    ['an auth that there is not, with keys', { keys, auth: 'none' }, 'auth'],
    ['a token beside keys', { keys, token: SECRET }, 'options'],
    ['audiences that are no list', { keys, audiences: 'search' }, 'audiences'],
    ['an audience without a name', { keys, audiences: [''] }, 'audiences'],
    ['a store that cannot judge tokens', { keys, enforcer: { hold: () => undefined } }, 'enforcer'],
    ['a tenant that is none', { keys, tenant: 7 }, 'tenant'],
    ['a keyHash that is no function', { keys, keyHash: 'x' }, 'keyHash'],
    ['an approve that is no function', { keys, approve: true }, 'approve'],
    ['a skew of more than five minutes', { keys, skewMs: 300_001 }, 'skewMs'],
    ['a skew below nothing', { keys, skewMs: -1 }, 'skewMs'],
    ['a store timeout of nothing', { keys, storeTimeoutMs: 0 }, 'storeTimeoutMs'],
    ['limits that are none', { keys, limits: { text: -1 } }, 'limits'],
    ['a secret that is short', { auth: 'config', token: 'mcpb_short', budget: 'a' }, 'token'],
    ['a secret with a space', { auth: 'config', token: `${SECRET} ${SECRET}`, budget: 'a' }, 'token'],
    ['a secret that is too long', { auth: 'config', token: 'x'.repeat(8_193), budget: 'a' }, 'token'],
    [
      'a secret and a setting that is not its own',
      { auth: 'config', token: SECRET, budget: 'a', keys: undefined, enforcer },
      'options',
    ],
    ['none, and a token', { auth: 'none', token: SECRET }, 'options'],
    ['an alias that is neither yes nor no', { token: SECRET, alias: 'yes' }, 'alias'],
    ['a token with a line break', { token: 'a\nb' }, 'token'],
  ])('refuse %s, and say which it is', (_, options, path) => {
    expect(() => withDelegation(options as DelegationOptions)).toThrow(
      expect.objectContaining({ code: 'invalid_config', message: expect.stringContaining(path) }),
    )
  })

  test('never show a secret in an error', () => {
    for (const options of [
      { auth: 'config', token: `${SECRET}\n`, budget: 'a' },
      { auth: 'config', token: SECRET, budget: 'not an id' },
      { token: `${SECRET}\n` },
      { token: SECRET, alias: SECRET },
    ])
      expect(() => withDelegation(options as never)).toThrow(
        expect.objectContaining({ message: expect.not.stringContaining(`${SECRET}\\n`) }),
      )
  })

  test('name an amount that is none, and a budget that is none', () => {
    expect(() => withDelegation({ keys, approve: () => true, approveAbove: 0.5 })).toThrow(
      expect.objectContaining({ code: 'invalid_credits' }),
    )
    expect(() => withDelegation({ auth: 'config', token: SECRET, budget: 'a b' })).toThrow(
      expect.objectContaining({ code: 'invalid_budget_id' }),
    )
  })

  test('make no methods without a store', () => {
    expect(Object.keys(withDelegation({ keys }).methods ?? {})).toEqual([])
    expect(Object.keys(withDelegation({ keys, enforcer }).methods ?? {})).toEqual([
      'budget/delegate',
      'satgate/delegate',
      'budget/close',
      'budget/revoke',
    ])
  })
})

describe('a seat with keys', () => {
  const rows = ALL.flatMap((source) => (['meta', 'header'] as const).map((auth) => [source, auth] as const))

  test.each(rows)(
    'takes a token in %s as auth `%s` says, and hands none on [L-S31, seed-001:auth-modes]',
    async (source, auth) => {
      const { call, mint, handed, balance } = tokenSeat({ auth: { auth } })
      const token = mint()
      const { token: given, ...more } = { token: undefined, ...SOURCES[source](token) } as { token: string | undefined }
      const answer = await call(given, 'search', more)
      const isTaken = auth === 'header' || !/^auth/i.test(source)
      expect(balance()).toMatchObject({ spent: isTaken ? 5 : 0 })
      expect(answer.error?.data?.error).toBe(isTaken ? undefined : 'unauthorized')
      expect(handed).toHaveLength(isTaken ? 1 : 0)
      expect(shown(handed)).not.toContain(token)
    },
  )

  test('refuses two tokens that are not equal, wherever they are, and takes two that are', async () => {
    for (const one of ALL)
      for (const other of ALL) {
        if (one === other || (/^auth/i.test(one) && /^auth/i.test(other))) continue
        const { request, mint, balance } = tokenSeat({ auth: { auth: 'header' } })
        const [a, b] = [mint(), mint()]
        const both = (left: string, right: string) => merged(SOURCES[one](left), SOURCES[other](right))
        const params = { name: 'search', arguments: {} }
        const answer = await request('tools/call', params, both(a, b))
        expect(answer.error.data, `${one} and ${other}`).toMatchObject({
          error: 'unauthorized',
          reason: 'ambiguous_credentials',
        })
        expect(answer.error.data).not.toHaveProperty('token_id')
        expect(balance().spent).toBe(0)
        expect((await request('tools/call', params, both(a, a))).error).toBeUndefined()
        expect(balance().spent).toBe(5)
      }
  })

  test.each([
    ['a number', 7],
    ['an empty text', ''],
    ['nothing', null],
    ['an object', { token: 'x' }],
    ['a list', ['x']],
  ])('refuses %s for a token as it refuses none [L-S6]', async (_, value) => {
    const { call, handed } = tokenSeat()
    const stranger = await call()
    const answer = await call(undefined, 'search', { meta: { [TOKEN]: value } })
    expect(anonymous(answer)).toBe(anonymous(stranger))
    expect(handed).toEqual([])
  })

  test('leaves the credentials of others alone, and neither takes nor compares them', async () => {
    const { call, mint, handed } = tokenSeat({ auth: { auth: 'header' } })
    const theirs = { authInfo: { token: 'ey.theirs', clientId: 'c', scopes: ['s'], extra: { user: 'u' } } }
    const headers = { authorization: 'Bearer ey.theirs', 'x-other': 'mcpb_not-a-header-of-ours' }
    const extra = { ...theirs, requestInfo: { headers } }
    expect((await call(mint(), 'search', { extra, meta: { token: 'of-another' } })).result).toBeDefined()
    expect(handed[0]?.extra).toBe(extra)
    expect(handed[0]?.message.params._meta).toEqual({ token: 'of-another' })
  })

  test('refuses a call without a token, before a price is looked up or a balance read [L-S6, L-P24]', async () => {
    const { call, handed, memory, heard } = tokenSeat()
    const answer = await call()
    expect(answer.error).toEqual({
      code: -32001,
      message: "Unauthorized: tool 'search' (unauthorized)",
      data: { error: 'unauthorized', reason: 'unauthorized', tool: 'search', retryable: false },
    })
    expect(handed).toEqual([])
    expect(heard.map(({ name }) => name)).toEqual(['refused'])
    expect(memory.describe('acme/agent-1')).toMatchObject({ available: 1_000, openHolds: 0 })
    expect((await call(undefined, 'search', { modern: true })).error.code).toBe(40100)
  })

  test('lets the budget of the token pay first, and further budgets with it', async () => {
    const { call, mint, told, memory } = tokenSeat({ budget: { budget: ['acme/team', 'acme/agent-1'] } })
    memory.initialize('acme/team', 7)
    expect((await call(mint())).result).toBeDefined()
    expect(told('held')).toMatchObject([{ budgets: ['acme/agent-1', 'acme/team'], cost: 5 }])
    expect((await call(mint())).error.data).toMatchObject({ error: 'budget_exhausted', budget_id: 'acme/team' })
    expect(memory.describe('acme/agent-1')).toMatchObject({ spent: 5, held: 0 })
  })

  test('holds against the authority of the token: a ceiling is counted by the store', async () => {
    const { call, mint, balance } = tokenSeat()
    const token = mint({ max: 12 })
    for (const spent of [5, 10, 10]) {
      await call(token)
      expect(balance().spent).toBe(spent)
    }
  })

  test('judges what reads the price once it is known, and shows which token it was', async () => {
    const { call, mint, told, balance } = tokenSeat()
    const token = mint({ call: 20 })
    expect((await call(token)).result).toBeDefined()
    const { error } = await call(token, 'dear')
    expect(error.data).toMatchObject({ error: 'forbidden_tool', reason: 'call_cost_exceeded', retryable: false })
    expect(error.data.token_id).toHaveLength(12)
    expect(balance().spent).toBe(5)
    expect(told('refused')).toMatchObject([{ enforced: true, refusal: { reason: 'call_cost_exceeded' } }])
  })

  test.each([
    ['a tool that is not among its own', { tool: ['read_*'] }, 'forbidden_tool'],
    ['a tool that it denies', { deny: ['search'] }, 'forbidden_tool'],
    ['an argument', { arg: [{ tool: 'search', at: '/q', eq: 'y' }] }, 'argument_not_allowed'],
  ] as const)('says what a good token forbids: %s', async (_, caveats, reason) => {
    const { call, mint, handed } = tokenSeat()
    const { error } = await call(mint(caveats))
    expect(error.data).toMatchObject({ error: 'forbidden_tool', reason, tool: 'search' })
    expect(handed).toEqual([])
  })

  test('puts the id of the token into the record of a call, 43 characters of it', async () => {
    const { call, mint, ledger } = tokenSeat()
    await call(mint())
    await call()
    expect(ledger.entries({ kind: 'call' })).toMatchObject([
      { outcome: 'result', tokenId: expect.stringMatching(/^[\w-]{43}$/), budgets: ['acme/agent-1'] },
      { outcome: 'refused', tokenId: undefined, refusal: { error: 'unauthorized' } },
    ])
  })
})

test('withBudget without a budget needs who says who pays', () => {
  const enforcer = new InMemoryBudgetEnforcer()
  expect(withBudget({ enforcer }).needs).toContain('principal')
  expect(withBudget({ enforcer, budget: 'a' }).needs).not.toContain('principal')
  expect(() => withBudget({ enforcer, budget: undefined as never })).toThrow(
    expect.objectContaining({ code: 'invalid_budget_id' }),
  )
})

test('the keys of a token in `_meta` are the same for the step and for the seat', () => {
  expect([TOKEN_META, TOKEN_ALIAS]).toEqual([TOKEN, 'token'])
})

/** Everything that a handler can read of what it was handed, headers of a Request too. */
function shown(handed: ReadonlyArray<{ readonly message: unknown; readonly extra: any }>): string {
  return JSON.stringify(handed.map(({ message, extra }) => [message, extra, [...(extra?.request?.headers ?? [])]]))
}

/** Two ways to send a token at once. */
function merged(a: any, b: any): any {
  const infos = { ...a.extra?.requestInfo?.headers, ...b.extra?.requestInfo?.headers }
  const extra = { ...a.extra, ...b.extra, ...(Object.keys(infos).length > 0 && { requestInfo: { headers: infos } }) }
  // v2 has a request and no `requestInfo`.
  const headers = new Headers(extra.request?.headers)
  if (extra.request !== undefined) for (const [name, value] of Object.entries(infos)) headers.set(name, String(value))
  const request = extra.request && { request: new Request('http://x.test', { headers }) }
  return { token: a.token ?? b.token, meta: { ...a.meta, ...b.meta }, extra: { ...extra, ...request } }
}
