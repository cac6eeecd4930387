import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { budgetOf, recordHistories } from '../../../support/budget-history.js'
import { expectNoCreditLost } from '../../../support/races.js'
import { isLinearizable } from '../../../support/linearizability.js'
import { SqliteBudgetEnforcer } from '../../../../src/backends/sqlite/index.js'

const FUNDS = 40

const folder = mkdtempSync(join(tmpdir(), 'mcp-budget-concurrent-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('16 clients on four handles of one file see each budget as one that is asked one thing after the other [I2, I15, R1, L-P1]', async () => {
  const database = join(folder, 'a.db')
  const open = () => SqliteBudgetEnforcer.open({ database, synchronous: 'normal' })
  const stores = await Promise.all(Array.from({ length: 4 }, open))
  const budgets = ['one', 'two', 'b/three']
  for (const budget of budgets) await stores[0]?.initialize(budget, FUNDS)
  const histories = await recordHistories(stores, budgets, { clients: 16, rounds: 15, seed: 3 })
  for (const [budget, history] of histories) {
    expect(history.filter(({ output }) => output === false).length, 'refusals').toBeGreaterThan(0)
    expect(isLinearizable(history, budgetOf(FUNDS)), budget).toBe(true)
    expect(await stores[1]?.describe(budget)).toMatchObject({ held: 0, openHolds: 0, debt: 0 })
  }
  for (const store of stores) await store.shutdown()
})

test('four handles of one file delegate, spend, grant, revoke and close at once, and no credit is lost or made [T10, I1, I11, R2, seed-001:atomic-transfer]', async () => {
  const database = join(folder, 'b.db')
  const open = () => SqliteBudgetEnforcer.open({ database, synchronous: 'normal' })
  const stores = await Promise.all(Array.from({ length: 4 }, open))
  await expectNoCreditLost(stores)
  for (const store of stores) await store.shutdown()
})
