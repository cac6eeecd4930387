import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, test } from 'vitest'
import { openHandle } from '../../../../src/backends/sqlite/open-handle.js'
import { SqliteBudgetEnforcer } from '../../../../src/backends/sqlite/index.js'
import { tamper, TAMPERINGS, type TamperPlace } from '../../../support/tamper-rules.js'

const folder = mkdtempSync(join(tmpdir(), 'mcp-budget-tampering-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let count = 0

function newPlace(): TamperPlace {
  const database = join(folder, `${count++}.db`)
  return {
    open: (clock) => SqliteBudgetEnforcer.open({ database, synchronous: 'normal', clock }),
    async sql(text) {
      const handle = await openHandle(database)
      try {
        handle.exec(text.replaceAll(/:(?=[a-z])/g, ''))
      } finally {
        handle.close()
      }
    },
  }
}

describe('on SQLite, somebody changes', () => {
  test.each(TAMPERINGS)('$name', (row) => tamper(newPlace(), row))
})
