import { expect } from 'vitest'
import { FakeClock } from 'mcp-budget/testing'
import { mintChargeId } from '../../src/core/ids.js'
import { verifyLedger, type Verification } from 'mcp-budget/audit'
import { callRecord } from './array-ledger.js'
import type { TamperPlace } from './tamper-rules.js'

const TABLES = ['partitions', 'budgets', 'holds', 'entries', 'calls', 'call_budgets']
const REGISTRATION = 'r'.repeat(43)

/** A store with one of each: a window, a child, one that is closed, a hold on two budgets, a lease, one that is forfeited. */
export async function booked(place: TamperPlace) {
  const { sql } = place
  const clock = new FakeClock()
  const store = await place.open(clock)
  const id = (): string => mintChargeId(clock.now())
  await store.initialize('t/a', 1_000)
  await store.initialize('t/w', 100)
  await store.initialize('t/none', 0)
  await store.initialize('u/other', 5)
  const transfer = { id: 'make', from: 't/a', to: 't/c', amount: 200, create: { registration: REGISTRATION } }
  await store.transfer(transfer)
  await store.transfer({ ...transfer, id: 'more', to: 't/d', amount: 1 })
  await store.spend({ chargeId: id(), budget: 't/d', tool: 't', cost: 1 })
  await store.close({ id: 'close', budget: 't/d', why: 'closed' })
  const terms = { ttlMs: 60_000, onExpire: 'release' } as const
  const span = (day: number) =>
    [clock.now() + (day - 0.5) * 86_400_000, clock.now() + (day + 0.5) * 86_400_000] as const
  const window = { previous: span(-1), current: span(0), next: span(1) }
  await store.hold({ id: id(), lines: [{ budget: 't/w', amount: 4, window }], ...terms })
  const lease = { budget: 't/c', instance: 'i', least: 10, most: 10 }
  const silent = id()
  await store.lease({ ...lease, id: silent, ttlMs: 1_000 })
  await store.renew({ id: 'renew', leaseId: silent, used: 3, ttlMs: 1_000 })
  clock.advance(1_001)
  await store.hold({
    id: 'open',
    lines: [7, 8].map((amount) => ({ budget: amount === 7 ? 't/a' : 't/c', amount })),
    ...terms,
  })
  await store.lease({ ...lease, id: id(), ttlMs: 60_000 })
  const ended = id()
  await store.hold({ id: ended, lines: [{ budget: 't/a', amount: 5 }], ...terms })
  await store.capture({ id: 'end', holdId: ended, amount: 5, overage: 'cap' })
  await store.ledger.append([callRecord({ chargeId: ended, at: clock.now(), budgets: ['t/a', 't/c'] })])
  for (const table of TABLES) await sql(`CREATE TABLE :was_${table} AS SELECT * FROM :${table}`)
  const restore = async (): Promise<void> => {
    for (const table of TABLES) {
      await sql(`DELETE FROM :${table}`)
      await sql(`INSERT INTO :${table} SELECT * FROM :was_${table}`)
    }
  }
  const { ledger, seals } = store
  const verify = (): Promise<Verification> => verifyLedger({ ledger, seals, balances: store })
  expect(await verify()).toMatchObject({ kind: 'ok', balances: true, books: true })
  return { restore, verify, sql, close: () => store.shutdown() }
}

const BUDGET = ['id', 'partition', 'parent', 'state', 'available', 'held', 'spent', 'debt', 'in', 'out', 'burned']
const REST = ['open_holds', 'leases', 'leased', 'forfeited', 'live_children', 'is_parent', 'initial', 'window_start']
const MORE = ['window_end', 'delegated', 'nonce', 'ends_at', 'closed_at', 'born']

/** Adds a row like another. */
function copy(
  table: string,
  columns: readonly string[],
  where: string,
  change: Readonly<Record<string, string>>,
): string {
  const names = columns.map((name) => `"${name}"`)
  const values = columns.map((name) => change[name] ?? `"${name}"`)
  return `INSERT INTO :${table} (${names.join(', ')}) SELECT ${values.join(', ')} FROM :${table} WHERE ${where}`
}

