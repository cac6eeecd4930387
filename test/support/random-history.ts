import { Random } from '../../src/testing/random.js'
import type { Authority, Registration } from '../../src/budget/authority.js'
import type { EnforcerCall } from '../../src/testing/index.js'
import type { LineWindow } from '../../src/budget/enforcer.js'

export const HISTORY_START = 1_800_000_000_000

/** What happens in one moment: requests that are made at once, in this order; then time passes. */
export interface Moment {
  readonly calls: readonly EnforcerCall[]
  readonly thenMs: number
}

const CHILD: Registration = { prefixId: 'B', budget: 't/child', parent: 't/a' }
const GRANDCHILD: Registration = { prefixId: 'D', budget: 't/grandchild', parent: 't/child' }
const MAX_15 = { prefixId: 'M', limit: 15 }
const CALLS_3 = { prefixId: 'N', limit: 3 }

function token(prefixIds: readonly string[], more: Partial<Authority> = {}): Authority {
  const base = { tenant: 't', budget: 't/a', registrations: [], nonce: 'n1', issuedAt: 1_000 }
  return { ...base, ceilings: [], calls: [], rates: [], prefixIds, ...more }
}

/** Tokens on the root and below it, narrowed, and some that are registered nowhere. */
const TOKENS: readonly Authority[] = [
  token(['A']),
  token(['A', 'M'], { ceilings: [MAX_15] }),
  token(['A', 'R'], { ceilings: [MAX_15], calls: [CALLS_3], rates: [{ prefixId: 'R', calls: 3, seconds: 1 }] }),
  token(['A', 'M', 'B'], { budget: 't/child', registrations: [CHILD] }),
  token(['A', 'M', 'B', 'C'], { budget: 't/child', registrations: [CHILD], calls: [CALLS_3] }),
  token(['A', 'M', 'B', 'D'], { budget: 't/grandchild', registrations: [CHILD, GRANDCHILD] }),
  token(['A', 'X'], { budget: 't/child', registrations: [{ ...CHILD, prefixId: 'X' }] }),
  token(['Y'], { budget: 't/b', nonce: 'n2', issuedAt: 2_000 }),
]

/** What can be leased by: else it is a misuse. */
function isUnlimited({ ceilings, calls, rates }: Authority): boolean {
  return ceilings.length + calls.length + rates.length === 0
}

/** Budgets with few names, so that requests meet; the last is in another partition. */
export const HISTORY_BUDGETS = ['t/a', 't/b', 't/child', 't/grandchild', 't/hourly', 'u/a'] as const

