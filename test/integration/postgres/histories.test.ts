import { afterAll, describe, inject, test } from 'vitest'
import { expectSameHistory } from '../../support/histories.js'
import { newSchema, poolOf } from '../../support/servers/postgres-store.js'
import { PostgresBudgetEnforcer } from '../../../src/backends/postgres/index.js'

const SEEDS = process.env['MCP_BUDGET_LONG'] === '1' ? 2_000 : 300
const HOURS_6 = 21_600_000

const pool = poolOf(inject('postgresUrl'))
afterAll(() => pool.end())

describe('simulated histories', () => {
  test(
    'break no rule on PostgreSQL, and are answered as the memory store answers [I1, I2, I3, I4, I5, I13, I14, R1, R2]',
    async () => {
      const schema = newSchema()
      for (let seed = 1; seed <= SEEDS; seed++) {
        await expectSameHistory(seed, (clock) => PostgresBudgetEnforcer.open({ pool, schema, clock }))
        const tables = 'partitions, budgets, prefixes, holds, answers, counters, counts, bans, entries, calls'
        await pool.query(`TRUNCATE ${tables.replace(/\w+/g, (table) => `${schema}.${table}`)}`)
      }
    },
    HOURS_6,
  )
})
