import { afterAll, beforeAll, describe, test } from 'vitest'
import { booksOf } from '../../support/kills/sql-books.js'
import { expectServerKillsSurvived } from '../../support/kills/kill-servers.js'
import { poolOf } from '../../support/servers/postgres-store.js'
import { PostgresBudgetEnforcer } from '../../../src/backends/postgres/index.js'
import { runPostgres, type RunningPostgres } from '../../support/servers/postgres.js'
import { Tally } from '../../support/kills/books.js'

const CYCLES = process.env['MCP_BUDGET_LONG'] === '1' ? 350 : 3
const MINUTES_60 = 3_600_000

let server: RunningPostgres
beforeAll(async () => {
  // What was written outlives the processes, flushed or not: a commit need not wait for the disk.
  server = await runPostgres(['-F'])
})
afterAll(() => server.stop())

describe('a server that is killed with all its processes while 48 calls are made', () => {
  test(
    'loses no acknowledged capture, charges none twice, and leaves nothing held [R1, R2, R3, I6, I13]',
    async () => {
      const pool = poolOf(server.url)
      const store = await PostgresBudgetEnforcer.open({ pool })
      const tally = new Tally()
      try {
        await expectServerKillsSurvived({ cycles: CYCLES, server, store, books: booksOf(store), tally })
      } finally {
        console.log(tally.say('PostgreSQL, servers'))
        await pool.end()
      }
    },
    MINUTES_60,
  )
})
