import { expect } from 'vitest'
import { FakeClock } from '../../src/testing/index.js'
import { mintChargeId } from '../../src/core/ids.js'
import type { Authority } from '../../src/budget/authority.js'
import type { BudgetId } from '../../src/budget/budget-id.js'
import type { RecordedStore } from './histories.js'

/** A store with a database, of which a test may open several. */
export interface SqlStore extends RecordedStore {
  shutdown(): Promise<void>
}

/** How a test gets at a database and its stores. */
export interface SqlPlace {
  open(options: { readonly clock: FakeClock; readonly partition?: (budget: BudgetId) => string }): Promise<SqlStore>
  /** What a statement answers with. A name of a table is written as `:holds`. */
  sql(text: string): Promise<readonly unknown[]>
  /** A query that counts from 1 to a number: one column `n`. */
  numbers(to: number): string
}

/** What every store with a database must do beside the kit. */
export interface SqlRule {
  readonly name: string
  readonly run: (place: SqlPlace) => Promise<void>
}

const LINES = [{ budget: 'main', amount: 1 }]
const MINUTE = 60_000

function setUp(place: SqlPlace) {
  const clock = new FakeClock()
  const hold = (store: SqlStore, id: string, ttlMs = MINUTE) =>
    store.hold({ id, lines: LINES, ttlMs, onExpire: 'release', meta: { tool: 't' } })
  return { clock, hold, open: () => place.open({ clock }), charge: () => mintChargeId(clock.now()) }
}

async function count(place: SqlPlace, table: string): Promise<number> {
  const [row] = (await place.sql(`SELECT count(*) AS n FROM :${table}`)) as Array<{ n: unknown }>
  return Number(row?.n)
}

function authority(more: Partial<Authority> = {}): Authority {
  const lists = { registrations: [], prefixIds: ['p0'], ceilings: [], calls: [], rates: [] }
  return { tenant: 'default', budget: 'default/main', nonce: 'n', issuedAt: 1_000, ...lists, ...more }
}

const DURABLE: readonly SqlRule[] = [
  {
    name: 'what was answered is there when the database is opened again, and is answered again [R3, L-P8, I13]',
    async run(place) {
      const { open, charge, clock } = setUp(place)
      const first = await open()
      await first.initialize('main', 100)
      const token = authority({ ceilings: [{ prefixId: 'c', limit: 50 }] })
      const hold = { id: charge(), lines: LINES, ttlMs: MINUTE, onExpire: 'capture', authority: token } as const
      const ask = async (store: SqlStore) => [
        await store.hold(hold),
        await store.capture({ id: 'c', holdId: hold.id, amount: 1, overage: 'cap' }),
        await store.hold({ ...hold, id: 'open', lines: [{ budget: 'main', amount: 7 }] }),
        await store.extend({ id: 'x', holdId: 'open', ttlMs: 2 * MINUTE, round: 1 }),
        await store.spend({ chargeId: 's', budget: 'main', tool: 't', cost: 2 }),
        await store.grant({ id: 'g', budget: 'main', amount: 5 }),
        await store.transfer({ id: 't', from: 'main', to: 'child', amount: 9, create: { registration: 'r' } }),
        await store.revoke({ id: 'r', budget: 'main', nonce: 'other' }),
      ]
      const answers = await ask(first)
      const views = [await first.describe('main', token), await first.describe('child')]
      const entries = await first.ledger.entries()
      await first.shutdown()
      const second = await place.open({ clock })
      expect(await ask(second)).toEqual(answers)
      expect([await second.describe('main', token), await second.describe('child')]).toEqual(views)
      expect(await second.ledger.entries()).toEqual(entries)
      expect(await second.extend({ id: 'y', holdId: 'open', ttlMs: 1, round: 1 })).toMatchObject({
        reason: 'round_used',
      })
      const revoked = await second.hold({ ...hold, id: 'later', authority: authority({ nonce: 'other' }) })
      expect(revoked).toMatchObject({ reason: 'revoked' })
      await second.shutdown()
    },
  },
  {
    name: 'the clock of the store never goes back, not even when it is opened again [T53]',
    async run(place) {
      const { open, hold, clock } = setUp(place)
      const first = await open()
      await first.initialize('main', 10)
      await hold(first, 'h', 1_000)
      clock.advance(1_000)
      await hold(first, 'later', 5_000)
      await first.shutdown()
      clock.jump(-3_600_000)
      const second = await open()
      expect(await second.describe('main')).toMatchObject({ held: 1 })
      const { ledger } = second
      const dates = (await ledger.entries()).map((entry) => ('at' in entry ? entry.at : 0))
      await hold(second, 'after', 1_000)
      const [after] = await ledger.entries({ chargeId: 'after' })
      expect(after !== undefined && 'at' in after && after.at).toBe(Math.max(...dates))
      await second.shutdown()
    },
  },
]

