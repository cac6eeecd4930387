import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, test } from 'vitest'
import { expectNothingLost } from '../../support/killing.js'
import { SqliteBudgetEnforcer } from '../../../src/backends/sqlite/index.js'

const CYCLES = process.env['MCP_BUDGET_LONG'] === '1' ? 350 : 3
const MINUTES_60 = 3_600_000

const folder = mkdtempSync(join(tmpdir(), 'mcp-budget-killed-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('clients that are killed while they spend, two on one file', () => {
  test(
    'lose no acknowledged capture, charge none twice, and leave nothing held [R1, R2, R3, I13]',
    async () => {
      const database = join(folder, 'budgets.db')
      await expectNothingLost(CYCLES, ['sqlite', database], (clock) => SqliteBudgetEnforcer.open({ database, clock }))
    },
    MINUTES_60,
  )
})
