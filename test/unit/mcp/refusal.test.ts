import { McpError } from '@modelcontextprotocol/sdk/types.js'
import { ProtocolError } from '@modelcontextprotocol/client'
import { refusalOf, refuse, REFUSALS, type CallMiddleware, type RefusalReason, type RefusalSlug } from 'mcp-budget'
import { settle } from 'mcp-budget/testing'
import { describe, expect, test } from 'vitest'
import { REASONS } from '../../support/reasons.js'
import { call, MODERN, seatOn } from '../../support/seat.js'
import { refusalData, refusalError, refusalResult, refusalText } from '../../../src/mcp/refusal.js'

const slugs = Object.keys(REFUSALS) as RefusalSlug[]
const PROTOCOL = ['invalid_request', 'invalid_params', 'invalid_request_state']
const titleOf = (error: RefusalSlug) => new RegExp(`^${error.replaceAll('_', ' ')}`, 'i')
const refusing = (error: RefusalSlug, more: object = {}): CallMiddleware => ({
  name: 'refusing',
  enter: (given) => refuse(given.tool, { error, reason: REASONS[error][0] as RefusalReason, ...more }),
})

describe('the answer to a refused call', () => {
  test.each(slugs)('%s has the code of its era and is told apart by data.error [L-S41]', async (error) => {
    for (const [meta, era] of [
      [{}, 'legacy'],
      [{ _meta: MODERN }, 'modern'],
    ] as const) {
      const { transport, received } = seatOn({ inner: [refusing(error)] })
      await transport.send(call(1, 'search', meta))
      await settle()
      expect(received).toMatchObject([
        { id: 1, error: { code: REFUSALS[error][era], data: { error, tool: 'search' } } },
      ])
      expect(received[0].error.message).toMatch(titleOf(error))
    }
  })

  test.each(slugs)('%s is an isError result where that is set, but for the protocol’s own errors', async (error) => {
    for (const [meta, era] of [
      [{}, 'legacy'],
      [{ _meta: MODERN }, 'modern'],
    ] as const) {
      const { transport, received } = seatOn({ inner: [refusing(error)], seat: { refusal: 'result' } })
      await transport.send(call('x', 'search', meta))
      await settle()
      if (PROTOCOL.includes(error)) {
        expect(received).toMatchObject([{ id: 'x', error: { data: { error } } }])
        continue
      }
      const { result } = received[0]
      expect(result).toMatchObject({ isError: true, _meta: { 'dev.mcp-budget/refusal': { error, tool: 'search' } } })
      expect(result.resultType).toBe(era === 'modern' ? 'complete' : undefined)
      expect(result.structuredContent).toBeUndefined()
      expect(result.content).toEqual([{ type: 'text', text: expect.stringMatching(titleOf(error)) }])
    }
  })

  test('has the codes that the operator sets, and the same data', async () => {
    const codes = { budget_exhausted: 402, forbidden_tool: -1 }
    for (const error of ['budget_exhausted', 'forbidden_tool', 'unpriced_tool'] as const) {
      const { transport, received } = seatOn({ inner: [refusing(error)], seat: { codes } })
      await transport.send(call(1))
      await settle()
      const code = error === 'unpriced_tool' ? -32000 : codes[error]
      expect(received).toMatchObject([{ error: { code, data: { error } } }])
    }
  })

  test('says what it costs and what remains, as the seeds do [seed-001:refusal-shape, seed-003:refusal-shape]', async () => {
    const { transport, received } = seatOn({ credits: 0, prices: { costs: { dalle_generate: 50 } } })
    await transport.send(call(42, 'dalle_generate'))
    await settle()
    expect(received[0]).toMatchObject({
      jsonrpc: '2.0',
      id: 42,
      error: {
        code: -32000,
        message: "Budget exhausted: tool 'dalle_generate' costs 50 credits, 0 remaining",
        data: { error: 'budget_exhausted', tool: 'dalle_generate', cost_credits: 50, remaining_credits: 0 },
      },
    })
  })

  test('says whether trying again can help, and when [L-P20]', () => {
    const at = Date.UTC(2026, 10, 1)
    const refusal = refuse('t', { error: 'budget_exhausted', reason: 'rate', retryable: true, resetAt: at })
    expect(refusalData(refusal)).toMatchObject({ retryable: true, reset_at: '2026-11-01T00:00:00.000Z' })
    const retryable = slugs.filter(
      (slug) => refuse('t', { error: slug, reason: REASONS[slug][0] as RefusalReason }).retryable,
    )
    expect(retryable).toEqual(['approval_required', 'budget_unavailable'])
  })

  test('says what its kind says where nothing is said of trying again, and is read back [L-P20]', () => {
    for (const error of slugs) {
      const reason = REASONS[error][0] as RefusalReason
      const refusal = refuse('t', { error, reason, retryable: undefined as never })
      expect(refusal.retryable).toBe(refuse('t', { error, reason }).retryable)
      expect(refusalOf({ data: refusalData(refusal) })).toMatchObject({ error, retryable: refusal.retryable })
    }
  })

  test('shows twelve characters of a token, and no detail', () => {
    const refusal = refuse('t', {
      error: 'unauthorized',
      reason: 'unauthorized',
      tokenId: '0123456789abcdef',
      detail: 'closed',
      budget: 'default/a',
    })
    const texts = [
      refusalData(refusal),
      refusalText(refusal),
      refusalError(1, refusal, 'legacy'),
      refusalResult(refusal, 'modern'),
    ]
    expect(refusalData(refusal)).toMatchObject({ token_id: '0123456789ab' })
    expect(JSON.stringify(texts)).not.toMatch(/closed|cdef/)
  })

  test('is the same for a budget that does not exist, that is closed, and of somebody else', async () => {
    const answers = []
    for (const prepare of ['missing', 'closed'] as const) {
      const seat = seatOn({ budget: { budget: 'b' } })
      if (prepare === 'closed') {
        seat.memory.initialize('b', 50)
        seat.memory.close({ id: 'c', budget: 'b', why: 'closed' })
      }
      await seat.transport.send(call(1))
      await settle()
      answers.push(seat.received[0])
    }
    expect(answers[1]).toEqual(answers[0])
    expect(answers[0].error).toMatchObject({ code: -32001, data: { error: 'unauthorized' } })
    expect(answers[0].error.data).not.toHaveProperty('remaining_credits')
  })

  test('carries nothing that an agent sent but the name of the tool', async () => {
    const secret = 'correct horse battery staple'
    const seats = [
      seatOn({ credits: 0 }),
      seatOn({ prices: { costs: {} } }),
      seatOn({ budget: { approve: () => false } }),
      seatOn({ prices: { defaultCost: 5, costs: { search: (args) => args as never } } }),
      seatOn({ inner: [{ name: 'bad', enter: () => Promise.reject(new Error(secret)) }] }),
      seatOn({ budget: { budget: () => secret } }),
    ]
    for (const { transport, received } of seats) {
      await transport.send(
        call(1, 'search', { arguments: { [secret]: secret }, _meta: { token: secret, [secret]: 1 } }),
      )
      await settle()
      expect(received).toHaveLength(1)
      expect(JSON.stringify(received)).toContain('search')
      expect(JSON.stringify(received)).not.toContain(secret)
    }
  })

  test('cuts a name short in the text, however long it is', async () => {
    const { transport, received } = seatOn({ credits: 0 })
    await transport.send(call(1, 'x'.repeat(100_000)))
    await settle()
    expect(received[0].error.message.length).toBeLessThan(300)
  })
})

