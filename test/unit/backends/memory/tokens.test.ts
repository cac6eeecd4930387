import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { clear, verifyToken, type VerifiedToken } from 'mcp-budget/delegation'
import { FakeClock } from 'mcp-budget/testing'
import { InMemoryBudgetEnforcer, type Authority, type HoldResult, type NewBudget } from 'mcp-budget'
import { mintChargeId } from '../../../../src/core/ids.js'
import { IDENTIFIER, keys, tokenOf } from '../../../support/tokens.js'

const CHILD = 'C'.repeat(22)
const GRANDCHILD = 'G'.repeat(22)
const MAY = 'ops=call,balance,delegate,transfer,close,revoke'

function open() {
  const clock = new FakeClock()
  const store = new InMemoryBudgetEnforcer({ clock })
  store.initialize('acme/agent-1', 100)

  /** The authority of a token for a use of it; `undefined` where it does not serve. */
  function authority(caveats: readonly string[], op: 'call' | 'delegate' = 'call', identifier = IDENTIFIER) {
    const token = verifyToken(tokenOf(caveats, { identifier }), { keys, clock }) as VerifiedToken
    expect(token.kind).toBe('verified')
    const cleared = clear(token, { op, now: clock.now(), tool: 'web_search', cost: 1 })
    return cleared.kind === 'cleared' ? cleared.authority : undefined
  }

  function hold(token: Authority | undefined, amount = 1): HoldResult | undefined {
    if (token === undefined) return undefined
    const id = mintChargeId(clock.now())
    return store.hold({
      id,
      lines: [{ budget: token.budget, amount }],
      ttlMs: 60_000,
      onExpire: 'release',
      authority: token,
    })
  }

  /** Delegates as a server does: the child's token is the presented one with one more caveat. */
  function delegate(caveats: readonly string[], name: string, amount: number, terms: Partial<NewBudget> = {}) {
    const presented = authority(caveats, 'delegate')!
    const made = [...caveats, `budget=${name}`]
    const registration = authority(made)!.prefixIds.at(-1)!
    const request = { id: `to ${name} ${caveats.length}`, from: presented.budget, to: `acme/${name}`, amount }
    expect(store.transfer({ ...request, create: { registration, ...terms }, authority: presented })).toMatchObject({
      kind: 'moved',
    })
    return made
  }
  return { clock, store, authority, hold, delegate }
}

// Whatever a holder can append offline.
const appended = fc.oneof(
  fc.constantFrom('exp=253402300799', 'nbf=0', 'max=1000000', 'max=5/abcdef', 'calls=1000', 'call=100', 'depth=16'),
  fc.constantFrom('rate=1000/1', 'rate=9/60/abcdef', 'tool=*', 'tool=web_*', 'deny=x', MAY, 'ops=call', 'ten=acme'),
  fc.string({ unit: fc.constantFrom('a', 'B', '7', '-'), minLength: 6, maxLength: 12 }).map((n) => `max=99/${n}`),
  fc.constantFrom(`budget=${CHILD}`, `budget=${GRANDCHILD}`, 'budget=agent-1aaaaaaaaaaaaaaa', 'budget_limit=1000'),
)

