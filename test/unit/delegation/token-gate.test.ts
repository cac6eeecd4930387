import { createHash } from 'node:crypto'
import { BudgetError, InMemoryBudgetEnforcer } from 'mcp-budget'
import { attenuate, KeyRing, type Caveats, type MintOptions } from 'mcp-budget/delegation'
import { FakeClock } from 'mcp-budget/testing'
import { describe, expect, test } from 'vitest'
import { keys, secret, tokenOf } from '../../support/tokens.js'
import { anonymous, tokenSeat, type TokenSeatSetUp } from '../../support/token-seat.js'

const DAY = 86_400_000
const hash = (text: string): string => createHash('sha256').update(text).digest('base64url')

type Seat = ReturnType<typeof tokenSeat>

/** What is told to a stranger, who has no token at all. */
const strangers = async (seat: Seat): Promise<string> => anonymous(await seat.call())

describe('a token that does not serve is answered as none is, byte for byte [T04, L-S6]:', () => {
  test.each<[string, Partial<MintOptions> & Caveats, TokenSeatSetUp['auth']?]>([
    ['for another gateway [T11]', { aud: 'mail' }, { audiences: ['search', 'maps'] }],
    ['for a gateway, where this one has no name [T11]', { aud: 'mail' }],
    ['not begun yet [T11]', { nbf: 1_800_000_031 }],
    ['without the op', { ops: ['balance'] }],
    ['of another tenant than the caller is', {}, { tenant: 'globex' }],
    ['for another tenant than its own [T07]', { ten: 'globex' }],
    ['for another piece of work', { task: 'op-1' }],
    ['for a session, where there is none [T33]', { sid: hash('s') }],
    ['with a key that nobody proved [T11]', { cnf: hash('k') }],
    ['with another key than was proved [T11]', { cnf: hash('k') }, { keyHash: () => hash('other') }],
    ['where whom the caller is cannot be said', {}, { tenant: () => 'acm' }],
  ])('one %s', async (_, caveats, auth = {}) => {
    const seat = tokenSeat({ auth })
    const answer = await seat.call(seat.mint(caveats))
    expect(anonymous(answer)).toBe(await strangers(seat))
    expect(seat.handed).toEqual([])
    expect(seat.balance()).toMatchObject({ available: 1_000, held: 0 })
  })

  test.each<[string, (seat: Seat) => string]>([
    ['that is noise', () => 'mcpb_' + 'A'.repeat(100)],
    ['that is too long [T06]', () => 'mcpb_' + 'A'.repeat(9_000)],
    ['with its last letter changed [T04]', (seat) => seat.mint().replace(/.$/, (last) => (last === 'A' ? 'E' : 'A'))],
    ['with padding [T05]', (seat) => `${seat.mint()}=`],
    ['of another master key', () => tokenOf([], { ring: new KeyRing({ current: { kid: 'k1', key: secret(2) } }) })],
    [
      'of a key that there is not',
      () => tokenOf([], { identifier: 'b1.k9.acme.agent-1.1000.AAAAAAAAAAAAAAAAAAAAAA', signer: ['k1', 'acme'] }),
    ],
    ['with a caveat that nobody knows [T03, L-S44]', () => tokenOf(['zz=1'])],
    [
      'on a budget that there is not [L-S1]',
      () => tokenOf([], { identifier: 'b1.k1.acme.nobody.1000.AAAAAAAAAAAAAAAAAAAAAA' }),
    ],
    ['on a budget that it names itself [T07]', () => tokenOf(['budget=AAAAAAAAAAAAAAAAAAAAAA'])],
  ])('one %s', async (_, make) => {
    const seat = tokenSeat()
    expect(anonymous(await seat.call(make(seat)))).toBe(await strangers(seat))
    expect(seat.handed).toEqual([])
    expect(seat.balance()).toMatchObject({ available: 1_000, held: 0 })
  })

  test('and its own reason is told to the operator, in an event', async () => {
    const { call, mint, told } = tokenSeat()
    await call(mint({ aud: 'mail' }))
    await call('mcpb_nonsense')
    expect(told('refused').map(({ refusal }) => refusal.detail)).toEqual([
      { reason: 'audience_mismatch', tokenId: expect.stringMatching(/^[\w-]{43}$/) },
      'invalid_token',
    ])
  })
})