const SWEEPS: readonly SqlRule[] = [
  {
    name: 'more holds than one transaction ends are ended before anybody decides on their budget [R2, L-P3, I4]',
    async run(place) {
      const { open, hold, clock } = setUp(place)
      const store = await open()
      const holds = 2_345
      await store.initialize('main', holds)
      await Promise.all(Array.from({ length: holds }, (_, n) => hold(store, `h${n}`, 1_000 + (n % 700))))
      expect(await store.check('main', 1)).toMatchObject({ allowed: false })
      clock.advance(2_000)
      const all = { id: 'all', lines: [{ budget: 'main', amount: holds }], ttlMs: 1, onExpire: 'release' } as const
      expect(await store.hold(all)).toMatchObject({ kind: 'held' })
      expect(await store.describe('main')).toMatchObject({ openHolds: 1, held: holds, available: 0 })
      const entries = await store.ledger.entries({ kind: 'money' })
      const dates = entries.map((entry) => ('at' in entry ? entry.at : 0))
      expect(dates).toEqual(dates.toSorted((a, b) => a - b))
      await store.shutdown()
    },
  },
  {
    name: 'budgets and holds that are due end in the order of their deadlines [R2, I11]',
    async run(place) {
      const { open, clock } = setUp(place)
      const store = await open()
      await store.initialize('main', 100)
      const at = clock.now()
      for (const [n, ms] of [3_000, 1_000, 2_000].entries()) {
        const create = { registration: `r${n}`, expiresAt: at + ms }
        await store.transfer({ id: `t${n}`, from: 'main', to: `c${n}`, amount: 10, create })
        const lines = [{ budget: `c${n}`, amount: 4 }]
        await store.hold({ id: `h${n}`, lines, ttlMs: ms + 500, onExpire: 'release' })
      }
      clock.advance(10_000)
      expect(await store.describe('main')).toMatchObject({ available: 100 })
      for (const n of [0, 1, 2]) expect(await store.describe(`c${n}`)).toMatchObject({ state: 'closed', held: 0 })
      const ends = (await store.ledger.entries({ kind: 'money', since: at + 1 })).map((e) => 'at' in e && e.at - at)
      expect([...new Set(ends)]).toEqual([1_000, 1_500, 2_000, 2_500, 3_000, 3_500])
      await store.shutdown()
    },
  },
]