describe('a thousand tokens that were made offline of one that is', () => {
  /** Makes the token useless, and answers with its caveats. */
  const ENDS: Readonly<Record<string, (at: ReturnType<typeof open>) => readonly string[]>> = {
    exhausted({ hold, authority }) {
      expect(hold(authority([MAY]), 100)?.kind).toBe('held')
      return [MAY]
    },
    'at its ceiling'({ hold, authority }) {
      const caveats = [MAY, 'max=10/abcdef']
      expect(hold(authority(caveats), 10)?.kind).toBe('held')
      return caveats
    },
    'at its number of calls'({ hold, authority }) {
      const caveats = ['calls=1/abcdef', MAY]
      expect(hold(authority(caveats))?.kind).toBe('held')
      return caveats
    },
    'beyond its rate'({ hold, authority }) {
      const caveats = [MAY, 'rate=1/3600/abcdef']
      expect(hold(authority(caveats))?.kind).toBe('held')
      return caveats
    },
    'revoked by prefix'({ store, authority }) {
      store.revoke({ id: 'r', budget: 'acme/agent-1', prefixId: authority([MAY])!.prefixIds.at(-1)! })
      return [MAY]
    },
    'revoked by nonce'({ store, authority }) {
      store.revoke({ id: 'r', budget: 'acme/agent-1', nonce: authority([])!.nonce })
      return [MAY]
    },
    'revoked by age'({ store }) {
      store.revoke({ id: 'r', budget: 'acme/agent-1', issuedBefore: 1_001 })
      return [MAY]
    },
    'of a child that is exhausted'({ hold, authority, delegate }) {
      const caveats = delegate([MAY], CHILD, 10)
      expect(hold(authority(caveats), 10)?.kind).toBe('held')
      return caveats
    },
    'of a child that is over'({ clock, delegate }) {
      const caveats = delegate([MAY], CHILD, 10, { expiresAt: clock.now() + 1_000 })
      clock.advance(1_000)
      return caveats
    },
    'of a child that is closed'({ store, delegate }) {
      const caveats = delegate([MAY], CHILD, 10)
      store.close({ id: 'k', budget: `acme/${CHILD}`, why: 'closed' })
      return caveats
    },
    expired({ clock }) {
      return [MAY, `exp=${Math.floor(clock.now() / 1_000) - 31}`]
    },
  }

  test.each(Object.keys(ENDS))('%s are all denied, and cost nobody anything [T01, L-S1, L-S27, I12]', (name) => {
    const at = open()
    const caveats = ENDS[name]!(at)
    const before = at.store.describe('acme/agent-1')
    fc.assert(
      fc.property(fc.array(appended, { maxLength: 5 }), (more) => {
        const token = verifyToken(tokenOf([...caveats, ...more]), { keys, clock: at.clock })
        if ((token as VerifiedToken).kind !== 'verified') return
        expect(at.hold(at.authority([...caveats, ...more]))?.kind ?? 'refused').toBe('refused')
      }),
      { numRuns: 1_000 },
    )
    expect(at.store.describe('acme/agent-1')).toEqual(before)
  })
})

describe('a child that is forgotten', () => {
  test('is denied, and neither its parent pays nor anybody else [T08, L-S1, L-S4]', () => {
    const { clock, store, authority, hold, delegate } = open()
    const caveats = delegate([MAY], CHILD, 10)
    const other = delegate([MAY, 'depth=3'], GRANDCHILD, 10)
    store.close({ id: 'k', budget: `acme/${CHILD}`, why: 'closed' })
    for (const [n, name] of ['X', 'Y', 'Z'].entries()) {
      clock.advance(600_000)
      delegate([MAY], name.repeat(22), 1)
      store.close({ id: `k${n}`, budget: `acme/${name.repeat(22)}`, why: 'closed' })
    }
    expect(() => store.describe(`acme/${CHILD}`)).toThrow('Expected a budget that exists')
    const before = store.describe('acme/agent-1')
    expect(before.children).not.toContain(`acme/${CHILD}`)
    for (const more of [[], ['max=5'], ['tool=*']]) {
      expect(hold(authority([...caveats, ...more]))).toMatchObject({ kind: 'refused', reason: 'unknown_budget' })
    }
    expect(store.describe('acme/agent-1')).toEqual(before)
    expect(hold(authority(other))?.kind).toBe('held')
  })
})

describe('a budget that is over', () => {
  test('stays so when the clock goes back [T53, L-S9]', () => {
    const { clock, store, authority, hold, delegate } = open()
    const caveats = delegate([MAY], CHILD, 10, { expiresAt: clock.now() + 1_000 })
    expect(hold(authority(caveats))?.kind).toBe('held')
    clock.advance(1_000)
    expect(store.describe(`acme/${CHILD}`).state).toBe('closing')
    clock.jump(-86_400_000)
    expect(hold(authority(caveats))).toMatchObject({ kind: 'refused', reason: 'closed' })
    expect(clock.timers).toBe(0)
  })
})

describe('one delegation', () => {
  test('that comes again when its answer is forgotten makes no second child and moves nothing [T10, L-P10]', () => {
    const { clock, store, authority } = open()
    const presented = authority([MAY], 'delegate')!
    const create = { registration: 'p' }
    const request = { id: 'd', from: 'acme/agent-1', to: `acme/${CHILD}`, amount: 10, create, authority: presented }
    store.transfer(request)
    for (let n = 0; n < 3; n++) {
      clock.advance(600_000)
      store.grant({ id: `g${n}`, budget: 'acme/agent-1', amount: 1 })
    }
    expect(store.transfer(request)).toEqual({ kind: 'moved', remaining: 93 })
    expect(store.describe(`acme/${CHILD}`)).toMatchObject({ available: 10, in: 10 })
  })
})

