import { expect } from 'vitest'
import { FakeClock } from '../../src/testing/index.js'
import type { CallRecord, FoldedCalls, LedgerRecord } from '../../src/ledger/entry.js'
import type { HoldingEnforcer } from '../../src/budget/enforcer.js'
import type { LedgerQuery, PagedLedger } from '../../src/ledger/ledger.js'

/** A ledger with the store that writes its money entries. */
export interface LedgerSubject {
  readonly store: HoldingEnforcer
  readonly ledger: PagedLedger
}

/** Makes an empty one. */
export type LedgerPlace = (clock: FakeClock) => Promise<LedgerSubject>

/** What every ledger that is read by pages must do. */
export interface LedgerRule {
  readonly name: string
  readonly run: (place: LedgerPlace) => Promise<void>
}

export const START = 1_800_000_000_000

/** The record of a call, five seconds after the start where nothing else is said. */
export function callOf(more: Partial<CallRecord> = {}): CallRecord {
  return {
    kind: 'call',
    chargeId: 'c1',
    at: START + 5_000,
    durationMs: 5,
    tool: 'search',
    server: undefined,
    tokenId: undefined,
    budgets: ['a/main'],
    outcome: 'result',
    proves: 'ran',
    refusal: undefined,
    cost: 5,
    price: undefined,
    charge: { held: 5, charged: 5, end: 'captured' },
    ...more,
  }
}

const FOLDED: FoldedCalls = {
  kind: 'calls',
  tool: 'search',
  budgets: ['a/main'],
  outcome: 'result',
  proves: 'ran',
  calls: 3,
  charged: 12,
  reported: 1,
}

/** A whole id: its first twelve characters are asked for, too. */
const TOKEN = 'F3I0q8nm0i7iRxUvWq2mJ7kq1bZsT5yXcE9aLd4oHgM'
const TASK = { tool: 'draw', budgets: ['a/main', 'a/other'], operationId: 'op1', attempt: 2, taskId: 't1' }

/** Of tenant `a`, and of `ab`, whose name begins alike; a task with its end, which names no token; a stranger. */
export const CALLS: readonly LedgerRecord[] = [
  callOf({ tokenId: 'tok1', operationId: 'op1', attempt: 1 }),
  callOf({ ...TASK, chargeId: 'c2', at: START + 6_000, tokenId: 'tok1', outcome: 'task', proves: 'unknown' }),
  callOf({ ...TASK, chargeId: 'c2', at: START + 6_000, durationMs: 900, taskEnd: 'completed', late: false }),
  callOf({ chargeId: 'c3', at: START + 7_000, budgets: ['ab/main'], tokenId: TOKEN }),
  callOf({ chargeId: 'c4', at: START + 8_000, budgets: [], outcome: 'refused', proves: 'not-run', charge: undefined }),
  FOLDED,
]

async function fill({ store, ledger }: LedgerSubject, clock: FakeClock): Promise<void> {
  for (const [budget, amount] of [
    ['a/main', 1_000],
    ['a/other', 100],
    ['ab/main', 50],
  ] as const)
    await store.initialize(budget, amount)
  const hold = async (id: string, tool: string, budgets: readonly string[]): Promise<void> => {
    clock.advance(1_000)
    const lines = budgets.map((budget) => ({ budget, amount: 10 }))
    await store.hold({ id, lines, ttlMs: 60_000, onExpire: 'release', meta: { tool } })
    await store.capture({ id: `capture ${id}`, holdId: id, amount: 7, overage: 'cap' })
  }
  await hold('c1', 'search', ['a/main'])
  await hold('c2', 'draw', ['a/main', 'a/other'])
  await hold('c3', 'search', ['ab/main'])
  await ledger.append(CALLS.slice(0, 2))
  await ledger.append(CALLS.slice(2))
}