const FORGETTING: readonly SqlRule[] = [
  {
    name: 'ends and answers are kept for ten minutes, and then forgotten [I20, L-P8, L-P23]',
    async run(place) {
      const { open, hold, clock } = setUp(place)
      const store = await open()
      await store.initialize('main', 1_000)
      for (let n = 0; n < 20; n++) {
        await hold(store, `h${n}`)
        await store.release({ id: 'r', holdId: `h${n}` })
        await store.grant({ id: `g${n}`, budget: 'main', amount: 1 })
      }
      clock.advance(599_999)
      await hold(store, 'before')
      expect(await store.extend({ id: 'x', holdId: 'h0', ttlMs: 1 })).toMatchObject({ reason: 'hold_ended' })
      expect([await count(place, 'holds'), await count(place, 'answers')]).toEqual([21, 20])
      clock.advance(1_001)
      await hold(store, 'after')
      expect(await store.extend({ id: 'x', holdId: 'h0', ttlMs: 1 })).toMatchObject({ reason: 'unknown_hold' })
      expect([await count(place, 'holds'), await count(place, 'answers')]).toEqual([2, 0])
      await store.shutdown()
    },
  },
  {
    name: 'a charge that was forgotten is not made again by a store that is opened later [I3, L-P8]',
    async run(place) {
      const { open, hold, clock, charge } = setUp(place)
      const first = await open()
      await first.initialize('main', 10)
      const id = charge()
      const capture = { id: 'c', holdId: id, amount: 1, overage: 'cap', lines: LINES } as const
      await hold(first, id)
      await first.capture(capture)
      clock.advance(700_000)
      await hold(first, charge())
      await first.shutdown()
      const second = await open()
      expect(await count(place, 'holds')).toBe(1)
      expect(await second.capture(capture)).toEqual({ kind: 'refused', reason: 'unknown_hold' })
      expect(await second.capture({ ...capture, holdId: charge() })).toMatchObject({ kind: 'captured', late: true })
      await second.shutdown()
    },
  },
  {
    name: 'a hold that was barred before it came is not charged when that was forgotten [I3, L-P8]',
    async run(place) {
      const { open, clock, charge } = setUp(place)
      const store = await open()
      await store.initialize('main', 10)
      const barred = charge()
      await store.release({ id: 'r', holdId: barred })
      clock.advance(700_000)
      await store.release({ id: 'r', holdId: charge() })
      expect(await count(place, 'holds')).toBe(1)
      const late = { id: 'c', holdId: barred, amount: 1, overage: 'cap', lines: LINES } as const
      expect(await store.capture(late)).toEqual({ kind: 'refused', reason: 'unknown_hold' })
      await store.shutdown()
    },
  },
  {
    name: 'a delegated budget that is closed is forgotten, but not before what is below it [I20, T39]',
    async run(place) {
      const { open, clock } = setUp(place)
      const store = await open()
      await store.initialize('main', 100)
      await store.transfer({ id: 't1', from: 'main', to: 'child', amount: 20, create: { registration: 'r1' } })
      await store.transfer({ id: 't2', from: 'child', to: 'grandchild', amount: 10, create: { registration: 'r2' } })
      const lines = [{ budget: 'grandchild', amount: 5 }]
      await store.hold({ id: 'h', lines, ttlMs: 3_600_000, onExpire: 'release' })
      await store.close({ id: 'c', budget: 'child', why: 'closed' })
      clock.advance(700_000)
      await store.check('main', 0)
      expect(await store.describe('grandchild')).toMatchObject({ state: 'closing', parent: 'default/child' })
      await store.release({ id: 'r', holdId: 'h' })
      expect(await store.describe('main')).toMatchObject({ available: 100 })
      for (let n = 0; n < 3; n++) {
        clock.advance(700_000)
        await store.check('main', 0)
      }
      expect(await store.describe('main')).toMatchObject({ children: [], available: 100 })
      await expect(store.describe('child')).rejects.toMatchObject({ code: 'unknown_budget' })
      expect(await count(place, 'budgets')).toBe(1)
      await store.shutdown()
    },
  },
]

