import { afterAll, describe, inject, test } from 'vitest'
import { dialect } from '../../../src/backends/postgres/statements.js'
import { LEDGER_RULES } from '../../support/ledger-rules.js'
import { MIGRATIONS } from '../../../src/backends/postgres/migrations.js'
import { newSchema, openStore, poolOf } from '../../support/servers/postgres-store.js'
import { PostgresBudgetEnforcer } from '../../../src/backends/postgres/index.js'
import { SQL_LEDGER_RULES, type SqlLedgerPlace } from '../../support/sql-ledger-rules.js'
import type { FakeClock } from '../../../src/testing/index.js'

const pool = poolOf(inject('postgresUrl'))
afterAll(() => pool.end())

async function open(clock: FakeClock) {
  const store = await openStore(pool, { clock })
  return { store, ledger: store.ledger }
}

describe('the ledger of PostgreSQL', () => {
  test.each(LEDGER_RULES)('$name', ({ run }) => run(open))
})

function newPlace(): SqlLedgerPlace {
  const schema = newSchema()
  const named = (text: string): string => text.replaceAll(/(?<=(INTO|FROM) ):/g, `${schema}.`)
  return {
    open: (options) => PostgresBudgetEnforcer.open({ pool, schema, ...options }),
    sql: async (text) => (await pool.query(named(text))).rows as unknown[],
    numbers: () => '',
    async makeOld() {
      await pool.query(`CREATE SCHEMA ${schema}`)
      await pool.query(MIGRATIONS[0]?.(schema) ?? '')
      await pool.query(`CREATE TABLE ${schema}.schema_versions ("version" integer PRIMARY KEY)`)
      await pool.query(`INSERT INTO ${schema}.schema_versions VALUES (1)`)
    },
    async explain(of) {
      const { sql, values } = of(dialect(schema))
      const client = await pool.connect()
      try {
        // What is empty is read whole: so it is where nothing else is possible.
        await client.query('BEGIN; SET LOCAL enable_seqscan = off')
        const { rows } = await client.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${named(sql)}`, [...values])
        return rows.map((row) => row['QUERY PLAN']).join('\n')
      } finally {
        await client.query('ROLLBACK')
        client.release()
      }
    },
  }
}

describe('the ledger in a schema of PostgreSQL', () => {
  test.each(SQL_LEDGER_RULES)('$name', ({ run }) => run(newPlace()), 60_000)
})
