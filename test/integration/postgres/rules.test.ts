import { afterAll, describe, inject, test } from 'vitest'
import { newSchema, poolOf } from '../../support/servers/postgres-store.js'
import { PostgresBudgetEnforcer } from '../../../src/backends/postgres/index.js'
import { SQL_STORE_RULES, type SqlPlace } from '../../support/sql-store-rules.js'

const pool = poolOf(inject('postgresUrl'))
afterAll(() => pool.end())

function newPlace(): SqlPlace {
  const schema = newSchema()
  return {
    open: (options) => PostgresBudgetEnforcer.open({ pool, schema, ...options }),
    async sql(text) {
      return (await pool.query(text.replaceAll(/:(?=[a-z])/g, `${schema}.`))).rows as unknown[]
    },
    numbers: (to) => `SELECT n FROM generate_series(1, ${to}) AS n`,
  }
}

describe('on PostgreSQL', () => {
  test.each(SQL_STORE_RULES)('$name', ({ run }) => run(newPlace()))
})