/** A record in a few words. */
function named(record: LedgerRecord): string {
  if (record.kind === 'calls') return 'folded'
  if (record.kind === 'money') return `${record.op} ${record.op === 'grant' ? '' : record.id} ${record.budget}`
  return `${record.chargeId} ${record.taskEnd ?? record.outcome}`
}

/** All pages of a query, one after the other. */
export async function allPages(ledger: PagedLedger, query: LedgerQuery, limit: number): Promise<LedgerRecord[]> {
  const found: LedgerRecord[] = []
  for (let cursor: string | undefined, pages = 0; ; pages++) {
    expect(pages).toBeLessThan(10_000)
    const page = await ledger.page({ ...query, limit, ...(cursor !== undefined && { cursor }) })
    expect(page.records.length).toBeLessThanOrEqual(limit)
    found.push(...page.records)
    if (page.next === undefined) return found
    expect(page.records).toHaveLength(limit)
    cursor = page.next
  }
}

const GRANTS = ['grant  a/main', 'grant  a/other', 'grant  ab/main']
const MONEY_1 = ['hold c1 a/main', 'capture c1 a/main']
const MONEY_2 = ['hold c2 a/main', 'hold c2 a/other', 'capture c2 a/main', 'capture c2 a/other']
const MONEY_3 = ['hold c3 ab/main', 'capture c3 ab/main']
const CALLS_2 = ['c2 task', 'c2 completed']

/** Queries, and what they find in order of time. */
const QUERIES: ReadonlyArray<readonly [query: LedgerQuery, found: readonly string[]]> = [
  [{}, ['folded', ...GRANTS, ...MONEY_1, ...MONEY_2, ...MONEY_3, 'c1 result', ...CALLS_2, 'c3 result', 'c4 refused']],
  [{ kind: 'money' }, [...GRANTS, ...MONEY_1, ...MONEY_2, ...MONEY_3]],
  [{ kind: 'call' }, ['c1 result', ...CALLS_2, 'c3 result', 'c4 refused']],
  [{ kind: 'calls' }, ['folded']],
  [{ budget: 'a/other' }, ['grant  a/other', 'hold c2 a/other', 'capture c2 a/other', ...CALLS_2]],
  [{ budget: 'main' }, []],
  [{ tenant: 'ab' }, ['grant  ab/main', ...MONEY_3, 'c3 result']],
  [{ tenant: 'a' }, ['folded', 'grant  a/main', 'grant  a/other', ...MONEY_1, ...MONEY_2, 'c1 result', ...CALLS_2]],
  [{ tenant: 'a/main' }, []],
  [{ tenant: '' }, []],
  [{ partition: 'ab' }, ['grant  ab/main', ...MONEY_3, 'c3 result']],
  [{ partition: '' }, ['c4 refused']],
  [{ tool: 'draw' }, [...MONEY_2, ...CALLS_2]],
  [{ tool: 'search', kind: 'call' }, ['c1 result', 'c3 result', 'c4 refused']],
  [{ chargeId: 'c3' }, [...MONEY_3, 'c3 result']],
  [{ tokenId: 'tok1' }, [...MONEY_1, ...MONEY_2, 'c1 result', ...CALLS_2]],
  [{ tokenId: TOKEN }, [...MONEY_3, 'c3 result']],
  [{ tokenId: TOKEN.slice(0, 12) }, [...MONEY_3, 'c3 result']],
  [{ tokenId: TOKEN.slice(0, 11) }, []],
  [{ tokenId: TOKEN.slice(0, 13) }, []],
  [{ tokenId: TOKEN.slice(1, 13) }, []],
  [{ tokenId: 'tok1', kind: 'money', budget: 'a/other' }, ['hold c2 a/other', 'capture c2 a/other']],
  [{ tokenId: TOKEN, tenant: 'a' }, []],
  [{ tokenId: 'tok1', operationId: 'op1', taskId: 't1', kind: 'call' }, CALLS_2],
  [{ tokenId: TOKEN, taskId: 't1' }, []],
  [{ taskId: 't1' }, [...MONEY_2, ...CALLS_2]],
  [{ operationId: 'op1', kind: 'money' }, [...MONEY_1, ...MONEY_2]],
  [{ since: START + 6_000 }, [...CALLS_2, 'c3 result', 'c4 refused']],
  [{ until: START + 1_000 }, GRANTS],
  [{ since: START + 1_000, until: START + 5_001, tenant: 'a' }, [...MONEY_1, ...MONEY_2, 'c1 result']],
]

