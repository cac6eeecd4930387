import { afterAll, describe, inject, test } from 'vitest'
import { expectNothingLost } from '../../support/killing.js'
import { newSchema, poolOf, WAYS } from '../../support/servers/postgres-store.js'
import { PostgresBudgetEnforcer } from '../../../src/backends/postgres/index.js'

const CYCLES = process.env['MCP_BUDGET_LONG'] === '1' ? 350 : 3
const MINUTES_60 = 3_600_000

const url = inject('postgresUrl')
const pool = poolOf(url)
afterAll(() => pool.end())

describe.each(WAYS)('clients that are killed while they spend, on connections %s,', (_, pipeline) => {
  test(
    'lose no acknowledged capture, charge none twice, and leave nothing held [R1, R2, R3, I13]',
    async () => {
      const schema = newSchema()
      const open = (clock: { now(): number }) => PostgresBudgetEnforcer.open({ pool, schema, clock })
      await expectNothingLost(CYCLES, ['postgres', url, schema, pipeline ? 'pipeline' : ''], open)
    },
    MINUTES_60,
  )
})
