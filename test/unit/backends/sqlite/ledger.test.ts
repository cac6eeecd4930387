import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, test } from 'vitest'
import { DIALECT } from '../../../../src/backends/sqlite/statements.js'
import { LEDGER_RULES } from '../../../support/ledger-rules.js'
import { MIGRATIONS } from '../../../../src/backends/sqlite/migrations.js'
import { openHandle } from '../../../../src/backends/sqlite/open-handle.js'
import { SQL_LEDGER_RULES, type SqlLedgerPlace } from '../../../support/sql-ledger-rules.js'
import { SqliteBudgetEnforcer, type SqliteHandle } from '../../../../src/backends/sqlite/index.js'
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

function newPlace(): SqlLedgerPlace {
  const database = join(folder, `${count++}.db`)
  const using = async <Answer>(work: (handle: SqliteHandle) => Answer): Promise<Answer> => {
    const handle = await openHandle(database)
    try {
      return work(handle)
    } finally {
      handle.close()
    }
  }
  const plain = (text: string): string => text.replaceAll(/(?<=(INTO|FROM) ):/g, '')
  return {
    open: (options) => SqliteBudgetEnforcer.open({ database, synchronous: 'normal', ...options }),
    sql: (text) => using((handle) => handle.prepare(plain(text)).all()),
    numbers: () => '',
    makeOld: () =>
      using((handle) => {
        handle.exec(MIGRATIONS[0] ?? '')
        handle.exec('CREATE TABLE mcp_budget_schema ("version" INTEGER PRIMARY KEY) STRICT')
        handle.exec('INSERT INTO mcp_budget_schema VALUES (1)')
      }),
    explain: (of) =>
      using((handle) => {
        const { sql, values } = of(DIALECT)
        const rows = handle.prepare(`EXPLAIN QUERY PLAN ${plain(sql)}`).all(...values) as Array<{ detail: string }>
        return rows.map(({ detail }) => detail).join('\n')
      }),
  }
}

describe('the ledger in a file of SQLite', () => {
  test.each(SQL_LEDGER_RULES)('$name', ({ run }) => run(newPlace()))
})