const BOUNDS: readonly SqlRule[] = [
  {
    name: 'a root has room for 10,000 prefixes, and finds more where their time is over [T39, L-S27]',
    async run(place) {
      const { open, clock } = setUp(place)
      const store = await open()
      await store.initialize('main', 100)
      const over = clock.now() + 1_000
      await place.sql(`INSERT INTO :counters SELECT 'default/main', 'p' || n, 1, 0,
        '{"prefixId":"p' || n || '","limit":5,"expiresAt":${over}}' FROM (${place.numbers(10_000)}) AS numbers`)
      await place.sql(`INSERT INTO :counts VALUES ('default/main', 10000, NULL)`)
      const hold = (id: string, prefixId: string) =>
        store.hold({
          id,
          lines: LINES,
          ttlMs: MINUTE,
          onExpire: 'release',
          authority: authority({ ceilings: [{ prefixId, limit: 5 }] }),
        })
      expect(await hold('h1', 'new')).toMatchObject({ kind: 'refused', reason: 'full' })
      expect(await hold('h2', 'p7')).toMatchObject({ kind: 'held', remaining: 3 })
      clock.advance(700_000)
      expect(await hold('h3', 'new')).toMatchObject({ kind: 'held' })
      expect(await count(place, 'counters')).toBeLessThanOrEqual(2)
      await store.shutdown()
    },
  },
  {
    name: 'a partition has room for 100,000 bans, and finds more where their time is over [T39]',
    async run(place) {
      const { open, clock } = setUp(place)
      const store = await open()
      await store.initialize('main', 100)
      await place.sql(`INSERT INTO :bans SELECT 'default', 'p' || n, 'prefixes',
        ${clock.now()} + 1000 FROM (${place.numbers(100_000)}) AS numbers`)
      expect(await store.revoke({ id: 'r1', budget: 'main', prefixId: 'new' })).toMatchObject({ reason: 'full' })
      expect(await store.revoke({ id: 'r2', budget: 'main', issuedBefore: 5 })).toMatchObject({ kind: 'revoked' })
      clock.advance(2_000)
      expect(await store.revoke({ id: 'r3', budget: 'main', prefixId: 'new' })).toMatchObject({ kind: 'revoked' })
      expect(await count(place, 'bans')).toBe(2)
      await store.shutdown()
    },
  },
  {
    name: 'no amount beyond 2^53−1 is ever kept [L-P12]',
    async run(place) {
      const { open } = setUp(place)
      const store = await open()
      const most = Number.MAX_SAFE_INTEGER
      await store.initialize('main', most)
      expect(await store.describe('main')).toMatchObject({ available: most, in: most })
      await expect(store.initialize('more', most + 1)).rejects.toMatchObject({ code: 'invalid_credits' })
      expect(await store.grant({ id: 'g', budget: 'main', amount: 1 })).toMatchObject({ reason: 'overflow' })
      for (const change of [
        '"available" = "available" + 1, "in" = "in" + 1',
        '"held" = -1, "in" = "in" - 1',
        '"spent" = 1',
        '"forfeited" = 9007199254740992',
      ])
        await expect(place.sql(`UPDATE :budgets SET ${change}`), change).rejects.toThrow()
      for (const change of ['"held" = 9007199254740992', '"debt" = -9007199254740992'])
        await expect(place.sql(`UPDATE :entries SET ${change}`), change).rejects.toThrow()
      await store.hold({ id: 'h', lines: [{ budget: 'main', amount: most }], ttlMs: MINUTE, onExpire: 'release' })
      expect(await store.describe('main')).toMatchObject({ available: 0, held: most })
      await store.shutdown()
    },
  },
  {
    name: 'names are data, whatever is written in them [T38]',
    async run(place) {
      const { open, hold } = setUp(place)
      const store = await open()
      await store.initialize('main', 100)
      const names = [`'; DROP TABLE holds; --`, '"', '\\', '{a,"b"}', '$1', '?1', '[]', 'null', '%', 'ü🙂', "a'b\nc"]
      for (const name of names) {
        expect(await hold(store, name)).toMatchObject({ kind: 'held', holdId: name })
        const tokens = authority({ prefixIds: [name], nonce: name, ceilings: [{ prefixId: name, limit: 9 }] })
        const call = { lines: LINES, ttlMs: MINUTE, onExpire: 'release', meta: { tool: name } } as const
        expect(await store.hold({ ...call, id: `${name}+`, authority: tokens })).toMatchObject({ remaining: 8 })
        expect(await store.grant({ id: name, budget: 'main', amount: 2 })).toMatchObject({ kind: 'moved' })
        const banned = await store.revoke({ id: name, budget: 'main', prefixId: name })
        expect(banned).toMatchObject({ kind: 'revoked' })
        const again = await store.hold({ ...call, id: `${name}-`, authority: tokens })
        expect(again).toMatchObject({ reason: 'revoked' })
        expect((await store.ledger.entries({ tool: name })).length).toBe(1)
      }
      expect(await store.describe('main')).toMatchObject({ held: 2 * names.length, in: 100 + 2 * names.length })
      await store.shutdown()
    },
  },
]

