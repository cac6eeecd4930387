import { afterAll, describe, expect, inject, test } from 'vitest'
import { budgetOf, recordHistories } from '../../support/budget-history.js'
import { expectNoCreditLost } from '../../support/races.js'
import { isLinearizable } from '../../support/linearizability.js'
import { newSchema, poolOf, WAYS } from '../../support/servers/postgres-store.js'
import { PostgresBudgetEnforcer } from '../../../src/backends/postgres/index.js'

const url = inject('postgresUrl')
const pools = [poolOf(url, 20), poolOf(url, 20, true)] as const
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
