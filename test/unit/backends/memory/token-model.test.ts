import fc from 'fast-check'
import { test } from 'vitest'
import { Advance, Ask, setup, START } from '../../../support/model.js'
import type { Authority, Registration } from '../../../../src/budget/authority.js'
import type { EnforcerCall } from '../../../../src/testing/index.js'

const LONG = process.env['MCP_BUDGET_LONG'] === '1'

const CHILD: Registration = { prefixId: 'B', budget: 't/child', parent: 't/a' }
const GRANDCHILD: Registration = { prefixId: 'D', budget: 't/grandchild', parent: 't/child' }

function authorityOf(prefixIds: readonly string[], more: Partial<Authority> = {}): Authority {
  const base = { tenant: 't', budget: 't/a', registrations: [], nonce: 'n1', issuedAt: 1_000 }
  return { ...base, ceilings: [], calls: [], rates: [], prefixIds, ...more }
}

/** Tokens, each with another last prefix: on the root and below it, narrowed, and some that are registered nowhere. */
const AUTHORITIES: readonly Authority[] = [
  authorityOf(['A']),
  authorityOf(['A', 'M'], { ceilings: [{ prefixId: 'M', limit: 15 }] }),
  authorityOf(['A', 'M', 'R'], {
    ceilings: [{ prefixId: 'M', limit: 15 }],
    calls: [{ prefixId: 'N', limit: 2 }],
    rates: [{ prefixId: 'R', calls: 3, seconds: 1 }],
  }),
  authorityOf(['A', 'M', 'B'], { budget: 't/child', registrations: [CHILD] }),
  authorityOf(['A', 'M', 'B', 'C'], {
    budget: 't/child',
    registrations: [CHILD],
    ceilings: [{ prefixId: 'C', limit: 8 }],
    calls: [{ prefixId: 'N', limit: 2 }],
  }),
  authorityOf(['A', 'M', 'B', 'D'], { budget: 't/grandchild', registrations: [CHILD, GRANDCHILD] }),
  authorityOf(['A', 'X'], { budget: 't/child', registrations: [{ ...CHILD, prefixId: 'X' }] }),
  authorityOf(['A', 'B2'], { budget: 't/child', registrations: [{ ...CHILD, parent: 't/b' }] }),
  authorityOf(['Y'], { budget: 't/b', nonce: 'n2', issuedAt: 2_000 }),
]
const authority = fc.constantFrom(...AUTHORITIES)
const maybe = fc.option(authority, { nil: undefined, freq: 3 })
const newBudget = fc.record(
  {
    registration: fc.constantFrom('B', 'B', 'D', 'D', 'X'),
    expiresAt: fc.constantFrom(START + 1, START + 1_000, START + 3_000, START + 10_000),
    caps: fc.record(
      { depth: fc.nat(2), children: fc.nat(2), amount: fc.integer({ min: 1, max: 12 }) },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: ['registration'] },
)
const revoked = fc.oneof(
  fc.constantFrom('A', 'M', 'B', 'C', 'D', 'X').map((prefixId) => ({ prefixId })),
  fc.constantFrom('n1', 'n2').map((nonce) => ({ nonce })),
  fc.constantFrom(500, 1_500).map((issuedBefore) => ({ issuedBefore })),
)
/** A key that is not there, where there is no value. */
const defined = <Value extends object>(value: Value): Value =>
  Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as Value

const budget = fc.constantFrom('t/a', 't/a', 't/b', 't/child', 't/child', 't/grandchild', 'other/a')
const amount = fc.nat(9)
const number = fc.nat(30)
const chargeId = number.map((n) => `${START.toString(36)}-${'0'.repeat(24)}-${n}`)
const id = number.map((n) => `request-${n}`)
const why = fc.constantFrom('closed', 'revoked')

const requests = {
  hold: fc.record({
    id: chargeId,
    amount,
    authority: maybe,
    budget,
    isAlone: fc.boolean(),
    ttlMs: fc.constantFrom(50, 1_000, 100_000),
    onExpire: fc.constantFrom('capture', 'release'),
    overdraft: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
  }),
  capture: fc.record({ id, holdId: chargeId, amount, overage: fc.constantFrom('cap', 'debt') }),
  release: fc.record({ id, holdId: chargeId }),
  extend: fc.record({ id, holdId: chargeId, ttlMs: fc.constantFrom(1, 2_000) }),
  grant: fc.record({ id, budget, amount: fc.integer({ min: 1, max: 9 }) }),
  transfer: fc.record({
    id,
    authority: maybe,
    isOwn: fc.integer({ min: 0, max: 4 }).map((n) => n > 0),
    from: budget,
    to: budget,
    amount: fc.integer({ min: 1, max: 9 }),
    create: fc.oneof(fc.boolean(), newBudget, newBudget),
  }),
  close: fc.record({ id, budget, why, authority: maybe }),
}

const ask = (verb: string, ...args: unknown[]): Ask => new Ask({ verb, args: args.map(given) } as EnforcerCall)
const given = (value: unknown): unknown => (typeof value === 'object' && value !== null ? defined(value) : value)

const hold = requests.hold.map(({ amount: most, budget: other, isAlone, ...request }) => {
  const payer = request.authority?.budget ?? other
  const lines = [payer, ...(isAlone || other === payer ? [] : [other])]
  return ask('hold', { ...request, lines: lines.map((name) => ({ budget: name, amount: most })) })
})
const transfer = requests.transfer.map(({ isOwn, ...request }) => {
  const own = isOwn ? request.authority?.budget : undefined
  return ask('transfer', { ...request, from: own ?? request.from })
})
const others = [
  requests.capture.map((request) => ask('capture', { ...request, id: `c-${request.id}` })),
  requests.release.map((request) => ask('release', { ...request, id: `r-${request.id}` })),
  requests.extend.map((request) => ask('extend', request)),
  requests.grant.map((request) => ask('grant', { ...request, id: `g-${request.id}` })),
  requests.close.map((request) => ask('close', request)),
  fc.tuple(budget, maybe).map(([name, token]) => new Ask({ verb: 'describe', args: token ? [name, token] : [name] })),
  fc.constantFrom(1, 49, 400, 1_000, 3_000).map((ms) => new Advance(ms)),
]
// One in twenty: after most revocations little is left to see.
const revoke = fc.tuple(id, budget, revoked).map(([name, of, what]) => ask('revoke', { id: name, budget: of, ...what }))
const command = fc.oneof(
  { weight: 5, arbitrary: hold },
  { weight: 4, arbitrary: transfer },
  ...others.map((arbitrary) => ({ weight: 2, arbitrary })),
  { weight: 1, arbitrary: revoke },
)

/** What mostly is there already: a child and a grandchild. */
const family = fc
  .tuple(newBudget, newBudget, fc.constantFrom(...AUTHORITIES.slice(0, 2)))
  .map(([child, grandchild, token]) => [
    ask('initialize', 't/a', 60),
    ask('initialize', 't/b', 20),
    ask('transfer', {
      id: 'b',
      from: 't/a',
      to: 't/child',
      amount: 12,
      create: { ...child, registration: 'B' },
      authority: token,
    }),
    ask('transfer', {
      id: 'd',
      from: 't/child',
      to: 't/grandchild',
      amount: 5,
      create: { ...grandchild, registration: 'D' },
      authority: AUTHORITIES[3],
    }),
  ])

test(
  'any sequence of requests by tokens gets the answers of the plain model, and the same balances [I1, I5, I11, I13, L-P10]',
  () => {
    const sequence = fc.tuple(family, fc.array(command, { maxLength: 50, size: 'max' }))
    fc.assert(
      fc.property(sequence, ([first, then]) => {
        fc.modelRun(setup, [...first, ...then])
      }),
      { numRuns: LONG ? 50_000 : 2_000 },
    )
  },
  LONG ? 600_000 : 60_000,
)
