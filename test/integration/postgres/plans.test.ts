import { afterAll, describe, expect, inject, test } from 'vitest'
import { dialect } from '../../../src/backends/postgres/statements.js'
import { newSchema, poolOf } from '../../support/servers/postgres-store.js'
import { PostgresBudgetEnforcer } from '../../../src/backends/postgres/index.js'
import { readQueries } from '../../../src/backends/sql/queries.js'

const pool = poolOf(inject('postgresUrl'))
afterAll(() => pool.end())

const ROWS = 20_000
/** Those of a step of the store. */
const SETTINGS = [
  'enable_seqscan = off',
  'enable_hashjoin = off',
  'enable_mergejoin = off',
  'plan_cache_mode = force_generic_plan',
]

interface Plan {
  readonly 'Relation Name'?: string
  readonly 'Actual Rows': number
  readonly 'Actual Loops': number
  readonly 'Rows Removed by Filter'?: number
  readonly 'Rows Removed by Index Recheck'?: number
  readonly Plans?: readonly Plan[]
}

/** How many rows of tables a plan has looked at. */
function looksOf(plan: Plan): number {
  const { Plans = [], 'Relation Name': table, 'Actual Rows': rows, 'Actual Loops': loops } = plan
  const removed = (plan['Rows Removed by Filter'] ?? 0) + (plan['Rows Removed by Index Recheck'] ?? 0)
  return Plans.reduce((sum, each) => sum + looksOf(each), table === undefined ? 0 : (rows + removed) * loops)
}

// A connection keeps the plan of a statement. It may have made it when the store was new.
describe('a plan that was made for an empty table looks at what is asked for', () => {
  const pairs = (n: number, name: string) => JSON.stringify(Array.from({ length: n }, (_, i) => [name, `p${i * 7}`]))
  test.each([
    {
      name: 'bans',
      fill: `SELECT 'default', 'p' || n, 'prefixes', NULL`,
      values: [pairs(20, 'default')],
    },
    {
      name: 'counters',
      fill: `SELECT 'default/main', 'p' || n, 1, 0, '{}'`,
      values: [pairs(20, 'default/main'), '{}'],
    },
    {
      name: 'answers',
      fill: `SELECT 'spend', 'p' || n, 0, '', ''`,
      values: ['{spend,move}', `{${Array.from({ length: 20 }, (_, i) => `p${i * 7}`).join(',')}}`],
    },
  ] as const)('among the $name', async ({ name, fill, values }) => {
    const schema = newSchema()
    await (await PostgresBudgetEnforcer.open({ pool, schema })).shutdown()
    const client = await pool.connect()
    try {
      // Nor does the server find out by itself, as it does after a minute.
      await client.query(`ALTER TABLE ${schema}.${name} SET (autovacuum_enabled = false)`)
      for (const setting of SETTINGS) await client.query(`SET ${setting}`)
      await client.query(`PREPARE plan_of_${name} AS ${readQueries(dialect(schema))[name].sql}`)
      const execute = `EXECUTE plan_of_${name} (${values.map((value) => `'${value}'`).join(', ')})`
      await client.query(execute)
      await client.query(`INSERT INTO ${schema}.${name} ${fill} FROM generate_series(0, ${ROWS - 1}) AS n`)
      const { rows } = await client.query<{ 'QUERY PLAN': ReadonlyArray<{ Plan: Plan }> }>(
        `EXPLAIN (ANALYZE, FORMAT JSON) ${execute}`,
      )
      const plan = rows[0]?.['QUERY PLAN'][0]?.Plan
      expect(plan?.['Actual Rows']).toBe(20)
      expect(looksOf(plan as Plan)).toBeLessThan(100)
    } finally {
      client.release(true)
    }
  })
})
