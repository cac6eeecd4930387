import { afterAll, describe, expect, inject, test } from 'vitest'
import { FakeClock } from '../../../src/testing/index.js'
import { FaultProxy } from '../../support/fault-proxy.js'
import { freshPrefix, newClient, newStore } from './store.js'
import { HISTORY_BUDGETS, HISTORY_START, randomHistory } from '../../support/random-history.js'
import { ioredisPort, nodeRedisPort, RedisBudgetEnforcer } from '../../../src/backends/redis/index.js'
import { LEDGER_RULES } from '../../support/ledger-rules.js'
import { MAX_CREDITS } from '../../../src/core/credits.js'
import { mintChargeId } from '../../../src/core/ids.js'
import { Random } from '../../../src/testing/random.js'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { replay, report } from '../../../src/index.js'
import type { CallRecord, LedgerRecord, MoneyEntry } from '../../../src/ledger/entry.js'

const LONG = process.env['MCP_BUDGET_LONG'] === '1'
const client = newClient()

afterAll(() => client.disconnect())

async function spendMany(store: RedisBudgetEnforcer, count: number, budget = 'main'): Promise<void> {
  const spend = async () => store.spend({ chargeId: mintChargeId(Date.now()), budget, tool: 't', cost: 1 })
  await Promise.all(Array.from({ length: count }, spend))
}

async function moneyOf(store: RedisBudgetEnforcer): Promise<readonly MoneyEntry[]> {
  return (await store.ledger.entries({ kind: 'money' })).filter((record) => record.kind === 'money')
}

async function seqsOf(store: RedisBudgetEnforcer, kind: 'money' | 'call', after = 0): Promise<readonly number[]> {
  return (await store.ledger.numbered({ partition: 'default', kind, after, limit: 10_000 })).map(({ seq }) => seq)
}

function upTo(first: number, last: number): readonly number[] {
  return Array.from({ length: last - first + 1 }, (_, n) => first + n)
}

/** Every budget is what its books say. */
async function expectBooks(store: RedisBudgetEnforcer, budgets: readonly string[]): Promise<void> {
  const views = []
  for (const budget of budgets) views.push(await store.describe(budget).catch(() => undefined))
  // After the views: whoever asks ends what is due.
  const balances = replay(await moneyOf(store))
  for (const view of views) if (view !== undefined) expect(view).toMatchObject(balances.get(view.budget) ?? {})
}

let calls = 0

function callOf(more: Partial<CallRecord> = {}): CallRecord {
  return {
    kind: 'call',
    chargeId: mintChargeId(Date.now()),
    at: 1_000 + calls++,
    durationMs: 1,
    tool: 't',
    server: undefined,
    tokenId: undefined,
    budgets: ['default/main'],
    outcome: 'result',
    proves: 'ran',
    refusal: undefined,
    cost: 5,
    price: undefined,
    charge: { held: 5, charged: 5, reported: 7, end: 'captured' },
    ...more,
  }
}

