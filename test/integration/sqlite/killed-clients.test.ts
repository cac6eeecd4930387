import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, test } from 'vitest'
import { booksOf } from '../../support/kills/sql-books.js'
import { expectClientKillsSurvived } from '../../support/kills/kill-clients.js'
import { SqliteBudgetEnforcer } from '../../../src/backends/sqlite/index.js'

const CYCLES = process.env['MCP_BUDGET_LONG'] === '1' ? 350 : 5
const MINUTES_60 = 3_600_000

const folder = mkdtempSync(join(tmpdir(), 'mcp-budget-killed-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

// There is no server: whoever spends writes the file, and is killed while it does.
describe('clients that are killed while they spend, two on one file', () => {
  test(
    'lose no acknowledged capture, charge none twice, and leave nothing held [R1, R2, R3, I13]',
    async () => {
      const database = join(folder, 'budgets.db')
      const store = await SqliteBudgetEnforcer.open({ database })
      const args = ['sqlite', database]
      await expectClientKillsSurvived({ what: 'SQLite, clients', cycles: CYCLES, args, books: booksOf(store) })
      await store.shutdown()
    },
    MINUTES_60,
  )
})