// Among records of one time, ledgers keep their own order.
function inOrder(records: readonly LedgerRecord[]): string[] {
  const at = (record: LedgerRecord): number => ('at' in record ? record.at : -1)
  const rank = (record: LedgerRecord): number => at(record) * 2 + Number(record.kind !== 'money')
  expect(records.map(rank)).toEqual(records.map(rank).toSorted((a, b) => a - b))
  return records.map(named).toSorted()
}

/** What is asked for, and what is found. */
const FINDING: readonly LedgerRule[] = QUERIES.map(([query, found]) => ({
  name: `a query for ${JSON.stringify(query)} finds ${found.length} records, whole or by pages [seed-000:spend-by-task] [T37]`,
  async run(place) {
    const clock = new FakeClock(START)
    const subject = await place(clock)
    await fill(subject, clock)
    const wanted = found.toSorted()
    expect((await subject.ledger.entries(query)).map(named).toSorted()).toEqual(wanted)
    for (const limit of [1, 2, 3, 100]) expect(inOrder(await allPages(subject.ledger, query, limit))).toEqual(wanted)
  },
}))

const PAGING: readonly LedgerRule[] = [
  {
    name: 'records that are added while pages are read come after, and none comes twice or is left out [seed-001:spend-ledger]',
    async run(place) {
      const { ledger } = await place(new FakeClock(START))
      const call = (n: number): CallRecord => callOf({ chargeId: `c${n}`, at: START + n })
      await ledger.append(Array.from({ length: 20 }, (_, n) => call(n)))
      const seen: string[] = []
      let cursor: string | undefined
      for (let n = 20; n < 30; n++) {
        const page = await ledger.page({ limit: 3, ...(cursor !== undefined && { cursor }) })
        seen.push(...page.records.map(named))
        // One at the end, and one before what was read already: nobody who has passed sees that.
        await ledger.append([call(n), callOf({ chargeId: `early ${n}`, at: START - 1 })])
        cursor = page.next
        if (cursor === undefined) break
      }
      expect(seen).toEqual(Array.from({ length: 29 }, (_, n) => `c${n} result`))
    },
  },
  {
    name: 'a cursor stands for a place, whatever else is asked from there [seed-001:spend-ledger]',
    async run(place) {
      const clock = new FakeClock(START)
      const subject = await place(clock)
      await fill(subject, clock)
      const { next } = await subject.ledger.page({ limit: 12 })
      const { records } = await subject.ledger.page({ tool: 'search', ...(next !== undefined && { cursor: next }) })
      expect(records.map(named)).toEqual(['c1 result', 'c3 result', 'c4 refused'])
    },
  },
  {
    name: 'what is no cursor, no limit or no query is refused, and says what was expected [seed-001:spend-ledger]',
    async run(place) {
      const { ledger } = await place(new FakeClock(START))
      const cursors = [
        '',
        'x',
        '[]',
        '{}',
        'null',
        '[1,2]',
        '[1,"a","b",4]',
        '[1e400,0,"",1]',
        '[1.5,0,0,0]',
        '["a",1,2]',
      ]
      for (const cursor of cursors)
        await expect((async () => ledger.page({ cursor }))()).rejects.toMatchObject({
          code: 'invalid_config',
          message: expect.stringContaining('Expected `cursor` to be the `next` of the page before') as string,
        })
      const wrong = [
        { limit: 0 },
        { limit: 10_001 },
        { kind: 'x' },
        { tool: 5 },
        { since: 1.5 },
        { until: Number.NaN },
        { agent: 'a' },
      ] as object[]
      for (const query of wrong)
        await expect((async () => ledger.page(query))()).rejects.toMatchObject({ code: 'invalid_config' })
      for (const ask of ['entries', 'page', 'report'] as const) {
        await expect((async () => ledger[ask]({ budget: 'no budget' }))()).rejects.toMatchObject({
          code: 'invalid_budget_id',
        })
        await expect((async () => ledger[ask]({ agent: 'a' } as object))()).rejects.toMatchObject({
          code: 'invalid_config',
        })
      }
    },
  },
]

