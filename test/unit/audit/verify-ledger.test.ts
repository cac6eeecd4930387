import { describe, expect, test } from 'vitest'
import { audited, keys } from '../../support/audited.js'
import { callRecord } from '../../support/array-ledger.js'
import { heapUsed } from '../../support/gc.js'
import { chainRecords, verifyLedger, type ChainRecord, type VerifyOptions } from 'mcp-budget/audit'
import { NO_CHANGE, type Balance } from '../../../src/budget/hold.js'
import type { MoneyEntry } from 'mcp-budget'

/** A sealed ledger of ten calls, of which money 7 is changed before it is sealed. */
async function withEntry(seq: number, change: Partial<MoneyEntry>) {
  const { spend, ledger, make, check } = audited()
  spend(10)
  const list = ledger.of({ partition: 'default', kind: 'money' })
  list[seq - 1] = { seq, record: { ...(list[seq - 1]!.record as MoneyEntry), ...change } }
  await make().seal()
  return check({ checkpoints: [] })
}

type Span = readonly [number, number]

describe('the money of a ledger', () => {
  test.each<[string, Partial<MoneyEntry>, object]>([
    ['a column that does not add up', { spent: 6 }, { why: 'equation', seq: 7, expected: 1_001, got: 1_000 }],
    ['a fraction', { spent: 0.5 }, { why: 'range', seq: 7, column: 'spent' }],
    ['more held than there is', { held: -500, spent: 500 }, { why: 'range', seq: 7, column: 'held', expected: 0 }],
    ['a sum beyond 2^53-1', { in: 2 ** 53 - 1, available: 2 ** 53 - 1 }, { why: 'range', seq: 7 }],
    ['credits out of nothing', { in: 7, available: 7 }, { why: 'balance', seq: 21, budget: 'default/a' }],
    ['credits that go nowhere', { counter: 'default/b', out: 3, available: -3 }, { why: 'transfer', seq: 7, got: 3 }],
    [
      'credits from nowhere',
      { counter: 'default/b', in: 3, available: 3 },
      { why: 'transfer', seq: 7, budget: 'default/b' },
    ],
  ])('with %s is found out, and where [T40, I13]', async (_, change, found) => {
    expect(await withEntry(7, change)).toMatchObject({
      kind: 'equation',
      partition: 'default',
      record: 'money',
      ...found,
    })
  })

  test('may be moved between budgets, and handed on by one that closes [I13]', async () => {
    const { store, check, make, clock } = audited()
    store.transfer({ id: 't', from: 'a', to: 'c', amount: 40, create: true })
    store.transfer({ id: 'u', from: 'c', to: 'd', amount: 10, create: true })
    store.hold({ id: 'h', lines: [{ budget: 'd', amount: 4 }], ttlMs: 1_000, onExpire: 'capture' })
    store.close({ id: 'x', budget: 'c', why: 'closed' })
    clock.advance(2_000)
    store.remaining('a')
    await make().seal()
    expect(await check()).toMatchObject({ kind: 'ok', balances: true })
  })

  test.each(['available', 'held', 'spent', 'debt', 'in', 'out', 'burned'] as const)(
    'is held against the %s that the store says [T40]',
    async (column) => {
      const { store, spend, check } = audited()
      spend(3)
      const balances = { describe: (budget: string) => ({ ...store.describe(budget), [column]: 77 }) }
      expect(await check({ balances })).toMatchObject({
        kind: 'equation',
        why: 'balance',
        column,
        got: 77,
        budget: 'default/a',
      })
    },
  )

  test('of a store that goes on meanwhile is compared all the same', async () => {
    const { store, spend, check, make } = audited()
    spend(3)
    const balances = {
      describe: (budget: string) => {
        spend(1)
        const view = store.describe(budget)
        spend(1)
        return view
      },
    }
    expect(await check({ balances })).toMatchObject({ kind: 'ok', balances: true })
    await make().checkpoint()
    expect(await check({ balances })).toMatchObject({ kind: 'ok', balances: true })
  })

  test('of a store of one’s own is compared in what it says, whatever it calls its requests [I13]', async () => {
    const { store, ledger, check, clock } = audited()
    store.initialize('w', 100)
    const from = clock.now()
    const spans = [-1, 0, 1, 2].map((hour) => [from + hour * 3_600_000, from + (hour + 1) * 3_600_000] as const)
    for (const hour of [1, 2]) {
      const [previous, current, next = spans[0]!] = spans.slice(hour - 1) as [Span, Span, Span?]
      const lines = [{ budget: 'w', amount: 5, window: { previous, current, next } }]
      store.hold({ id: `h${hour}`, lines, ttlMs: 1_000, onExpire: 'capture' })
      clock.advance(3_600_000)
    }
    const list = ledger.of({ partition: 'default', kind: 'money' })
    for (const [n, { seq, record }] of list.entries())
      if (record.kind === 'money' && record.op === 'grant') list[n] = { seq, record: { ...record, id: `begin ${n}` } }
    const balances = {
      describe: (budget: string) => {
        const { allotment: _allotment, ...view } = store.describe(budget)
        return view
      },
    }
    store.remaining('w')
    expect(ledger.entries().some((record) => record.kind === 'money' && record.op === 'window')).toBe(true)
    expect(await check({ balances })).toMatchObject({ kind: 'ok', balances: true, books: false })
    expect(await check({ balances: store })).toMatchObject({ kind: 'ok', balances: true, books: false })
  })

  test('of a budget that the store has forgotten must be gone', async () => {
    const { store, spend, check } = audited()
    spend(1)
    const balances = { describe: () => store.describe('nobody') }
    expect(await check({ balances })).toMatchObject({ kind: 'equation', why: 'balance', column: 'available', got: 0 })
  })
})