describe('what a token is held against', () => {
  test('is the name of the gateway, the tenant, the work, the key and the session', async () => {
    const proofs = { audiences: ['search'], tenant: 'acme', keyHash: () => hash('k') }
    const seat = tokenSeat({ auth: proofs })
    seat.wire.sessionId = 'session-1'
    const token = seat.mint({ aud: 'search', ten: 'acme', task: 'op-1', cnf: hash('k'), sid: hash('session-1') })
    const meta = { 'dev.mcp-budget/operation-id': 'op-1' }
    expect((await seat.call(token, 'search', { meta })).result).toBeDefined()
    expect(
      (await seat.call(token, 'search', { meta: { ...meta, 'dev.mcp-budget/operation-id': 'op-2' } })).error,
    ).toBeDefined()
    seat.wire.sessionId = 'session-2'
    expect((await seat.call(token, 'search', { meta })).error.data.error).toBe('unauthorized')
  })

  test.each([
    [
      'keyHash',
      {
        keyHash: () => {
          throw new Error('down')
        },
      },
    ],
    [
      'tenant',
      {
        tenant: () => {
          throw new Error('down')
        },
      },
    ],
  ])('refuses where %s throws, and does not fall over [L-S55]', async (_, auth) => {
    const { call, mint, handed } = tokenSeat({ auth })
    expect((await call(mint())).error.data.error).toBe('step_failed')
    expect(handed).toEqual([])
  })
})

describe('a session', () => {
  test('authenticates nobody: each request is judged by what it brings itself [T33]', async () => {
    const seat = tokenSeat()
    seat.wire.sessionId = 'session-1'
    expect((await seat.call(seat.mint())).result).toBeDefined()
    expect(anonymous(await seat.call())).toBe(await strangers(seat))
    expect((await seat.ask('budget/balance', {})).data.error).toBe('unauthorized')
    expect(seat.handed).toHaveLength(1)
  })

  test('goes on with the minted budget that it began with, and with what is delegated of that [T33]', async () => {
    const seat = tokenSeat()
    const { call, ask, mint, memory } = seat
    memory.initialize('acme/agent-2', 100)
    seat.wire.sessionId = 'session-1'
    const parent = mint()
    const child = await ask('budget/delegate', { budget: 50 }, parent)
    expect((await call(child.token)).result).toBeDefined()
    expect((await call(mint())).result).toBeDefined()
    const other = mint({ budget: 'acme/agent-2' })
    expect(anonymous(await call(other))).toBe(await strangers(seat))
    expect(memory.describe('acme/agent-2')).toMatchObject({ available: 100, held: 0 })
    seat.wire.sessionId = 'session-2'
    expect((await call(other)).result).toBeDefined()
  })

  test('is not pinned by a token that proves nothing [T33]', async () => {
    const seat = tokenSeat()
    seat.wire.sessionId = 'session-1'
    const ring = new KeyRing({ current: { kid: 'k1', key: secret(2) } })
    await seat.call(tokenOf([], { ring, identifier: 'b1.k1.acme.other.1000.AAAAAAAAAAAAAAAAAAAAAA' }))
    expect((await seat.call(seat.mint())).result).toBeDefined()
  })

  test('of 20,000 fills no memory, and all of them are served [T39]', async () => {
    const seat = tokenSeat({ credits: 1_000_000 })
    const token = seat.mint()
    for (let i = 0; i < 20_000; i++) {
      seat.wire.sessionId = `session-${i}`
      seat.wire.receive({
        jsonrpc: '2.0',
        id: i,
        method: 'tools/call',
        params: { name: 'search', _meta: { 'dev.mcp-budget/token': token } },
      })
    }
    expect(seat.handed).toHaveLength(20_000)
  })
})

