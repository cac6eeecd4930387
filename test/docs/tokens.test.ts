import { attenuate, clear, inspect, KeyRing, mint, TokenVerifier, type CaveatKind } from 'mcp-budget/delegation'
import { describe, expect, test } from 'vitest'
import { secret } from '../support/tokens.js'

const randomBytes = () => secret()

describe('docs/concepts/tokens.md', () => {
  test('narrows a token twice, and shows what it says', async () => {
    // #region attenuate
    const keys = new KeyRing({ current: { kid: '2026-11', key: randomBytes() } }) // 32 of them, kept secret
    const inOneHour = Math.floor(Date.now() / 1000) + 3600
    const token = await mint(keys, { budget: 'acme/agent-1', exp: inOneHour, aud: 'gateway-1' })

    const forSearch = attenuate(token, { tool: ['web_*'], max: 50 })
    const forOneCall = attenuate(forSearch, { calls: 1, tool: ['*'] }) // still only web_*
    const { caveats } = await inspect(forOneCall)
    // exp=…, ops=call,balance, depth=0, aud=gateway-1, max=50/…, tool=web_*, calls=1/…, tool=*
    // #endregion attenuate
    expect(caveats.map((caveat) => caveat.replace(/\d{9,}$|(?<=\/)[\w-]{12}$/, '…'))).toEqual([
      'exp=…',
      'ops=call,balance',
      'depth=0',
      'aud=gateway-1',
      'max=50/…',
      'tool=web_*',
      'calls=1/…',
      'tool=*',
    ])
    const seen: unknown[] = []
    for (const tool of ['web_search', 'draw']) seen.push(await judged(keys, forOneCall, tool))
    expect(seen).toEqual(['acme/agent-1', 'tool_not_allowed'])
    expect(await judged(keys, 'mcpb_x', 'web_search')).toBe('invalid_token')
  })

  async function judged(keys: KeyRing, text: string, tool: string): Promise<string> {
    const args = {}
    // #region gateway
    const verifier = new TokenVerifier({ keys }) // one for all requests
    const token = await verifier.verify(text)
    if (token.kind === 'refused') return token.reason // invalid_token, unknown_caveat …

    const call = { op: 'call', tool, args, cost: 5, audiences: ['gateway-1'], now: Date.now() } as const
    const cleared = clear(token, call)
    if (cleared.kind === 'refused') return cleared.reason // expired, tool_not_allowed …
    return cleared.authority.budget // acme/agent-1 pays, if the store agrees
    // #endregion gateway
  }
})

describe('docs/reference/caveats.md', () => {
  test('makes a kind of caveat of its own', async () => {
    const keys = new KeyRing({ current: { kid: 'k1', key: randomBytes() } })
    // #region own
    const hours: CaveatKind<readonly number[]> = {
      name: 'hours', // hours=9-17
      parse(value) {
        const [, from, to] = /^(\d{1,2})-(\d{1,2})$/.exec(value) ?? []
        return from === undefined || to === undefined ? undefined : [Number(from), Number(to)]
      },
      holds([from = 0, to = 0], { now }) {
        const hour = new Date(now).getUTCHours()
        return hour >= from && hour < to
      },
    }
    const verifier = new TokenVerifier({ keys, kinds: [hours] })
    const token = await mint(keys, { budget: 'agent-1', exp: 'never', own: ['hours=9-17'], kinds: [hours] })
    // #endregion own
    const verified = await verifier.verify(token)
    if (verified.kind !== 'verified') throw new Error(verified.reason)
    const at = (hour: number) => clear(verified, { op: 'balance', now: hour * 3_600_000 })
    expect([at(9).kind, at(16).kind]).toEqual(['cleared', 'cleared'])
    expect(at(17)).toMatchObject({ kind: 'refused', reason: 'custom_caveat' })
    expect(await new TokenVerifier({ keys }).verify(token)).toMatchObject({ reason: 'unknown_caveat' })
  })
})
