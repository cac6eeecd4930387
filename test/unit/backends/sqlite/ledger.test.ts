import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, test } from 'vitest'
import { LEDGER_RULES } from '../../../support/ledger-rules.js'
import { SqliteBudgetEnforcer } from '../../../../src/backends/sqlite/index.js'
import type { FakeClock } from '../../../../src/testing/index.js'

const folder = mkdtempSync(join(tmpdir(), 'mcp-budget-ledger-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let count = 0

async function open(clock: FakeClock) {
  const database = join(folder, `${count++}.db`)
  const store = await SqliteBudgetEnforcer.open({ database, synchronous: 'normal', clock })
  return { store, ledger: store.ledger }
}

describe('the ledger of SQLite', () => {
  test.each(LEDGER_RULES)('$name', ({ run }) => run(open))
})