const budget = (name: string, set: string): string => `UPDATE :budgets SET ${set} WHERE "id" = 't/${name}'`
const hold = (set: string): string => `UPDATE :holds SET ${set} WHERE "id" = 'open'`
const balance = (name: string, column: string, expected: unknown, got: unknown) => ({
  ...{ kind: 'equation', why: 'balance', partition: 't', budget: `t/${name}`, column, expected, got },
})
const held = (name: string, expected: unknown, got: unknown, id = 'open') => ({
  ...{ kind: 'equation', why: 'hold', partition: 't', budget: `t/${name}`, hold: id, expected, got },
})
const FORFEITED = `"state" = 'expired'`
const A_LEASE = `"state" = 'open' AND "body" LIKE '%"lease":%'`

/** What somebody does to what is beside the ledger, and what is found. */
export const BOOK_TAMPERINGS: ReadonlyArray<readonly [name: string, sql: string, found: object]> = [
  ['what leases have', budget('c', `"leased" = 9`), balance('c', 'leased', 10, 9)],
  ['how many leases there are', budget('c', `"leases" = 0`), balance('c', 'leases', 1, 0)],
  ['less forfeited than leases have not told', budget('c', `"forfeited" = 0`), balance('c', 'forfeited', 7, 0)],
  ['more forfeited than leases have not told', budget('c', `"forfeited" = 8`), balance('c', 'forfeited', 7, 8)],
  ['credits forfeited where nothing was leased', budget('a', `"forfeited" = 1`), balance('a', 'forfeited', 0, 1)],
  ['a budget closed', budget('none', `"state" = 'closed'`), balance('none', 'state', 'open', 'closed')],
  ['a budget closing', budget('c', `"state" = 'closing'`), balance('c', 'state', 'open', 'closing')],
  ['a closed budget open', budget('d', `"state" = 'open'`), balance('d', 'state', 'closed', 'open')],
  ['how many holds are open', budget('a', `"open_holds" = 0`), balance('a', 'openHolds', 1, 0)],
  ['how many budgets are below', budget('a', `"live_children" = 0`), balance('a', 'liveChildren', 1, 0)],
  ['what windows begin with', budget('w', `"initial" = 900`), balance('w', 'allotment', 100, 900)],
  ['what a child was never given', budget('c', `"initial" = 900`), balance('c', 'allotment', 'none', 900)],
  ['whose child it is', budget('c', `"parent" = 't/w'`), balance('c', 'parent', 't/a', 't/w')],
  ['that it is a child', budget('c', `"parent" = NULL`), balance('c', 'parent', 't/a', 'none')],
  [
    'credits from held to available',
    budget('a', `"available" = "available" + 7, "held" = 0`),
    balance('a', 'available', 787, 794),
  ],
  [
    'the partition of a budget',
    budget('w', `"partition" = 'u'`),
    { kind: 'equation', why: 'unknown', partition: 'u', budget: 't/w', got: 100 },
  ],
  [
    'a budget in that nobody made',
    copy('budgets', [...BUDGET, ...REST, ...MORE], `"id" = 't/w'`, { id: `'t/x'` }),
    { why: 'unknown', budget: 't/x', got: 100 },
  ],
  [
    'a budget in, of a partition that is not there',
    copy('budgets', [...BUDGET, ...REST, ...MORE], `"id" = 't/none'`, { id: `'v/x'`, partition: `'v'` }),
    { why: 'unknown', partition: 'v' },
  ],
  [
    'a budget away that had nothing',
    `DELETE FROM :budgets WHERE "id" = 't/none'`,
    balance('none', 'state', 'open', 'none'),
  ],
  ['the amount of an open hold', hold(`"body" = replace("body", '"t/a",7', '"t/a",1')`), held('a', 7, 1)],
  ['the budget of an open hold', hold(`"body" = replace("body", '"t/a",7', '"t/w",7')`), held('a', 7, 'none')],
  ['a hold into what cannot be read', hold(`"body" = 'x'`), held('a', 7, 'none')],
  ['an open hold ended', hold(`"state" = 'released'`), held('a', 7, 'none')],
  ['an open hold away', `DELETE FROM :holds WHERE "id" = 'open'`, held('a', 7, 'none')],
  ['an open hold to another partition', hold(`"partition" = 'u'`), { kind: 'equation', why: 'hold', hold: 'open' }],
  [
    'an ended hold open',
    `UPDATE :holds SET "state" = 'open' WHERE "state" = 'captured' AND "body" LIKE '%"t/a",5%'`,
    { why: 'hold', budget: 't/a', expected: 'none', got: 5 },
  ],
  [
    'a hold in that nobody placed',
    copy('holds', ['id', 'partition', 'state', 'deadline', 'ended_at', 'body'], `"id" = 'open'`, { id: `'false'` }),
    held('a', 'none', 7, 'false'),
  ],
  [
    'a lease into a hold',
    `UPDATE :holds SET "body" = replace("body", '"lease":', '"other":') WHERE ${A_LEASE}`,
    { why: 'hold', budget: 't/c', expected: 'a lease', got: 'a hold' },
  ],
  [
    'what a forfeited lease had',
    `UPDATE :holds SET "body" = replace("body", '"t/c",10', '"t/c",90') WHERE ${FORFEITED}`,
    { why: 'hold', budget: 't/c', expected: 10, got: 90 },
  ],
  [
    'what a forfeited lease has told',
    `UPDATE :holds SET "body" = replace("body", '"used":3', '"used":0') WHERE ${FORFEITED}`,
    balance('c', 'forfeited', 10, 7),
  ],
  [
    'the count of entries up',
    `UPDATE :partitions SET "seq" = "seq" + 1 WHERE "id" = 't'`,
    { kind: 'truncated', partition: 't', record: 'money', by: 'store' },
  ],
  [
    'the count of entries down',
    `UPDATE :partitions SET "seq" = 3 WHERE "id" = 't'`,
    { kind: 'broken', partition: 't', record: 'money', seq: 4, why: 'uncounted' },
  ],
  [
    'the count of calls up',
    `UPDATE :partitions SET "calls" = 2 WHERE "id" = 't'`,
    { kind: 'truncated', record: 'call', last: 1, expected: 2, by: 'store' },
  ],
  [
    'the count of calls down',
    `UPDATE :partitions SET "calls" = 0 WHERE "id" = 't'`,
    { kind: 'broken', record: 'call', seq: 1, why: 'uncounted' },
  ],
  [
    'the counts away, so that nobody reads what is there',
    `DELETE FROM :partitions`,
    { kind: 'broken', seq: 1, why: 'uncounted' },
  ],
  [
    'a call in, to where a query finds it by a budget',
    copy('call_budgets', ['budget', 'at', 'partition', 'seq'], `"budget" = 't/a'`, { budget: `'t/w'` }),
    { kind: 'broken', record: 'call', seq: 1, why: 'stray', after: 1 },
  ],
  [
    'a call in that is not there, to where a query finds it',
    copy('call_budgets', ['budget', 'at', 'partition', 'seq'], `"budget" = 't/a'`, { seq: '9' }),
    { kind: 'broken', record: 'call', seq: 9, why: 'stray' },
  ],
  [
    'an end of a hold that gives more back, before it is sealed',
    `UPDATE :entries SET "held" = -6, "spent" = 6 WHERE "op" = 'capture'`,
    { kind: 'equation', why: 'hold', budget: 't/a', expected: 5, got: 6 },
  ],
  [
    'a grant into credits that are held',
    `UPDATE :entries SET "available" = 0, "held" = "available" WHERE "budget" = 't/w' AND "op" = 'grant'`,
    { kind: 'equation', why: 'hold', budget: 't/w', expected: 0, got: 100 },
  ],
]
