import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { openHandle } from '../../../../src/backends/sqlite/open-handle.js'
import { SqliteBudgetEnforcer } from '../../../../src/backends/sqlite/index.js'
import { bookPages } from '../../../support/book-pages.js'
import { booked, BOOK_TAMPERINGS } from '../../../support/book-tamper-rules.js'
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

describe('on SQLite, somebody changes beside the ledger', () => {
  const made = booked(newPlace())
  afterAll(async () => (await made).close())

  test.each(BOOK_TAMPERINGS)('%s [T40]', async (_, change, found) => {
    const { sql, verify, restore } = await made
    try {
      await sql(change)
      expect(await verify()).toMatchObject(found)
    } finally {
      await restore()
    }
  })
})

test('on SQLite, pages of budgets have the forfeited leases of these, and each is on one, whatever it says [T40]', () =>
  bookPages(newPlace()))