describe('a clock that jumps', () => {
  test('back brings no expired token back, and is told of once [T53]', async () => {
    const seat = tokenSeat()
    const token = seat.mint({ exp: Math.floor(seat.clock.now() / 1_000) + 60 })
    const long = seat.mint({ exp: 'never' })
    expect((await seat.call(token)).result).toBeDefined()
    seat.clock.jump(DAY)
    expect(anonymous(await seat.call(token))).toBe(await strangers(seat))
    seat.clock.jump(-DAY)
    expect(anonymous(await seat.call(token))).toBe(await strangers(seat))
    expect((await seat.call(long)).result).toBeDefined()
    const faults = seat.told('fault').filter(({ where }) => where === 'withDelegation')
    expect(faults).toHaveLength(1)
    expect(BudgetError.isInstance(faults[0].error) && faults[0].error.code).toBe('clock_skew')
  })

  test('back makes no token good that was not begun at either time [T53]', async () => {
    const seat = tokenSeat()
    const now = Math.floor(seat.clock.now() / 1_000)
    await seat.call(seat.mint({ exp: 'never' }))
    seat.clock.jump(-DAY)
    // Good at the later time, and not at the time that the clock says now.
    expect((await seat.call(seat.mint({ exp: 'never', nbf: now - 3_600 }))).error.data.error).toBe('unauthorized')
    // Good at both.
    expect((await seat.call(seat.mint({ exp: 'never', nbf: now - 2 * 86_400 }))).result).toBeDefined()
  })

  test('back, or on, by less than the skew changes nothing, and is not told [T53]', async () => {
    const seat = tokenSeat()
    const token = seat.mint()
    for (const ms of [-30_000, 30_000, -20_000, 20_000]) {
      seat.clock.jump(ms)
      expect((await seat.call(token)).result).toBeDefined()
    }
    expect(seat.told('fault')).toEqual([])
  })

  test('on by a day ends what has ended, and no more [T53]', async () => {
    const clock = new FakeClock()
    const memory = new InMemoryBudgetEnforcer({ clock })
    memory.initialize('acme/agent-1', 100)
    const seat = tokenSeat({ clock, memory })
    const [short, long] = [seat.mint(), seat.mint({ exp: 'never' })]
    const child = await seat.ask('budget/delegate', { budget: 50 }, short)
    clock.jump(DAY)
    expect((await seat.call(short)).error.data.error).toBe('unauthorized')
    expect((await seat.call(child.token)).error.data.error).toBe('unauthorized')
    expect((await seat.call(long)).result).toBeDefined()
    clock.jump(-DAY)
    expect((await seat.call(short)).error.data.error).toBe('unauthorized')
    expect((await seat.call(child.token)).error.data.error).toBe('unauthorized')
    expect(memory.describe(child.budgetId)).toMatchObject({ available: 0, state: 'closed' })
  })

  test('back brings no key back that was retired [T53]', async () => {
    const clock = new FakeClock()
    const until = clock.now() + 1_000
    const ring = new KeyRing({ current: { kid: 'k2', key: secret(2) }, retired: [{ kid: 'k1', key: secret(), until }] })
    const seat = tokenSeat({ clock, auth: { keys: ring } })
    const token = seat.mint({ exp: 'never' })
    expect((await seat.call(token)).result).toBeDefined()
    clock.jump(DAY)
    expect((await seat.call(token)).error.data.error).toBe('unauthorized')
    clock.jump(-DAY)
    expect((await seat.call(token)).error.data.error).toBe('unauthorized')
  })
})

test('a token that was narrowed offline pays as far as it goes, and is its own in the records', async () => {
  const { call, mint, balance, ledger } = tokenSeat()
  const token = mint()
  const narrow = attenuate(token, { tool: ['read_*'], max: 3 })
  for (let i = 0; i < 5; i++) await call(narrow, 'read_a')
  await call(narrow)
  expect(balance().spent).toBe(3)
  await call(token)
  expect(balance().spent).toBe(8)
  const ids = (ledger.entries({ kind: 'call' }) as any[]).map(({ tokenId }) => tokenId)
  expect(new Set(ids).size).toBe(2)
  expect(keys.kid).toBe('k1')
})
