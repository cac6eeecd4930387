import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PresentedAuth } from '../../../src/core/auth.js'
import { takeCredentials, withTokens } from '../../../src/mcp/credentials.js'
import { newCall } from '../../../src/core/call.js'
import { deepFreeze } from '../../support/seat.js'
import { inspect } from 'node:util'

const TOKEN = 'dev.mcp-budget/token'
const OURS = 'mcpb_ours'
const messageOf = (meta?: unknown) => ({ method: 'tools/call', params: { name: 'search', _meta: meta } })
const tokensOf = (message: any, extra: unknown) =>
  PresentedAuth.credentialsOf({ auth: takeCredentials(message, extra).auth }).tokens

describe('the tokens of a message', () => {
  test.each<[string, unknown, unknown, readonly string[]]>([
    ['in `_meta`', { [TOKEN]: OURS }, undefined, ['meta']],
    ['in `_meta`, without its prefix', { [TOKEN]: 'bare' }, undefined, ['meta']],
    ['in `_meta.token`', { token: OURS }, undefined, ['alias']],
    ['in a header of v1', {}, { requestInfo: { headers: { 'mcp-budget-token': 'bare' } } }, ['header']],
    [
      'in a header of v2',
      {},
      { request: new Request('http://x.test', { headers: { 'Mcp-Budget-Token': 'bare' } }) },
      ['header'],
    ],
    ['in Authorization', {}, { requestInfo: { headers: { authorization: `Bearer ${OURS}` } } }, ['authorization']],
    [
      'in Authorization, in other letters',
      {},
      { requestInfo: { headers: { authorization: `bEARER   ${OURS}` } } },
      ['authorization'],
    ],
    ['in authInfo', {}, { authInfo: { token: OURS } }, ['authorization']],
    ['everywhere', { [TOKEN]: OURS, token: OURS }, { authInfo: { token: OURS } }, ['meta', 'alias', 'authorization']],
  ])('are found %s, and taken out', (_, meta, extra, from) => {
    const message = deepFreeze(messageOf(meta))
    const presented = takeCredentials(message, extra)
    expect(tokensOf(message, extra).map((token) => token.from)).toEqual(from)
    const left = [presented.message, presented.extra, [...((presented.extra as any)?.request?.headers ?? [])]]
    expect(JSON.stringify(left)).not.toMatch(/mcpb_|bare/)
    expect(presented.message).toMatchObject({ method: 'tools/call', params: { name: 'search' } })
  })

  test.each<[string, unknown, unknown]>([
    ['a token in `_meta.token`', { token: 'of-another' }, undefined],
    ['a key of `_meta` in other letters', { 'dev.mcp-budget/Token': OURS, TOKEN: OURS }, undefined],
    ['Authorization', {}, { requestInfo: { headers: { authorization: 'Bearer ey.x' } } }],
    ['authInfo', {}, { authInfo: { token: 'ey.x', clientId: 'c', scopes: [], extra: { user: 'u' } } }],
    ['a token that is no text', { token: 7 }, { authInfo: { token: 7 } }],
    ['nothing', undefined, undefined],
    ['what is no object', 'x', 'y'],
  ])('do not include %s of somebody else, which stays as it is', (_, meta, extra) => {
    const message = messageOf(meta)
    const presented = takeCredentials(message, extra)
    expect(presented.message).toBe(message)
    expect(presented.extra).toBe(extra)
    expect(tokensOf(message, extra)).toEqual([])
  })

  test('are taken, and everything else stays: url, method, signal and the other headers of a request', () => {
    const abort = new AbortController()
    const headers = { authorization: `Bearer ${OURS}`, 'mcp-session-id': 's', 'mcp-budget-token': OURS }
    const request = new Request('http://x.test/mcp?a=1', { method: 'POST', body: '{}', headers, signal: abort.signal })
    const closeSSE = (): void => {}
    const { extra } = takeCredentials(messageOf(), { request, closeSSE, other: 1 }) as { extra: any }
    expect(extra).toMatchObject({ closeSSE, other: 1 })
    expect([extra.request.url, extra.request.method]).toEqual(['http://x.test/mcp?a=1', 'POST'])
    expect([...extra.request.headers.keys()]).toEqual(['content-type', 'mcp-session-id'])
    abort.abort()
    expect(extra.request.signal.aborted).toBe(true)
    expect(request.headers.get('authorization')).toBe(`Bearer ${OURS}`)
  })

  test('are never shown by what keeps them [L-S31]', () => {
    const { auth } = takeCredentials(
      messageOf({ [TOKEN]: OURS }),
      { authInfo: { token: OURS, clientId: 'c' } },
      'session',
    )
    const call = newCall({ tool: 'search', auth, token: undefined as never }, 0)
    const whole = { ...auth }
    const texts = [
      JSON.stringify(call),
      inspect(call, { showHidden: true, depth: 9 }),
      JSON.stringify(structuredClone(whole)),
    ]
    for (const shown of texts) expect(shown).not.toMatch(/mcpb_|session/)
    expect(auth).toMatchObject({ clientId: 'c', scopes: [] })
  })

  test('go from whatever JSON there is, and nothing else changes [L-S31]', () => {
    const place = fc.constantFrom(TOKEN, 'token', 'x')
    const value = fc.oneof(fc.constant(OURS), fc.string(), fc.jsonValue())
    const meta = fc.dictionary(place, value)
    const headers = fc.dictionary(
      fc.constantFrom('authorization', 'mcp-budget-token', 'x'),
      fc.oneof(fc.constant(`Bearer ${OURS}`), fc.string()),
    )
    const info = fc.record({ token: value, clientId: fc.string(), scopes: fc.array(fc.string()) }, { requiredKeys: [] })
    fc.assert(
      fc.property(meta, headers, info, (_meta, plain, authInfo) => {
        const message = deepFreeze(messageOf(_meta))
        const extra = deepFreeze({ requestInfo: { headers: plain }, authInfo })
        const presented = takeCredentials(message, extra) as any
        const kept = presented.message.params._meta
        expect(kept).not.toHaveProperty([TOKEN])
        expect(JSON.stringify({ token: kept.token })).not.toContain('"token":"mcpb_')
        expect(kept.x).toEqual(_meta.x)
        expect(presented.extra.requestInfo.headers).not.toHaveProperty('mcp-budget-token')
        expect(String(presented.extra.requestInfo.headers.authorization)).not.toMatch(/^Bearer +mcpb_/i)
        expect(presented.extra.requestInfo.headers.x).toEqual(plain.x)
        expect(presented.extra.authInfo.clientId).toEqual(authInfo.clientId)
      }),
      { numRuns: 2_000 },
    )
  })
})

test('what a step wants to send is written into a copy, and what it does not is not', () => {
  const message = deepFreeze(messageOf({ other: 1 }))
  expect(withTokens(message, undefined)).toBe(message)
  expect(withTokens(message, newCall({ tool: 'search' }, 0))).toBe(message)
  const sent = withTokens(message, newCall({ tool: 'search', token: OURS }, 0))
  expect(sent).toEqual(messageOf({ other: 1, [TOKEN]: OURS }))
})
