import fc from 'fast-check'
import { expect } from 'vitest'
import { allPages, CALLS, callOf, START } from './ledger-rules.js'
import {
  attemptsQuery,
  groupsQuery,
  knownBudgetsQuery,
  numberedQuery,
  recordsQuery,
} from '../../src/backends/sql/ledger-queries.js'
import { byKey, histories, queries, sumsIn } from './random-ledgers.js'
import { FakeClock } from '../../src/testing/index.js'
import { MemoryLedger } from '../../src/ledger/memory-ledger.js'
import { mintChargeId } from '../../src/core/ids.js'
import { LedgerSealer, verifyLedger } from 'mcp-budget/audit'
import { replay } from '../../src/ledger/replay.js'
import { report } from '../../src/ledger/report.js'
import type { LedgerSelectOf } from '../../src/backends/sql/ledger-queries.js'
import type { BudgetId } from '../../src/budget/budget-id.js'
import type {
  GroupedLedger,
  LeasingEnforcer,
  LedgerPage,
  LedgerQuery,
  NumberedLedger,
  PagedLedger,
  PageRequest,
} from '../../src/index.js'
import type { LedgerRecord, MoneyEntry } from '../../src/ledger/entry.js'
import type { SealStore } from '../../src/ledger/seal.js'
import type { SqlPlace, SqlStore } from './sql-store-rules.js'

type SqlLedgerStore = SqlStore &
  LeasingEnforcer & { readonly ledger: PagedLedger & GroupedLedger & NumberedLedger; readonly seals: SealStore }

/** How a test gets at a database with a ledger. */
export interface SqlLedgerPlace extends SqlPlace {
  open(options: {
    readonly clock: FakeClock
    readonly partition?: (budget: BudgetId) => string
  }): Promise<SqlLedgerStore>
  /** Makes the schema of version 1, as it was. */
  makeOld(): Promise<void>
  /** The plan of a query, as the database would choose it if the tables were long. */
  explain(of: LedgerSelectOf): Promise<string>
}

/** What the ledger of a database must do beside the rules of all ledgers. */
export interface SqlLedgerRule {
  readonly name: string
  readonly run: (place: SqlLedgerPlace) => Promise<void>
}

/** All of a list that comes by pages. */
async function whole<Item>(ask: (request: PageRequest) => LedgerPage<Item> | Promise<LedgerPage<Item>>, limit: number) {
  const items: Item[] = []
  for (let page = await ask({ limit }); ; page = await ask({ limit, cursor: page.next })) {
    items.push(...page.records)
    if (page.next === undefined) return items
  }
}

async function expectSame(ledger: SqlLedgerStore['ledger'], records: readonly LedgerRecord[], query: LedgerQuery) {
  const memory = new MemoryLedger()
  memory.append(records)
  // Records of one time have an order of the ledger's own, which says what the last one of a charge is.
  const wanted = report(await ledger.entries(query))
  expect(sumsIn(wanted)).toEqual(sumsIn(report(memory.entries(query))))
  expect(sumsIn(await ledger.report(query))).toEqual(sumsIn(wanted))
  const operations = await whole((page) => ledger.operations({ ...query, ...page }) as Promise<LedgerPage<never>>, 2)
  expect(byKey(operations)).toEqual(byKey([...wanted.byOperation.values()]))
  const tasks = await whole((page) => ledger.tasks({ ...query, ...page }) as Promise<LedgerPage<never>>, 2)
  expect(byKey(tasks)).toEqual(byKey([...wanted.byTask.values()]))
  const found = await allPages(ledger, query, 3)
  expect(byKey(found)).toEqual(byKey(memory.entries(query)))
}

