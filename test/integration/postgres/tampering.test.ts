import { afterAll, describe, inject, test } from 'vitest'
import { newSchema, poolOf } from '../../support/servers/postgres-store.js'
import { PostgresBudgetEnforcer } from '../../../src/backends/postgres/index.js'
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
