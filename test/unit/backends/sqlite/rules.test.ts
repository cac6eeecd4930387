import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, test } from 'vitest'
import { openHandle } from '../../../../src/backends/sqlite/open-handle.js'
import { SQL_STORE_RULES, type SqlPlace } from '../../../support/sql-store-rules.js'
import { SqliteBudgetEnforcer } from '../../../../src/backends/sqlite/index.js'

const folder = mkdtempSync(join(tmpdir(), 'mcp-budget-sqlite-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let count = 0

function newPlace(): SqlPlace {
  const database = join(folder, `${count++}.db`)
  return {
    open: (options) => SqliteBudgetEnforcer.open({ database, synchronous: 'normal', ...options }),
    async sql(text) {
      const handle = await openHandle(database)
      try {
        return handle.prepare(text.replaceAll(/:(?=[a-z])/g, '')).all()
      } finally {
        handle.close()
      }
    },
    numbers: (to) => `WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ${to}) SELECT n FROM n`,
  }
}

describe('on SQLite', () => {
  test.each(SQL_STORE_RULES)('$name', ({ run }) => run(newPlace()))
})