const HOSTILE = [
  `'; DROP TABLE calls; --`,
  '"',
  '\\',
  '%',
  '_',
  '$1',
  '?1',
  'null',
  '[]',
  '',
  ' ',
  'a/main',
  '\uFFFF"x"',
  'ü🙂',
  "a'b\nc",
  'a\0b',
  'half \uD83D',
  '\uFFFD',
  '__proto__',
]

const TEXTS: readonly LedgerRule[] = [
  {
    name: 'names are data, whatever is written in them, and none is taken for another [T38]',
    async run(place) {
      const { store, ledger } = await place(new FakeClock(START))
      const record = (name: string, n: number): CallRecord =>
        callOf({
          ...{ chargeId: `c${n}`, tool: name, server: name, tokenId: name, taskId: name, operationId: name },
          charge: { held: 5, charged: 1 + n, end: 'captured' },
        })
      await ledger.append(HOSTILE.map(record))
      for (const [n, name] of HOSTILE.entries()) {
        const found = [JSON.parse(JSON.stringify(record(name, n))) as CallRecord]
        for (const key of ['tool', 'tokenId', 'taskId', 'operationId'])
          expect([name, key, (await ledger.page({ [key]: name })).records]).toEqual([name, key, found])
        for (const key of ['tenant', 'partition']) expect((await ledger.entries({ [key]: name })).length).toBe(0)
      }
      await store.initialize('a/main', 1_000)
      for (const [n, name] of HOSTILE.entries())
        await store.spend({ chargeId: `s${n}`, budget: 'a/main', tool: name, cost: 1 })
      for (const [n, name] of HOSTILE.entries()) {
        // What a store makes of half a character is its own: docs/reference/guarantees.md.
        if (/\p{Surrogate}/u.test(name)) continue
        expect(await ledger.entries({ kind: 'money', tool: name })).toMatchObject([{ id: `s${n}`, tool: name }])
      }
      const { byTool } = await ledger.report()
      expect([...byTool.keys()].toSorted()).toEqual(HOSTILE.toSorted())
      for (const [n, name] of HOSTILE.entries()) expect(byTool.get(name)?.charged).toBe(1 + n)
    },
  },
  {
    name: 'sums stay exact up to 2^53−1, and are right beyond it where a number can be [L-P12]',
    async run(place) {
      const { store, ledger } = await place(new FakeClock(START))
      const most = Number.MAX_SAFE_INTEGER
      await store.initialize('a/main', most)
      await store.spend({ chargeId: 'c1', budget: 'a/main', tool: 'search', cost: most })
      const charge = { held: most, charged: most, reported: most, end: 'captured' } as const
      await ledger.append([callOf({ charge }), callOf({ chargeId: 'c2', tool: 'draw', charge, budgets: ['b/main'] })])
      const { byBudget, byTool, byOutcome } = await ledger.report()
      expect(byBudget.get('a/main')).toMatchObject({ in: most, spent: most, available: 0, charged: most })
      expect(byTool.get('draw')).toMatchObject({ charged: most, reported: most })
      expect(byOutcome.get('ran')?.charged).toBe(2 * most)
    },
  },
]

/** All of them. */
export const LEDGER_RULES: readonly LedgerRule[] = [...FINDING, ...PAGING, ...TEXTS]