const ANSWERS: readonly SqlLedgerRule[] = [
  {
    name: 'sums, operations and tasks are those that a report of the records says, of random histories [seed-000:spend-by-task] [seed-001:spend-ledger]',
    async run(place) {
      const store = await place.open({ clock: new FakeClock(START) })
      for (const budget of ['a/x', 'a/y', 'b/x']) await store.initialize(budget, 1_000)
      const said: LedgerRecord[] = []
      await fc.assert(
        fc.asyncProperty(histories, fc.array(queries, { minLength: 3, maxLength: 3 }), async (history, asked) => {
          for (const [n, { budget, tool, cost }] of history.spends.entries())
            await store.spend({ chargeId: `c${n % 7}-${said.length}`, budget, tool, cost })
          await store.ledger.append(history.calls)
          said.push(...history.calls)
          const money = await store.ledger.entries({ kind: 'money' })
          for (const query of [{}, ...asked]) await expectSame(store.ledger, [...money, ...said], query)
        }),
        { numRuns: 12, endOnFailure: true },
      )
      await store.shutdown()
    },
  },
  {
    name: 'records of calls are numbered in their partition without gaps, whoever writes them and when [I13, seed-001:spend-ledger]',
    async run(place) {
      const clock = new FakeClock(START)
      const stores = await Promise.all([place.open({ clock }), place.open({ clock })])
      const [one] = stores
      const homes = ['a/main', 'b/main', undefined, 'no budget']
      await one.initialize('a/main', 1_000)
      await Promise.all(
        Array.from({ length: 120 }, async (_, n) => {
          const store = stores[n % 2] as SqlLedgerStore
          const home = homes[n % 4]
          const id = mintChargeId(clock.now())
          const spent = n % 4 === 0 && store.spend({ chargeId: id, budget: 'a/main', tool: 't', cost: 1 })
          // A release of what nobody knows locks what has no partition too.
          const released = n % 8 === 2 && store.release({ id: `r${n}`, holdId: `unknown ${n}` })
          const call = callOf({ chargeId: id, budgets: home === undefined ? [] : [home] })
          await Promise.all([spent, released, store.ledger.append([call, call])])
        }),
      )
      expect(await one.ledger.partitions()).toEqual(['', 'a', 'b'])
      const numbers = async (partition: string, kind: 'money' | 'call') =>
        (await one.ledger.numbered({ partition, kind, after: 0, limit: 1_000 })).map(({ seq }) => seq)
      const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1)
      expect(await numbers('a', 'call')).toEqual(upTo(60))
      expect(await numbers('a', 'money')).toEqual(upTo(31))
      expect(await numbers('b', 'call')).toEqual(upTo(60))
      expect(await numbers('', 'call')).toEqual(upTo(120))
      expect(await numbers('c', 'call')).toEqual([])
      const some = await one.ledger.numbered({ partition: 'a', kind: 'money', after: 29, limit: 1 })
      expect(some).toMatchObject([{ seq: 30, record: { kind: 'money', seq: 30, op: 'spend', partition: 'a' } }])
      for (const store of stores) await store.shutdown()
    },
  },
]

const quoted = (value: string | number | null): string =>
  typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : String(value)

function insertOf(table: string, row: Readonly<Record<string, string | number | null>>): string {
  const columns = Object.keys(row).map((name) => `"${name}"`)
  return `INSERT INTO :${table} (${columns.join(', ')}) VALUES (${Object.values(row).map(quoted).join(', ')})`
}

/** What version 1 has written: a budget in a partition with a name of its own, its money, and calls. */
async function fillOld(place: SqlLedgerPlace, calls: readonly LedgerRecord[]): Promise<MoneyEntry> {
  const balance = { available: 40, held: 0, spent: 60, debt: 0, in: 100, out: 0, burned: 0 }
  await place.sql(insertOf('partitions', { id: 'p', seq: 1, born: 1, now: START, forgotten: 0 }))
  const budget = { id: 'a/main', partition: 'p', state: 'open', ...balance, initial: 100, born: 1 }
  await place.sql(insertOf('budgets', { ...budget, open_holds: 0, live_children: 0, is_parent: 0 }))
  const entry = { partition: 'p', seq: 1, at: START, op: 'opening', budget: 'a/main', id: 'c1', ...balance }
  await place.sql(insertOf('entries', { ...entry, tool: null, counter: null }))
  for (const call of calls) {
    const { chargeId = null, at = null } = call.kind === 'call' ? call : {}
    const tool = (call.tool ?? '').replaceAll('\0', '')
    await place.sql(insertOf('calls', { charge_id: chargeId, at, tool, body: JSON.stringify(call) }))
  }
  return { kind: 'money', ...entry, op: 'opening', tool: undefined, counter: undefined }
}