const TOGETHER: readonly SqlRule[] = [
  {
    name: 'two stores on one database never spend more than there is, and leave no gap in the ledger [R1, I13, I15, L-P1]',
    async run(place) {
      const { open, charge } = setUp(place)
      const stores = await Promise.all([open(), open()])
      await Promise.all(stores.map((store) => store.initialize('main', 100)))
      const spend = (n: number) => {
        const store = stores[n % 2] as SqlStore
        return store.spend({ chargeId: charge(), budget: 'main', tool: 't', cost: 1 })
      }
      const answers: Array<{ allowed: boolean }> = []
      const client = async (n: number): Promise<void> => {
        for (let i = 0; i < 12; i++) answers.push(await spend(n))
      }
      await Promise.all(Array.from({ length: 16 }, (_, n) => client(n)))
      expect(answers.filter(({ allowed }) => allowed)).toHaveLength(100)
      const [first] = stores
      expect(await first?.describe('main')).toMatchObject({ available: 0, spent: 100 })
      const entries = (await first?.ledger.entries({ kind: 'money' })) ?? []
      expect(entries.map((entry) => 'seq' in entry && entry.seq)).toEqual(Array.from({ length: 101 }, (_, n) => n + 1))
      for (const store of stores) await store.shutdown()
    },
  },
  {
    name: 'the same request to two stores at once is made once [I4, I5, L-P2, L-P8]',
    async run(place) {
      const { open, hold } = setUp(place)
      const stores = await Promise.all([open(), open()])
      const both = <Answer>(ask: (store: SqlStore) => Answer) => Promise.all(stores.map(ask))
      await both((store) => store.initialize('main', 1_000))
      for (let n = 0; n < 40; n++) {
        const [one, other] = await both((store) => hold(store, `h${n}`))
        expect(one).toEqual(other)
        const [moved, again] = await both((store) => store.grant({ id: `g${n}`, budget: 'main', amount: 3 }))
        expect(moved).toEqual(again)
        const [made, known] = await both((store) =>
          store.transfer({ id: `t${n}`, from: 'main', to: `c${n}`, amount: 1, create: { registration: `r${n}` } }),
        )
        expect(made).toEqual(known)
        const ends = await Promise.all([
          stores[0]?.capture({ id: `c${n}`, holdId: `h${n}`, amount: 1, overage: 'cap' }),
          stores[1]?.release({ id: `r${n}`, holdId: `h${n}` }),
        ])
        expect(ends.filter((end) => end?.kind !== 'refused')).toHaveLength(1)
        // A hold and its release may come in any order: it is never left open.
        await Promise.all([hold(stores[0], `b${n}`), stores[1]?.release({ id: 'r', holdId: `b${n}` })])
      }
      const view = await stores[0]?.describe('main')
      expect(view).toMatchObject({ held: 0, openHolds: 0, in: 1_000 + 120, out: 40 })
      for (const store of stores) await store.shutdown()
    },
  },
  {
    name: 'stores of several partitions go on beside each other, and a hold across them is refused [L-P16]',
    async run(place) {
      const { open, charge } = setUp(place)
      const stores = await Promise.all([open(), open()])
      const names = ['one/main', 'two/main', 'three/main']
      for (const name of names) await stores[0]?.initialize(name, 100)
      await Promise.all(
        Array.from({ length: 90 }, (_, n) => {
          const lines = [{ budget: names[n % 3] as string, amount: 1 }]
          return stores[n % 2]?.hold({ id: charge(), lines, ttlMs: MINUTE, onExpire: 'release' })
        }),
      )
      for (const name of names) expect(await stores[1]?.describe(name)).toMatchObject({ held: 30, openHolds: 30 })
      const lines = names.map((budget) => ({ budget, amount: 1 }))
      const across = await stores[0]?.hold({ id: charge(), lines, ttlMs: MINUTE, onExpire: 'release' })
      expect(across).toMatchObject({ reason: 'cross_partition' })
      for (const store of stores) await store.shutdown()
    },
  },
]

/** All of them. */
export const SQL_STORE_RULES: readonly SqlRule[] = [...DURABLE, ...SWEEPS, ...FORGETTING, ...BOUNDS, ...TOGETHER]