describe('money entries', () => {
  test('beyond `maxEntries` fold into openings, in steps, and what is there adds up to the balances [I13] [L-P23]', async () => {
    const store = newStore(client, { maxEntries: 500 })
    await store.initialize('main', 100_000)
    await store.initialize('quiet', 7)
    for (let n = 0; n < 40; n++) {
      await spendMany(store, 100)
      await expectBooks(store, ['main', 'quiet'])
    }
    const kept = await seqsOf(store, 'money')
    expect(kept).toEqual(upTo(kept[0] as number, 4_002))
    expect(kept.length).toBeGreaterThanOrEqual(500)
    expect(kept.length).toBeLessThan(500 + 500 / 64 + 100 + 1)
    const [opening, quiet] = (await moneyOf(store)).filter(({ op }) => op === 'opening')
    expect(opening).toMatchObject({ budget: 'default/main', seq: (kept[0] as number) - 1, in: 100_000 })
    expect(quiet).toMatchObject({ budget: 'default/quiet', seq: 2, in: 7, available: 7 })
  })

  test('fold under load of several processes while they are read, and no look at them is torn [I13]', async () => {
    const prefix = freshPrefix()
    const others = [newClient(), newClient()]
    const stores = [client, ...others].map(
      (each) => new RedisBudgetEnforcer({ redis: ioredisPort(each), prefix, maxEntries: 60 }),
    )
    const [reader, ...writers] = stores as [RedisBudgetEnforcer, ...RedisBudgetEnforcer[]]
    await reader.initialize('main', 1_000_000)
    let isOver = false
    const written = Promise.all(
      writers.map(async (store) => {
        for (let n = 0; n < (LONG ? 500 : 40); n++) await spendMany(store, 1 + (n % 90))
      }),
    ).then(() => (isOver = true))
    let [looks, before] = [0, 0]
    while (!isOver) {
      const { available = 0, spent = 0 } = replay(await moneyOf(reader)).get('default/main') ?? {}
      expect(available + spent).toBe(1_000_000)
      expect(spent).toBeGreaterThanOrEqual(before)
      before = spent
      looks++
    }
    await written
    expect(looks).toBeGreaterThan(3)
    await expectBooks(reader, ['main'])
    for (const each of others) each.disconnect()
  })

  test('that many steps were too long to fold at once are caught up with when fewer are kept', async () => {
    const prefix = freshPrefix()
    await newStore(client, { prefix }).initialize('main', 100_000)
    await spendMany(newStore(client, { prefix }), 5_000)
    const small = newStore(client, { prefix, maxEntries: 10 })
    for (let n = 0; n < 20; n++) {
      await spendMany(small, 1)
      await expectBooks(small, ['main'])
    }
    expect((await seqsOf(small, 'money')).length).toBeLessThan(10 + 512)
  })

  test('give the balances after random histories, however few are kept [I13] [I14]', async () => {
    for (let seed = 100; seed < (LONG ? 1_100 : 115); seed++) {
      const clock = new FakeClock(HISTORY_START)
      const store = newStore(client, { clock, maxEntries: 1 + (seed % 9) })
      for (const { calls, thenMs } of randomHistory(seed)) {
        for (const { verb, args } of calls) {
          const ask = store[verb as keyof RedisBudgetEnforcer] as (...args: unknown[]) => Promise<unknown>
          await Reflect.apply(ask, store, args).catch(() => {})
        }
        clock.advance(thenMs)
      }
      await expectBooks(store, HISTORY_BUDGETS)
    }
  })

  test('are exact to 2^53−1 when they are folded [T19] [I13] [L-P12]', async () => {
    const store = newStore(client, { maxEntries: 1 })
    await store.initialize('main', MAX_CREDITS)
    const hold = async (amount: number) => {
      const id = mintChargeId(Date.now())
      await store.hold({ id, lines: [{ budget: 'main', amount }], ttlMs: 60_000, onExpire: 'release' })
      return id
    }
    for (const charge of [1, MAX_CREDITS - 2, 0]) {
      const holdId = await hold(charge === 0 ? 1 : MAX_CREDITS - 1)
      await store.capture({ id: `${holdId}.c`, holdId, amount: charge, overage: 'cap' })
      await expectBooks(store, ['main'])
    }
    expect((await moneyOf(store)).some(({ op }) => op === 'opening')).toBe(true)
  })

  test('of budgets that ended and are forgotten are one opening, and not one each for ever [L-P23]', async () => {
    const clock = new FakeClock()
    const store = newStore(client, { clock, maxEntries: 4 })
    await store.initialize('main', 1_000)
    for (let n = 0; n < 30; n++) {
      const create = { registration: `${n}`.padStart(43, 'r'), expiresAt: clock.now() + 60_000 }
      await store.transfer({ id: `t${n}`, from: 'main', to: `child-${n}`, amount: 10, create })
      await store.spend({ chargeId: mintChargeId(clock.now()), budget: `child-${n}`, tool: 't', cost: 3 })
      clock.advance(120_000)
    }
    for (let n = 0; n < 20; n++) {
      clock.advance(700_000)
      await store.spend({ chargeId: mintChargeId(clock.now()), budget: 'main', tool: 't', cost: 1 })
    }
    const openings = (await moneyOf(store)).filter(({ op }) => op === 'opening')
    expect(openings.map(({ budget }) => budget).sort()).toEqual(['default/(closed)', 'default/main'])
    expect(openings.find(({ budget }) => budget === 'default/(closed)')).toMatchObject({ in: 300, spent: 90, out: 210 })
    await expectBooks(store, ['main'])
  })

  test.each([1, 3, 8, 20, 60])(
    'of a budget that was closed and made anew are not added up with those of its life before, where %i are kept [I13]',
    async (maxEntries) => {
      const clock = new FakeClock()
      const store = newStore(client, { clock, maxEntries })
      await store.initialize('main', 10_000)
      for (let n = 0; n < 5; n++) {
        const create = { registration: `${n}`.padStart(43, 'r'), expiresAt: clock.now() + 60_000 }
        await store.transfer({ id: `t${n}`, from: 'main', to: 'child', amount: 10 + n, create })
        await store.spend({ chargeId: mintChargeId(clock.now()), budget: 'child', tool: 't', cost: 3 })
        const holdId = mintChargeId(clock.now())
        const lines = [{ budget: 'child', amount: 2 }]
        await store.hold({ id: holdId, lines, ttlMs: 300_000, onExpire: 'release' })
        await expectBooks(store, ['main', 'child'])
        clock.advance(60_000)
        for (let k = 0; k < 10; k++) {
          // Its last entry comes behind its close.
          if (k === 2) await store.capture({ id: `${holdId}.c`, holdId, amount: 2, overage: 'cap' })
          await store.spend({ chargeId: mintChargeId(clock.now()), budget: 'main', tool: 't', cost: 1 })
          await expectBooks(store, ['main', 'child'])
          clock.advance(90_000)
        }
      }
      // No life is lost: all of them stand in the sums.
      const { byBudget } = await store.ledger.report()
      const sum = (key: 'in' | 'spent' | 'out') =>
        ['default/child', 'default/(closed)'].reduce((all, id) => all + (byBudget.get(id)?.[key] ?? 0), 0)
      expect([sum('in'), sum('spent'), sum('out')]).toEqual([60, 25, 35])
    },
  )

  test('are read by number from any place, and from the first that is kept where that is folded', async () => {
    const store = newStore(client, { maxEntries: 2_000 })
    await store.initialize('main', 100_000)
    for (const count of [1, 700, 3, 1_000]) await spendMany(store, count)
    for (const after of [0, 1, 2, 699, 702, 703, 1_704])
      expect(await seqsOf(store, 'money', after)).toEqual(upTo(after + 1, 1_705))
    const some = await store.ledger.numbered({ partition: 'default', kind: 'money', after: 500, limit: 3 })
    expect(some.map(({ seq, record }) => [seq, 'seq' in record && record.seq])).toEqual([
      [501, 501],
      [502, 502],
      [503, 503],
    ])
    expect(await seqsOf(store, 'money', 1_705)).toEqual([])
    for (let n = 0; n < 3; n++) await spendMany(store, 2_000)
    const [first = 0, ...others] = await seqsOf(store, 'money', 5)
    expect(first).toBeGreaterThan(1_705)
    expect(others.at(-1)).toBe(7_705)
  })
})

