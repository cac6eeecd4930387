import { afterAll, describe, expect, inject, test } from 'vitest'
import { budgetOf, recordHistories } from '../../support/budget-history.js'
import { expectNoCreditLost } from '../../support/races.js'
import { FaultProxy } from '../../support/fault-proxy.js'
import { isLinearizable } from '../../support/linearizability.js'
import { mintChargeId } from '../../../src/core/ids.js'
import { newSchema, poolOf, WAYS } from '../../support/servers/postgres-store.js'
import { PostgresBudgetEnforcer } from '../../../src/backends/postgres/index.js'
import { Random } from '../../../src/testing/random.js'
import { replay } from '../../../src/ledger/replay.js'

const url = inject('postgresUrl')
const pools = [poolOf(url, 20), poolOf(url, 20, true)] as const
const [pool] = pools
afterAll(() => Promise.all(pools.map((each) => each.end())))

const FUNDS = 40
const long = process.env['MCP_BUDGET_LONG'] === '1'

describe.each(WAYS)('16 clients with a store each, on connections %s,', (_, pipeline) => {
  const pool = pools[pipeline ? 1 : 0]
  test('see each budget as one that is asked one thing after the other [I2, I15, R1, L-P1, L-P16]', async () => {
    const schema = newSchema()
    const open = () => PostgresBudgetEnforcer.open({ pool, schema })
    const stores = await Promise.all(Array.from({ length: 16 }, open))
    const budgets = ['one', 'two', 'b/three']
    for (const budget of budgets) await stores[0]?.initialize(budget, FUNDS)
    const histories = await recordHistories(stores, budgets, { clients: 16, rounds: long ? 300 : 12, seed: 1 })
    for (const [budget, history] of histories) {
      expect(history.filter(({ output }) => output === false).length, 'refusals').toBeGreaterThan(0)
      expect(isLinearizable(history, budgetOf(FUNDS)), budget).toBe(true)
      expect(await stores[1]?.describe(budget)).toMatchObject({ held: 0, openHolds: 0, debt: 0 })
    }
  })

  test('delegate, spend, grant, revoke and close at once, and no credit is lost or made [T10, I1, I11, R2, seed-001:atomic-transfer]', async () => {
    const schema = newSchema()
    const open = () => PostgresBudgetEnforcer.open({ pool, schema })
    await expectNoCreditLost(await Promise.all(Array.from({ length: 16 }, open)))
  })
})

describe.each(WAYS)('a network that cuts connections %s before and after the answer, and delays', (_, pipeline) => {
  test('makes no charge twice, loses none that was answered, and leaves nothing held [I5, I6, I13, R1, R2, R3, T10]', async () => {
    const { username, pathname } = new URL(url)
    const proxy = new FaultProxy(url, new Random(11))
    await proxy.up()
    const through = new URL(proxy.url)
    const lossy = poolOf(`postgres://${username}@127.0.0.1:${through.port}${pathname}`, 4, pipeline)
    const schema = newSchema()
    const direct = await PostgresBudgetEnforcer.open({ pool, schema })
    await direct.initialize('main', 1_000_000)
    const stores = await Promise.all([1, 2].map(() => PostgresBudgetEnforcer.open({ pool: lossy, schema })))
    proxy.faults = { loseRequest: 0.02, loseAnswer: 0.02, delay: 0.1, delayMs: 5 }
    const told: string[] = []
    const client = async (number: number): Promise<void> => {
      const store = stores[number % 2] as PostgresBudgetEnforcer
      for (let round = 0; round < (long ? 200 : 20); round++) {
        const id = mintChargeId(Date.now())
        const lines = [{ budget: 'main', amount: 3 }]
        const request = { id, lines, ttlMs: 60_000, onExpire: 'release' } as const
        const held = await store.hold(request).catch(() => undefined)
        if (held?.kind !== 'held') continue
        const capture = { id: `${id}.c`, holdId: id, amount: 2, overage: 'cap', lines } as const
        if ((await store.capture(capture).catch(() => undefined))?.kind === 'captured') told.push(id)
      }
    }
    await Promise.all(Array.from({ length: 16 }, (_, number) => client(number)))
    proxy.faults = {}
    expect(proxy.count).toBeGreaterThan(10)
    await lossy.end()
    await proxy.down()
    const later = await PostgresBudgetEnforcer.open({ pool, schema, clock: { now: () => Date.now() + 120_000 } })
    const view = await later.describe('main')
    const money = await later.ledger.entries({ kind: 'money' })
    const captured = money.flatMap((entry) => ('op' in entry && entry.op === 'capture' ? [entry.id] : []))
    expect(new Set(captured).size).toBe(captured.length)
    expect(told.length).toBeGreaterThan(50)
    expect(told.filter((id) => !captured.includes(id))).toEqual([])
    expect(view).toMatchObject({ held: 0, openHolds: 0, spent: 2 * captured.length })
    expect(view).toMatchObject(replay(money).get('default/main') ?? {})
  })
})