/** What version 1 has written of money: 100 that were granted, 60 that were spent, and 10 that a call holds. */
async function fillOldMoney(place: SqlLedgerPlace, later: number): Promise<void> {
  const zero = { available: 0, held: 0, spent: 0, debt: 0, in: 0, out: 0, burned: 0 }
  const balance = { ...zero, available: 30, held: 10, spent: 60, in: 100 }
  await place.sql(insertOf('partitions', { id: 'a', seq: 4, born: 1, now: START, forgotten: 0 }))
  const budget = { id: 'a/main', partition: 'a', state: 'open', ...balance, initial: 100, born: 1 }
  await place.sql(insertOf('budgets', { ...budget, open_holds: 1, live_children: 0, is_parent: 0 }))
  const terms = { ttlMs: 60_000, onExpire: 'release', overdraft: false, tool: 't', remaining: 40, debt: 0 }
  const holdOf = (amount: number, more = {}): string => JSON.stringify({ lines: [['a/main', amount, null, null]], ...terms, ...more }) // prettier-ignore
  const end = { id: 'e', by: 'capture', amount: 60, overage: 'cap', charged: 60, returned: 0 }
  const holds = [
    { id: 'ended', state: 'captured', deadline: later, ended_at: START, body: holdOf(60, { end }) },
    { id: 'open', state: 'open', deadline: later, ended_at: null, body: holdOf(10) },
  ]
  for (const hold of holds) await place.sql(insertOf('holds', { partition: 'a', ...hold }))
  const answer = JSON.stringify({ kind: 'moved', remaining: 100 })
  const payload = JSON.stringify(['grant', 'a/main', 100])
  await place.sql(insertOf('answers', { verb: 'move', id: 'g', at: START, payload, answer }))
  const changes = [
    { op: 'grant', id: 'g', available: 100, in: 100 },
    { op: 'hold', id: 'ended', available: -60, held: 60 },
    { op: 'capture', id: 'ended', held: -60, spent: 60 },
    { op: 'hold', id: 'open', available: -10, held: 10 },
  ]
  const about = { partition: 'a', at: START, budget: 'a/main', tool: 't', counter: null }
  for (const [i, change] of changes.entries())
    await place.sql(insertOf('entries', { ...about, ...zero, ...change, seq: i + 1 }))
  const call = callOf({ chargeId: 'ended', budgets: ['a/main'], at: START })
  await place.sql(insertOf('calls', { charge_id: 'ended', at: START, tool: call.tool, body: JSON.stringify(call) }))
}

const UPGRADES: readonly SqlLedgerRule[] = [
  {
    name: 'a database of version 1 has the same money after its upgrade, goes on with its holds, is proved and sealed, and leases [R3, I13, L-P8]',
    async run(place) {
      const clock = new FakeClock(START)
      await place.makeOld()
      await fillOldMoney(place, START + 60_000)
      const store = await place.open({ clock })
      const view = { available: 30, held: 10, spent: 60, in: 100, openHolds: 1, state: 'open' }
      expect(await store.describe('a/main')).toMatchObject(view)
      const balances = replay((await store.ledger.entries({ kind: 'money' })) as readonly MoneyEntry[])
      expect(balances.get('a/main')).toMatchObject({ available: 30, held: 10, spent: 60, in: 100 })
      expect(await store.ledger.entries({ kind: 'call' })).toMatchObject([{ chargeId: 'ended' }])
      const { ledger, seals } = store
      const verify = () => verifyLedger({ ledger, seals, balances: store })
      expect(await verify()).toMatchObject({ kind: 'ok', records: 5, unsealed: 5 })
      // What was asked of the old version is answered by the new one, and done once.
      expect(await store.grant({ id: 'g', budget: 'a/main', amount: 100 })).toEqual({ kind: 'moved', remaining: 100 })
      const again = { id: 'e', holdId: 'ended', amount: 60, overage: 'cap' } as const
      expect(await store.capture(again)).toEqual({ kind: 'captured', charged: 60, late: false })
      expect(await store.capture({ id: 'o', holdId: 'open', amount: 4, overage: 'cap' })).toMatchObject({ charged: 4 })
      const lease = { id: mintChargeId(START), budget: 'a/main', instance: 'i', ttlMs: 1_000, least: 8, most: 8 }
      expect(await store.lease(lease)).toMatchObject({ kind: 'leased', amount: 8, remaining: 28, live: 1 })
      clock.advance(1_000)
      expect(await store.describe('a/main')).toMatchObject({ spent: 72, forfeited: 8, leased: 0, leases: 0 })
      const used = { id: 'r', leaseId: lease.id, used: 3 }
      expect(await store.reconcile(used)).toEqual({ kind: 'reconciled', returned: 5 })
      expect(await store.describe('a/main')).toMatchObject({ available: 33, held: 0, spent: 67, in: 100 })
      const sealer = new LedgerSealer({ ledger, seals, clock })
      await sealer.seal()
      await sealer.stop()
      expect(await verify()).toMatchObject({ kind: 'ok', unsealed: 0 })
      await store.shutdown()
    },
  },
  {
    name: 'a database of version 1 answers after its upgrade as one that was never old, and counts on [seed-001:spend-ledger]',
    async run(place) {
      const calls = [
        ...CALLS,
        callOf({ chargeId: 'c5', outcome: 'input-required', at: START + 9_000, server: 'one', operationId: 'op2' }),
        callOf({ chargeId: 'c6', budgets: ['gone/main', 'a/main'], tool: "it's", at: START + 9_001 }),
        callOf({ chargeId: 'c7', server: 'a\0b \uD83D \\u0000 \\ud83d', at: START + 9_002 }),
      ]
      await place.makeOld()
      const money = await fillOld(place, calls)
      const store = await place.open({ clock: new FakeClock(START), partition: () => 'p' })
      expect(await store.describe('a/main')).toMatchObject({ available: 40, spent: 60 })
      for (const query of [{}, { tenant: 'a' }, { tokenId: 'tok1' }, { budget: 'a/other' }, { taskId: 't1' }] as const)
        await expectSame(store.ledger, [money, ...calls], query)
      const numbers = await store.ledger.numbered({ partition: 'p', kind: 'call', after: 0, limit: 100 })
      // In the order in which they were written; a budget that is gone had the partition of its tenant.
      const names = ['c1', 'c2', 'c2', 'folded', 'c5', 'c7']
      expect(numbers.map(({ record }) => ('chargeId' in record ? record.chargeId : 'folded'))).toEqual(names)
      expect(numbers.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6])
      expect(await store.ledger.partitions()).toEqual(['', 'ab', 'gone', 'p'])
      await store.ledger.append([callOf({ chargeId: 'c8' })])
      await store.spend({ chargeId: 'c8', budget: 'a/main', tool: 't', cost: 1 })
      const [call] = await store.ledger.numbered({ partition: 'p', kind: 'call', after: 6, limit: 9 })
      expect(call).toMatchObject({ seq: 7, record: { chargeId: 'c8' } })
      const [spend] = await store.ledger.numbered({ partition: 'p', kind: 'money', after: 1, limit: 9 })
      expect(spend).toMatchObject({ seq: 2, record: { id: 'c8', op: 'spend' } })
      await store.shutdown()
    },
  },
]