describe('a network that loses, doubles and delays', () => {
  test('tears no books that fold, and doubles no call record [I13] [I5] [I16]', async () => {
    const proxy = new FaultProxy(inject('redisUrl'), new Random(5))
    await proxy.up()
    const faulty = new Redis(proxy.url, { retryStrategy: () => 5, maxRetriesPerRequest: 20 })
    faulty.on('error', () => {})
    const prefix = freshPrefix()
    const store = new RedisBudgetEnforcer({ redis: ioredisPort(faulty), prefix, maxEntries: 30 })
    await store.initialize('main', 100_000)
    proxy.faults = { loseRequest: 0.02, loseAnswer: 0.05, duplicate: 0.2, delay: 0.1, delayMs: 10 }
    const acknowledged: CallRecord[] = []
    for (let n = 0; n < (LONG ? 1_000 : 100); n++) {
      const record = callOf()
      const charge = store.spend({ chargeId: record.chargeId, budget: 'main', tool: 't', cost: 5 }).catch(() => {})
      const appended = store.ledger.append([record]).then(
        () => acknowledged.push(record),
        () => {},
      )
      await Promise.all([charge, appended])
    }
    proxy.faults = {}
    const plain = newStore(client, { prefix })
    await expectBooks(plain, ['main'])
    const kept = (await plain.ledger.entries({ kind: 'call' })).map((record) => (record as CallRecord).chargeId)
    expect(new Set(kept).size).toBe(kept.length)
    const { calls: counted } = report(await plain.ledger.entries()).byTool.get('t') ?? { calls: 0 }
    expect(counted).toBeGreaterThanOrEqual(acknowledged.length)
    expect(proxy.count).toBeGreaterThan(5)
    faulty.disconnect()
    await proxy.down()
  })
})