describe('refusalOf', () => {
  const refusal = refuse('draw', { error: 'budget_exhausted', reason: 'insufficient', cost: 50, remaining: 3 })
  const data = refusalData(refusal)

  test('reads what either SDK throws, and an isError result', () => {
    expect(refusalOf(new McpError(-32000, 'Budget exhausted', data))).toEqual(data)
    expect(refusalOf(new ProtocolError(40200, 'Budget exhausted', data))).toEqual(data)
    expect(refusalOf(refusalResult(refusal, 'legacy'))).toEqual(data)
    expect(refusalOf(refusalResult(refusal, 'modern'))).toEqual(data)
    expect(refusalOf(refusalError(1, refusal, 'legacy').error)).toEqual(data)
  })

  test.each([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'Budget exhausted'],
    ['an error without data', new McpError(-32000, 'Budget exhausted')],
    ['a closed connection, which has the same code [L-S41]', new McpError(-32000, 'Connection closed')],
    [
      'a timeout, which has the code of unauthorized [L-S41]',
      new McpError(-32001, 'Request timed out', { timeout: 1 }),
    ],
    ['data of somebody else', new McpError(-32000, 'x', { error: 'quota', retryable: true })],
    ['a slug that there is not', { data: { error: 'budget_empty', retryable: false } }],
    ['a slug that every object has', { data: { error: 'constructor', retryable: false } }],
    ['a slug that is no text', { data: { error: ['budget_exhausted'], retryable: false } }],
    ['data without retryable', { data: { error: 'budget_exhausted' } }],
    ['data whose retryable is text', { data: { error: 'budget_exhausted', retryable: 'no' } }],
    ['data that is a list', { data: [data] }],
    ['data that is text', { data: JSON.stringify(data) }],
    ['a result without our key', { isError: true, content: [], _meta: { refusal: data } }],
    ['a result whose _meta is a list', { isError: true, _meta: [data] }],
    ['a plain result', { content: [{ type: 'text', text: 'Budget exhausted' }] }],
  ])('finds nothing in %s', (_, thrownOrResult) => {
    expect(refusalOf(thrownOrResult)).toBeUndefined()
  })
})
