import { afterAll, describe, inject, test } from 'vitest'
import { booksOf } from '../../support/kills/sql-books.js'
import { expectClientKillsSurvived } from '../../support/kills/kill-clients.js'
import { newSchema, poolOf } from '../../support/servers/postgres-store.js'
import { PostgresBudgetEnforcer } from '../../../src/backends/postgres/index.js'

const CYCLES = process.env['MCP_BUDGET_LONG'] === '1' ? 350 : 5
const MINUTES_60 = 3_600_000

const url = inject('postgresUrl')
const pool = poolOf(url)
afterAll(() => pool.end())

describe('clients that are killed while they spend', () => {
  test(
    'lose no acknowledged capture, charge none twice, and leave nothing held [R1, R2, R3, I13]',
    async () => {
      const schema = newSchema()
      const books = booksOf(await PostgresBudgetEnforcer.open({ pool, schema }))
      const args = ['postgres', url, schema]
      await expectClientKillsSurvived({ what: 'PostgreSQL, clients', cycles: CYCLES, args, books })
    },
    MINUTES_60,
  )
})
