import { BudgetClient } from 'mcp-budget'
import { describe, expect, test } from 'vitest'

const TOKEN = 'dev.mcp-budget/token'
const KEY = 'dev.mcp-budget/idempotency-key'

/** A client that notes what it is asked, and answers by a list. */
function client(answers: readonly unknown[] = [], options: object = { token: 'mcpb_mine' }) {
  const asked: any[] = []
  const left = [...answers]
  const inner = {
    request: async (request: any, schema: any) => {
      asked.push({ request, schema })
      const answer = left.length > 0 ? left.shift() : {}
      if (answer instanceof Error) throw answer
      return answer
    },
  }
  return { asked, budgets: new BudgetClient(inner, options) }
}

const refused = (error: string): Error =>
  Object.assign(new Error('no'), { code: 1, data: { error, reason: error, tool: 'x', retryable: false } })

describe('a budget client', () => {
  test.each([
    ['balance', undefined, 'budget/balance'],
    ['delegate', { budget: 5, label: 'a', caps: { depth: 1 }, restrictions: { max: 1 } }, 'budget/delegate'],
    ['close', { budget: 'acme/x' }, 'budget/close'],
    ['revoke', { token: 'mcpb_child' }, 'budget/revoke'],
    ['revoke', { budget: 'acme/x' }, 'budget/revoke'],
  ] as const)('asks `%s` of %j by its method, with its token and a key of its own', async (name, params, method) => {
    const { asked, budgets } = client([{ ok: 1 }, { ok: 2 }])
    const ask = budgets[name] as (params: unknown) => Promise<unknown>
    expect(await ask.call(budgets, params)).toEqual({ ok: 1 })
    await ask.call(budgets, params)
    const { _meta, ...sent } = asked[0].request.params
    expect(asked[0].request.method).toBe(method)
    expect(sent).toEqual(params ?? {})
    expect(_meta[TOKEN]).toBe('mcpb_mine')
    if (name === 'balance') expect(_meta).not.toHaveProperty([KEY])
    else expect(_meta[KEY]).not.toBe(asked[1].request.params._meta[KEY])
  })

  test('sends the key that it is given, as no parameter', async () => {
    const { asked, budgets } = client()
    await budgets.delegate({ budget: 5, key: 'mine' })
    expect(asked[0].request.params).toEqual({ budget: 5, _meta: { [TOKEN]: 'mcpb_mine', [KEY]: 'mine' } })
  })

  test('sends the token under the name of the seeds too, or none at all, as its options say', async () => {
    const both = client([], { token: 'mcpb_mine', alias: true })
    await both.budgets.balance()
    expect(both.asked[0].request.params._meta).toEqual({ [TOKEN]: 'mcpb_mine', token: 'mcpb_mine' })
    const none = client([], {})
    await none.budgets.balance()
    expect(none.asked[0].request.params).toEqual({})
  })

  test('asks once more with the same key where the store was out of reach, and only then', async () => {
    const { asked, budgets } = client([refused('budget_unavailable'), { token: 'x' }])
    expect(await budgets.delegate({ budget: 5 })).toEqual({ token: 'x' })
    expect(asked).toHaveLength(2)
    expect(asked[0].request).toEqual(asked[1].request)
    for (const error of [refused('unauthorized'), refused('delegation_failed'), new Error('closed')]) {
      const once = client([error, { token: 'x' }])
      await expect(once.budgets.delegate({ budget: 5 })).rejects.toBe(error)
      expect(once.asked).toHaveLength(1)
    }
    const down = client([refused('budget_unavailable'), refused('budget_unavailable')])
    await expect(down.budgets.close({ budget: 'x' })).rejects.toMatchObject({ data: { error: 'budget_unavailable' } })
    expect(down.asked).toHaveLength(2)
  })

  test.each([
    ['no client', undefined, {}, 'not_supported'],
    ['something without `request`', {}, {}, 'not_supported'],
    ['an empty token', { request: () => {} }, { token: '' }, 'invalid_config'],
    ['a token that is no text', { request: () => {} }, { token: 7 }, 'invalid_config'],
    ['an option that nobody knows', { request: () => {} }, { tokens: 'x' }, 'invalid_config'],
  ])('refuses %s', (_, given, options, code) => {
    expect(() => new BudgetClient(given as never, options as never)).toThrow(expect.objectContaining({ code }))
  })

  test('asks both generations for any object, and for nothing else', async () => {
    const { asked, budgets } = client()
    await budgets.balance()
    const { schema } = asked[0]
    expect(schema.safeParse({ a: 1 })).toEqual({ success: true, data: { a: 1 } })
    expect(schema.safeParse('x')).toMatchObject({ success: false, error: { code: 'invalid_request' } })
    expect(schema.parse({ a: 1 })).toEqual({ a: 1 })
    expect(schema['~standard']).toMatchObject({ version: 1, vendor: 'mcp-budget' })
    expect(schema['~standard'].validate({ a: 1 })).toEqual({ value: { a: 1 } })
    expect(schema['~standard'].validate(null)).toMatchObject({ issues: [{ message: expect.any(String) }] })
  })
})
