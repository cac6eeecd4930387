import { afterAll, describe, inject, test } from 'vitest'
import { booksOf } from '../../support/kills/sql-books.js'
import { expectClientKillsSurvived } from '../../support/kills/kill-clients.js'
import { newSchema, poolOf, WAYS } from '../../support/servers/postgres-store.js'
import { PostgresBudgetEnforcer } from '../../../src/backends/postgres/index.js'

const CYCLES = process.env['MCP_BUDGET_LONG'] === '1' ? 350 : 3
const MINUTES_60 = 3_600_000

const url = inject('postgresUrl')
const pool = poolOf(url)
afterAll(() => pool.end())

describe.each(WAYS)('clients that are killed while they spend, on connections %s,', (way, pipeline) => {
  test(
    'lose no acknowledged capture, charge none twice, and leave nothing held [R1, R2, R3, I13]',
    async () => {
      const schema = newSchema()
      const books = booksOf(await PostgresBudgetEnforcer.open({ pool, schema }))
      const args = ['postgres', url, schema, pipeline ? 'pipeline' : '']
      await expectClientKillsSurvived({
        what: `PostgreSQL, clients with connections ${way}`,
        cycles: CYCLES,
        args,
        books,
      })
    },
    MINUTES_60,
  )
})