describe('a ledger that is verified from elsewhere', () => {
  test('is read from its records as JSON lines, with checkpoints alone [T40]', async () => {
    const { spend, make, ledger, written } = audited()
    spend(20)
    await make().checkpoint()
    const lines: string[] = []
    for await (const record of chainRecords(ledger)) lines.push(JSON.stringify(record))
    const from = (all: readonly string[]): VerifyOptions['ledger'] => read(all)
    const options = { checkpoints: written, keys }
    expect(await verifyLedger({ ledger: from(lines), ...options })).toMatchObject({
      kind: 'ok',
      records: 61,
      unsealed: 61,
      chains: [
        { record: 'money', last: 41, sealed: 0, checkpoint: 41 },
        { record: 'call', last: 20, sealed: 0, checkpoint: 20 },
      ],
    })
    const cut = lines.slice(0, 60)
    expect(await verifyLedger({ ledger: from(cut), ...options })).toMatchObject({
      kind: 'truncated',
      record: 'call',
      last: 19,
      expected: 20,
    })
    const twice = [...lines.slice(0, 5), lines[4]!, ...lines.slice(5)]
    expect(await verifyLedger({ ledger: from(twice), ...options })).toMatchObject({
      kind: 'broken',
      why: 'order',
      seq: 5,
    })
    const changed = lines.with(50, lines[50]!.replace('search', 'research'))
    expect(await verifyLedger({ ledger: from(changed), ...options })).toMatchObject({
      kind: 'broken',
      why: 'rewritten',
      record: 'call',
      seq: 20,
      after: 0,
    })
  })

  async function* read(lines: readonly string[]): AsyncGenerator<ChainRecord> {
    for (const line of lines) yield JSON.parse(line) as ChainRecord
  }

  test('asks for keys where there are checkpoints', async () => {
    const { check } = audited()
    await expect(check({ keys: [] })).rejects.toMatchObject({ code: 'invalid_config' })
  })
})

const COUNT = process.env['MCP_BUDGET_LONG'] === '1' ? 1_000_000 : 50_000

test(`verifies ${COUNT} entries, and keeps none of them [T40]`, async () => {
  const { seals, make } = audited()
  const ledger = new LongLedger(COUNT)
  await make({ ledger: ledger, seals, batch: 1_000 }).seal()
  const before = heapUsed()
  let most = 0
  const progress = (records: number): void => {
    // A look costs as much as a page.
    if (records % (COUNT / 10) === 0) most = Math.max(most, heapUsed())
  }
  expect(await verifyLedger({ ledger, seals, progress })).toMatchObject({ kind: 'ok', records: COUNT, unsealed: 0 })
  expect(most).toBeGreaterThan(0)
  expect((most - before) / COUNT).toBeLessThan(50)
})

/** Entries of a hundred budgets that are made when they are asked for. */
class LongLedger {
  readonly #count: number

  constructor(count: number) {
    this.#count = count
  }

  partitions() {
    return ['p']
  }

  numbered({ kind, after, limit }: { kind: string; after: number; limit: number }) {
    const end = kind === 'money' ? Math.min(after + limit, this.#count) : after
    return Array.from({ length: end - after }, (_, i) => ({ seq: after + 1 + i, record: entryOf(after + 1 + i) }))
  }
}

function entryOf(seq: number): MoneyEntry {
  const grant: Partial<Balance> = { in: 10, available: 10 }
  const spend: Partial<Balance> = { available: -1, spent: 1 }
  const step = seq % 3 === 1 ? grant : spend
  const about = {
    partition: 'p',
    budget: `p/b${Math.floor((seq - 1) / 3) % 100}`,
    id: `id-${seq}`,
    at: 1_800_000_000_000 + seq,
  }
  return { kind: 'money', seq, op: 'spend', tool: 'search', counter: undefined, ...about, ...NO_CHANGE, ...step }
}

test('a call of a chain may say anything that is JSON, and nothing else', async () => {
  const { ledger, make, check } = audited()
  ledger.append([callRecord({ tool: '\u0000\ud800"\\' })])
  await make().seal()
  expect(await check()).toMatchObject({ kind: 'ok' })
})
