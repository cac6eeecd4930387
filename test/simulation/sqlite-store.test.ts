import { describe, test } from 'vitest'
import { expectSameHistory } from '../support/histories.js'
import { SqliteBudgetEnforcer } from '../../src/backends/sqlite/index.js'

const SEEDS = process.env['MCP_BUDGET_LONG'] === '1' ? 10_000 : 300
const HOURS_4 = 14_400_000

describe('simulated histories', () => {
  test(
    'break no rule on SQLite, and are answered as the memory store answers [I1, I2, I3, I4, I5, I13, I14, R1, R2]',
    async () => {
      for (let seed = 1; seed <= SEEDS; seed++) {
        let store: SqliteBudgetEnforcer | undefined
        await expectSameHistory(seed, async (clock) => {
          store = await SqliteBudgetEnforcer.open({ database: ':memory:', clock })
          return store
        })
        await store?.shutdown()
      }
    },
    HOURS_4,
  )
})
