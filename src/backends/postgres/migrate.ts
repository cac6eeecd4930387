import { BudgetError } from '../../core/errors.js'
import { MIGRATIONS } from './migrations.js'
import type { PostgresClient } from './postgres-pool.js'

/** A number of this library's, for the lock that migrations wait for. */
const LOCK = 7_220_316

/**
 * Brings a schema to this version, in one transaction; a new one is made whole. Where it is of this version already,
 * nothing needs the right to make tables.
 *
 * @throws BudgetError `invalid_store` for a schema that is newer
 */
export async function migrate(client: PostgresClient, schema: string): Promise<void> {
  if ((await versionOf(client, schema)) === MIGRATIONS.length) return
  await client.query({ text: 'BEGIN' })
  try {
    // Of the transaction, and not of the session: a pooler may give the next statement to another.
    await client.query({ text: `SELECT pg_advisory_xact_lock(${LOCK})` })
    const version = await versionOf(client, schema)
    const later = MIGRATIONS.slice(version).map((migration) => migration(schema))
    if (later.length > 0) {
      const table = `CREATE TABLE IF NOT EXISTS ${schema}.schema_versions ("version" integer PRIMARY KEY)`
      const note = `INSERT INTO ${schema}.schema_versions VALUES (${MIGRATIONS.length})`
      const text = [`CREATE SCHEMA IF NOT EXISTS ${schema}`, table, ...later, note].join(';\n')
      await client.query({ text })
    }
    await client.query({ text: 'COMMIT' })
  } catch (error) {
    // Where that fails, it is because of the error that is thrown.
    await client.query({ text: 'ROLLBACK' }).catch(() => {})
    throw error
  }
}

/**
 * Which version a schema has: 0 where there is none.
 *
 * @throws BudgetError `invalid_store` for one that is newer
 */
export async function versionOf(client: PostgresClient, schema: string): Promise<number> {
  const table = `${schema}.schema_versions`
  // Read as a table: the server remembers for a session which names it has looked up in vain.
  const found = await client.query({
    text: `SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND c.relname = 'schema_versions'`,
    values: [schema],
  })
  if (found.rows.length === 0) return 0
  const { rows } = await client.query({ text: `SELECT coalesce(max("version"), 0)::text AS version FROM ${table}` })
  const version = Number((rows[0] as { readonly version: string }).version)
  if (version <= MIGRATIONS.length) return version
  const message = `Expected a schema ${schema} up to version ${MIGRATIONS.length}, got ${version}; use a newer mcp-budget`
  throw new BudgetError({ code: 'invalid_store', message })
}