describe('the memory of what is counted', () => {
  const MOST = 10_000
  const token = (n: number, limit: Partial<Authority> = {}): Authority => ({
    tenant: 'acme',
    budget: 'acme/agent-1',
    registrations: [],
    prefixIds: ['root', `p${n}`],
    nonce: 'n',
    issuedAt: 1_000,
    ceilings: [{ prefixId: `p${n}`, limit: 5 }],
    calls: [],
    rates: [],
    ...limit,
  })

  test('is not touched by tokens that pay nothing [T39]', () => {
    const { hold } = open()
    for (let n = 0; n < 20_000; n++) expect(hold(token(n), 6)).toMatchObject({ kind: 'refused', reason: 'ceiling' })
    expect(hold(token(20_000))?.kind).toBe('held')
  })

  test('is bounded: a million tokens that pay are denied beyond it, and none that is counted is forgotten [T39, L-P23]', () => {
    const { clock, store, hold } = open()
    store.initialize('acme/rich', 1e9)
    const rich = (n: number, limit: Partial<Authority> = {}) => token(n, { budget: 'acme/rich', ...limit })
    let held = 0
    for (let n = 0; n < 1_000_000; n++) {
      const id = `hold-${n}`
      const authority = rich(n)
      const lines = [{ budget: 'acme/rich', amount: 5 }]
      const answer = store.hold({ id, lines, ttlMs: 86_400_000, onExpire: 'capture', authority })
      if (answer.kind === 'held') held++
      else if (answer.reason !== 'full') throw new Error(answer.reason)
    }
    expect(held).toBe(MOST)
    // The first and the last that are counted are at their ceiling, and another budget is not concerned.
    for (const n of [0, MOST - 1]) expect(hold(rich(n))).toMatchObject({ kind: 'refused', reason: 'ceiling' })
    expect(hold(token(1))?.kind).toBe('held')
    // Given back, a counter makes room.
    store.release({ id: 'r', holdId: 'hold-7' })
    expect(hold(rich(2_000_000))?.kind).toBe('held')
    clock.advance(2_000)
    expect(hold(rich(2_000_001))).toMatchObject({ kind: 'refused', reason: 'full' })
  }, 60_000)

  test('makes room for what has ended: rates that are even again, and prefixes that are over [T39]', () => {
    const { clock, store } = open()
    store.initialize('acme/rich', 1e9)
    const expiresAt = clock.now() + 1_000
    const fill = (n: number, isRate = false, amount = 5) => {
      const rates = { ceilings: [], rates: [{ prefixId: `p${n}`, calls: 1, seconds: 1 }] }
      const ceilings = { ceilings: [{ prefixId: `p${n}`, limit: 5, expiresAt }] }
      const authority = token(n, { budget: 'acme/rich', ...(isRate ? rates : ceilings) })
      const lines = [{ budget: 'acme/rich', amount }]
      return store.hold({ id: mintChargeId(clock.now()), lines, ttlMs: 1_000, onExpire: 'capture', authority })
    }
    for (let n = 0; n < MOST; n++) expect(fill(n, n % 2 === 1).kind).toBe('held')
    expect(fill(MOST)).toMatchObject({ reason: 'full' })
    clock.advance(1_001)
    for (let n = 0; n < MOST / 2; n++) expect(fill(MOST + n).kind).toBe('held')
    expect(fill(2 * MOST)).toMatchObject({ reason: 'full' })
    expect(fill(0, false, 1)).toMatchObject({ reason: 'ceiling' })
    clock.advance(600_000)
    expect(fill(2 * MOST).kind).toBe('held')
  })
})

describe('a budget', () => {
  test('has at most 1,000 children that are not closed, and many more in its life [T39]', () => {
    const { store, authority } = open()
    store.grant({ id: 'g', budget: 'acme/agent-1', amount: 10_000 })
    const presented = authority([MAY], 'delegate')!
    const child = (n: number) =>
      store.transfer({
        id: `t${n}`,
        from: 'acme/agent-1',
        to: `acme/child-${n}`,
        amount: 1,
        create: { registration: `p${n}` },
        authority: presented,
      })
    for (let n = 0; n < 1_000; n++) expect(child(n).kind).toBe('moved')
    expect(child(1_000)).toMatchObject({ kind: 'refused', reason: 'children_exceeded' })
    store.close({ id: 'k', budget: 'acme/child-7', why: 'closed' })
    expect(child(1_001).kind).toBe('moved')
    expect(child(1_002)).toMatchObject({ kind: 'refused', reason: 'children_exceeded' })
  })
})