const AFTER = [START, 0, 'a', 7] as const

/** Queries that have a key, and the one that has none, from the beginning and from a cursor. */
const PLANNED: ReadonlyArray<readonly [name: string, of: LedgerSelectOf]> = [
  ...(
    [
      {},
      { budget: 'a/main' },
      { tenant: 'a' },
      { partition: 'a' },
      { tool: 'x' },
      { chargeId: 'c' },
      { tokenId: 't' },
      { taskId: 't' },
      { operationId: 'o' },
      { since: 5, until: 9 },
    ] as const
  ).flatMap((query) =>
    (['entries', 'calls'] as const).flatMap((table) => [
      [`${table} ${JSON.stringify(query)}`, recordsQuery(table, query, { limit: 9 })] as const,
      [`${table} ${JSON.stringify(query)} on`, recordsQuery(table, query, { after: AFTER, limit: 9 })] as const,
    ]),
  ),
  ...(['operations', 'tasks'] as const).flatMap((group) => [
    [group, groupsQuery(group, {}, { after: ['o', 'a', ''].slice(0, group === 'tasks' ? 3 : 2), limit: 9 })] as const,
    [
      `attempts of ${group}`,
      attemptsQuery(
        group,
        {},
        group === 'tasks'
          ? [
              ['a', 'a', ''],
              ['b', 'b', ''],
            ]
          : [
              ['a', 'a'],
              ['b', 'b'],
            ],
      ),
    ] as const,
  ]),
  ['numbers', numberedQuery('calls', { partition: 'a', after: 5, limit: 9 })],
  ['budgets of calls', knownBudgetsQuery([{ budget: 'a/main', at: START, partition: 'a', seq: 1 }])],
]

const PLANS: readonly SqlLedgerRule[] = [
  {
    name: 'no query that has a key, and no page, looks at all rows of a table [seed-001:spend-ledger]',
    async run(place) {
      const store = await place.open({ clock: new FakeClock(START) })
      const full: string[] = []
      for (const [name, of] of PLANNED) {
        const plan = await place.explain(of)
        if (isFull(plan)) full.push(`${name}: ${plan}`)
      }
      expect(full).toEqual([])
      expect(
        isFull(await place.explain(() => ({ sql: 'SELECT "body" FROM :calls', columns: ['body'], values: [] }))),
      ).toBe(true)
      await store.shutdown()
    },
  },
]

/** A scan of a table without an index, or of an index without a condition that is not read in its order. */
function isFull(plan: string): boolean {
  return /Seq Scan|SCAN (?!.*USING (COVERING )?INDEX|CONSTANT|\d+ CONSTANT|v\b|\(|found)/.test(plan)
}

/** All of them. */
export const SQL_LEDGER_RULES: readonly SqlLedgerRule[] = [...ANSWERS, ...UPGRADES, ...PLANS]