/** Requests of every verb, of few names and few amounts, that a seed decides. */
export function randomHistory(seed: number, moments = 40): Moment[] {
  const random = new Random(seed)
  const pick = <Value>(values: readonly Value[]): Value => values[random.int(values.length)] as Value
  const id = (kind: string, budget: string): string => `${kind}-${budget.slice(0, 1)}-${random.int(12)}`
  // Ids count within a partition: what is the same on all stores is asked where it is.
  const charge = (tenant: string): string =>
    `${HISTORY_START.toString(36)}-${tenant.repeat(24)}-${random.int(24).toString(36)}`
  const budget = (): string => pick(HISTORY_BUDGETS)
  const windowAt = (): LineWindow => {
    const start = HISTORY_START + random.int(8) * 1_000
    return { previous: [start - 1_000, start], current: [start, start + 1_000], next: [start + 1_000, start + 2_000] }
  }
  const lines = () => {
    const tenant = pick(['t', 't', 't', 'u'])
    const names = tenant === 'u' ? ['u/a'] : ['t/a', 't/b', 't/child', 't/hourly']
    const first = pick(names)
    const other = random.chance(0.3) ? pick(HISTORY_BUDGETS) : first
    return [...new Set([first, other])].map((name) => ({
      budget: name,
      amount: random.int(12),
      ...(random.chance(0.2) && { unit: 'calls' }),
      ...((name === 't/hourly' || random.chance(0.05)) && { window: windowAt() }),
    }))
  }
  const leased = () => ({ leaseId: charge(pick(['t', 't', 'u'])), used: random.int(7) })
  const make: Record<string, () => unknown[]> = {
    check: () => [budget(), random.int(12)],
    remaining: () => [budget()],
    initialize: () => [pick(['t/a', 't/b', 't/hourly', 'u/a']), pick([30, 30, 60])],
    spend: () => {
      const name = budget()
      return [{ chargeId: id('s', name), budget: name, tool: pick(['x', 'y"\n']), cost: random.int(8) }]
    },
    hold: () => {
      const authority = random.chance(0.4) ? pick(TOKENS) : undefined
      const asked = authority === undefined ? lines() : [{ budget: authority.budget, amount: random.int(9) }]
      const terms = { ttlMs: pick([1, 50, 1_000, 100_000]), onExpire: pick(['capture', 'release']) }
      const rest = {
        ...(random.chance(0.2) && { overdraft: true }),
        ...(random.chance(0.5) && { meta: { tool: 'x' } }),
      }
      return [
        {
          id: charge((asked[0]?.budget ?? 't').slice(0, 1)),
          lines: asked,
          ...terms,
          ...rest,
          ...(authority && { authority }),
        },
      ]
    },
    capture: () => {
      const tenant = pick(['t', 't', 'u'])
      const late = random.chance(0.6) && {
        lines: [{ budget: tenant === 'u' ? 'u/a' : pick(['t/a', 't/b']), amount: 5 }],
      }
      const overage = pick(['cap', 'debt'])
      return [{ id: id('c', tenant), holdId: charge(tenant), amount: random.int(14), overage, ...late }]
    },
    release: () => [{ id: id('r', 't'), holdId: charge(pick(['t', 't', 'u'])) }],
    extend: () => {
      const round = random.chance(0.3) && { round: 1 + random.int(3) }
      const onExpire = random.chance(0.2) && { onExpire: pick(['capture', 'release']) }
      return [
        { id: id('e', 't'), holdId: charge(pick(['t', 't', 'u'])), ttlMs: pick([1, 2_000]), ...round, ...onExpire },
      ]
    },
    grant: () => {
      const name = budget()
      return [{ id: id('g', name), budget: name, amount: 1 + random.int(9) }]
    },
    transfer: () => {
      const from = budget()
      const to = pick(['t/child', 't/grandchild', 't/a', 't/b', 'u/a'])
      const registration = to === 't/grandchild' ? 'D' : 'B'
      const terms = random.chance(0.3) && { expiresAt: HISTORY_START + pick([1_000, 3_000, 10_000]) }
      const caps = random.chance(0.2) && { caps: { depth: random.int(2), amount: 1 + random.int(9) } }
      const create = pick([false, true, { registration, ...terms, ...caps }, { registration, ...terms, ...caps }])
      // What a token of another partition is told is each store's own: all say no.
      const authority = from.startsWith('t/') && random.chance(0.6) && { authority: pick(TOKENS) }
      return [{ id: id('m', from), from, to, amount: 1 + random.int(9), create, ...authority }]
    },
    close: () => {
      const name = random.chance(0.7) ? pick(['t/child', 't/grandchild']) : budget()
      return [
        {
          id: id('x', name),
          budget: name,
          why: 'closed',
          ...(name.startsWith('t/') && random.chance(0.4) && { authority: pick(TOKENS) }),
        },
      ]
    },
    revoke: () => {
      const what = pick([
        { prefixId: pick(['M', 'B', 'C', 'D', 'X']) },
        { nonce: 'n2' },
        { issuedBefore: pick([500, 900]) },
      ])
      return [{ id: id('v', 't'), budget: pick(['t/a', 't/child', 't/b']), ...what }]
    },
    describe: () => [budget(), ...(random.chance(0.5) ? [pick(TOKENS)] : [])],
    lease: () => {
      const authority = random.chance(0.4) ? pick(TOKENS.filter(isUnlimited)) : undefined
      const name = authority?.budget ?? pick(['t/a', 't/a', 't/b', 't/child', 't/hourly', 'u/a'])
      const least = 1 + random.int(4)
      const terms = { instance: pick(['p', 'q']), ttlMs: pick([1, 50, 1_000]), least, most: least + random.int(9) }
      return [{ id: charge(name.slice(0, 1)), budget: name, ...terms, ...(authority && { authority }) }]
    },
    renew: () => {
      const authority = random.chance(0.4) && { authority: pick(TOKENS) }
      return [{ id: id('n', 't'), ...leased(), ttlMs: pick([1, 50, 2_000]), ...authority }]
    },
    settle: () => [{ id: id('l', 't'), ...leased() }],
    reconcile: () => [{ id: id('b', 't'), ...leased() }],
  }
  const often = [
    'hold',
    'hold',
    'hold',
    'hold',
    'capture',
    'capture',
    'release',
    'extend',
    'transfer',
    'transfer',
    'lease',
    'lease',
    'reconcile',
  ]
  const verbs = [...Object.keys(make).filter((verb) => !['close', 'revoke'].includes(verb)), ...often]
  const start: Moment = {
    calls: [
      { verb: 'initialize', args: ['t/a', 60] },
      { verb: 'initialize', args: ['t/hourly', 30] },
      { verb: 'initialize', args: ['u/a', 30] },
    ],
    thenMs: 1,
  }
  const rest = Array.from({ length: moments }, (): Moment => {
    const calls = Array.from({ length: 1 + random.int(8) }, () => {
      const verb = random.chance(0.04) ? pick(['close', 'revoke']) : pick(verbs)
      return { verb, args: (make[verb] as () => unknown[])() } as unknown as EnforcerCall
    })
    return { calls, thenMs: pick([0, 0, 1, 49, 50, 300, 999, 1_000]) }
  })
  return [start, ...rest]
}