describe('call records', () => {
  test('beyond `maxEntries` fold into counts, and reports say the same of them [I13] [L-P23]', async () => {
    const store = newStore(client, { maxEntries: 40 })
    await store.initialize('main', 10)
    const random = new Random(1)
    const all: CallRecord[] = []
    for (let n = 0; n < 60; n++) {
      const some = Array.from({ length: 1 + random.int(12) }, () => {
        const kinds: Array<Partial<CallRecord>> = [
          {},
          { tool: 'with space "ü" \n', budgets: ['default/main', 'default/other'] },
          { outcome: 'refused', proves: 'not-run', charge: undefined },
          { outcome: 'refused', proves: 'not-run', charge: undefined, budgets: [], tool: '' },
          { outcome: 'input-required', proves: 'unknown', charge: undefined },
          { outcome: 'task', proves: 'unknown', taskId: 'x' },
          { outcome: 'result', proves: 'ran', taskId: 'x', taskEnd: 'completed', charge: undefined },
          { outcome: 'begun', proves: 'unknown', charge: undefined },
        ]
        return callOf(kinds[random.int(kinds.length)])
      })
      all.push(...some)
      await store.ledger.append(some)
    }
    const records = await store.ledger.entries()
    const { byTool, byOutcome, byBudget } = await store.ledger.report()
    const wanted = report(all)
    expect(byTool).toEqual(wanted.byTool)
    expect(byOutcome).toEqual(wanted.byOutcome)
    expect(byBudget.get('default/main')).toMatchObject({
      ...wanted.byBudget.get('default/main'),
      available: 10,
      in: 10,
    })
    expect(records.filter(({ kind }) => kind === 'call').length).toBeLessThan(2 * (40 + 12))
    expect(records.filter((each) => each.kind === 'calls' && each.outcome === 'begun')).toEqual([])
    expect(await store.ledger.partitions()).toEqual(['', 'default'])
  })

  test('come back as they were, with their numbers, and folded ones may be appended too', async () => {
    const store = newStore(client)
    await store.initialize('main', 10)
    const records = [callOf({ operationId: 'o', attempt: 2 }), callOf({ tool: 'a\u0000"\u2028' })]
    const folded = { kind: 'calls', tool: 't', budgets: ['default/main'], outcome: 'result', proves: 'ran' } as const
    await store.ledger.append([...records, { ...folded, calls: 3, charged: MAX_CREDITS, reported: 1 }])
    const kept = await store.ledger.numbered({ partition: 'default', kind: 'call', after: 0, limit: 10 })
    expect(kept).toEqual(records.map((record, n) => ({ seq: n + 1, record })))
    expect(await store.ledger.entries({ kind: 'calls' })).toEqual([
      { ...folded, calls: 3, charged: MAX_CREDITS, reported: 1 },
    ])
  })

  test('of budgets and tenants that are not there make no keys [T37] [T38] [L-P23]', async () => {
    const prefix = freshPrefix()
    const store = newStore(client, { prefix })
    await store.initialize('main', 10)
    for (let n = 0; n < 50; n++)
      await store.ledger.append([callOf({ budgets: [`made-up-${n}/x`], outcome: 'refused' })])
    expect(await store.ledger.partitions()).toEqual(['', 'default'])
    expect((await client.keys(`${prefix}*`)).filter((key) => key.includes('made-up'))).toEqual([])
    expect(await store.ledger.entries({ budget: 'made-up-7/x' })).toHaveLength(1)
    expect(await store.ledger.entries({ tenant: 'made-up-7' })).toHaveLength(1)
    expect(await store.ledger.entries({ tenant: 'default', kind: 'call' })).toEqual([])
  })

  test('with hostile names are kept and counted like others [T38]', async () => {
    const store = newStore(client, { maxEntries: 1 })
    await store.initialize('main', 10)
    const names = [
      '__proto__',
      '#',
      '=',
      '} x {',
      "'); redis.call('FLUSHALL') --",
      'a\u0000b',
      '\ud800',
      '(other)',
      '"]}',
    ]
    for (const tool of names) await store.ledger.append([callOf({ tool, chargeId: tool })])
    await store.ledger.append([callOf(), callOf()])
    const { byTool } = await store.ledger.report()
    // Half of a character is lost where calls are counted.
    for (const tool of names) expect(byTool.get(tool.replace('\ud800', '\ufffd'))).toMatchObject({ calls: 1 })
  })

  test.each<[string, unknown]>([
    ['a money entry', { kind: 'money', seq: 1, budget: 'default/main' }],
    ['nothing', undefined],
    ['a kind of its own', { ...callOf(), kind: 'x' }],
    ['no tool', callOf({ tool: 5 as never })],
    ['no budgets', callOf({ budgets: undefined as never })],
    ['no time', callOf({ at: Number.NaN })],
    ['half a credit', callOf({ charge: { held: 1, charged: 0.5, end: 'captured' } })],
    ['2^53', callOf({ charge: { held: 1, charged: 1, reported: 2 ** 53, end: 'captured' } })],
  ])('are refused where they are none: %s', async (_, record) => {
    const store = newStore(client)
    await expect(store.ledger.append([callOf(), record as LedgerRecord])).rejects.toMatchObject({
      code: 'invalid_request',
    })
    expect(await store.ledger.entries()).toEqual([])
  })

  test('of many made-up names are told apart up to a limit, and then counted together [L-P23]', async () => {
    const store = newStore(client, { maxEntries: 1 })
    await store.initialize('main', 10)
    for (let n = 0; n < 24; n++) {
      const some = Array.from({ length: 500 }, (_, m) => callOf({ tool: `tool-${n}-${m}` }))
      await store.ledger.append(some)
    }
    const { byTool } = await store.ledger.report()
    expect(byTool.size).toBeLessThan(10_000 + 600)
    expect(byTool.get('(other)')?.calls).toBeGreaterThan(1_000)
    expect([...byTool.values()].reduce((sum, each) => sum + each.calls, 0)).toBe(12_000)
  })
})

