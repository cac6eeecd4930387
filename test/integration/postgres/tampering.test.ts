import { afterAll, describe, expect, inject, test } from 'vitest'
import { newSchema, poolOf } from '../../support/servers/postgres-store.js'
import { PostgresBudgetEnforcer } from '../../../src/backends/postgres/index.js'
import { bookPages } from '../../support/book-pages.js'
import { booked, BOOK_TAMPERINGS } from '../../support/book-tamper-rules.js'
import { tamper, TAMPERINGS, type TamperPlace } from '../../support/tamper-rules.js'

const pool = poolOf(inject('postgresUrl'))
afterAll(() => pool.end())

function newPlace(): TamperPlace {
  const schema = newSchema()
  return {
    open: (clock) => PostgresBudgetEnforcer.open({ pool, schema, clock }),
    sql: (text) => pool.query(text.replaceAll(/:(?=[a-z])/g, `${schema}.`)),
  }
}

describe('on PostgreSQL, somebody changes', () => {
  test.each(TAMPERINGS)('$name', (row) => tamper(newPlace(), row))
})

describe('on PostgreSQL, somebody changes beside the ledger', () => {
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

test('on PostgreSQL, pages of budgets have the forfeited leases of these, and each is on one, whatever it says [T40]', () =>
  bookPages(newPlace()))