describe('RedisLedger is read by pages:', () => {
  test.each(LEDGER_RULES)('$name', ({ run }) =>
    run(async (clock) => {
      const store = newStore(client, { clock })
      return { store, ledger: store.ledger }
    }),
  )
})

describe('a ledger that is read by pages', () => {
  async function filled() {
    const store = newStore(client)
    await store.initialize('main', 1_000)
    await store.initialize('other/main', 1_000)
    for (let n = 0; n < 30; n++) {
      const record = callOf({ at: Date.now(), budgets: [n % 3 === 0 ? 'other/main' : 'default/main'] })
      await store.spend({ chargeId: record.chargeId, budget: record.budgets[0] as string, tool: 't', cost: 5 })
      await store.ledger.append([record])
    }
    return store
  }

  test('gives each record once, in order of time, also while others are added', async () => {
    const store = await filled()
    const wanted = await store.ledger.entries()
    expect(wanted.map((each) => (each as CallRecord).at)).toEqual(
      wanted.map((each) => (each as CallRecord).at).toSorted((a, b) => a - b),
    )
    const found: LedgerRecord[] = []
    for (let cursor: string | undefined, more = true; more;) {
      const page = await store.ledger.page({ limit: 7, ...(cursor !== undefined && { cursor }) })
      found.push(...page.records)
      await spendMany(store, 1)
      cursor = page.next
      more = cursor !== undefined && found.length < wanted.length
    }
    expect(found.slice(0, wanted.length)).toEqual(wanted)
  })

  test('finds by time, budget, tenant, partition, charge, token, task and operation', async () => {
    const store = await filled()
    const named = { tokenId: 'k', taskId: 'x', operationId: 'o', at: Date.now() + 10_000 }
    const record = callOf(named)
    await store.spend({ chargeId: record.chargeId, budget: 'main', tool: 't', cost: 1 })
    await store.ledger.append([record])
    const all = await store.ledger.entries()
    const count = async (query: object) => (await store.ledger.entries(query)).length
    expect(all).toHaveLength(64)
    expect(await count({ since: named.at })).toBe(1)
    expect(await count({ until: named.at })).toBe(63)
    expect(await count({ budget: 'main' })).toBe(1 + 20 + 20 + 2)
    expect(await count({ tenant: 'other' })).toBe(1 + 10 + 10)
    expect(await count({ partition: 'other', kind: 'call' })).toBe(10)
    expect(await count({ chargeId: record.chargeId })).toBe(2)
    for (const query of [{ tokenId: 'k' }, { taskId: 'x' }, { operationId: 'o' }]) expect(await count(query)).toBe(2)
    expect(await count({ tool: 't' })).toBe(62)
  })

  test('says so when records that no page has had were folded meanwhile', async () => {
    const prefix = freshPrefix()
    const store = newStore(client, { prefix, maxEntries: 50 })
    await store.initialize('main', 10_000)
    await spendMany(store, 40)
    const { next: cursor } = await store.ledger.page({ limit: 5 })
    await spendMany(store, 5)
    expect((await store.ledger.page({ cursor: cursor as string, limit: 5 })).records).toHaveLength(5)
    await spendMany(store, 100)
    await spendMany(store, 100)
    await expect(store.ledger.page({ cursor: cursor as string })).rejects.toMatchObject({ code: 'ledger_gap' })
  })

  test.each([
    { cursor: 'x' },
    { cursor: '[]' },
    { cursor: '[1,2,3,4,5]' },
    { limit: 0 },
    { limit: 10_001 },
    { hello: 1 },
  ])('refuses %j', async (query) => {
    const asked = newStore(client).ledger.page(query)
    await expect(asked).rejects.toMatchObject({ code: 'invalid_config' })
  })

  test('is read by every client', async () => {
    const prefix = freshPrefix()
    const store = newStore(client, { prefix, maxEntries: 5 })
    await store.initialize('main', 1_000)
    await spendMany(store, 20)
    await spendMany(store, 20)
    await store.ledger.append([callOf(), callOf()])
    for (const RESP of [2, 3] as const) {
      const made = await createClient({ url: inject('redisUrl'), RESP }).connect()
      const other = new RedisBudgetEnforcer({ redis: nodeRedisPort(made), prefix })
      expect(await other.ledger.entries()).toEqual(await store.ledger.entries())
      expect(await other.ledger.partitions()).toEqual(['default'])
      made.destroy()
    }
  })
})
