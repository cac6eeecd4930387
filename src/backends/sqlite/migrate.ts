import { BudgetError } from '../../core/errors.js'
import { MIGRATIONS } from './migrations.js'
import type { SqliteHandle } from './sqlite-handle.js'

/**
 * Brings a file to the schema of this version, in one transaction; a new file gets it whole.
 *
 * @throws BudgetError `invalid_store` for a schema that is newer, or another's
 */
export function migrate(handle: SqliteHandle, file: string): void {
  handle.exec('BEGIN IMMEDIATE')
  try {
    const version = versionOf(handle, file)
    for (const [i, sql] of MIGRATIONS.entries()) if (i >= version) handle.exec(sql)
    if (version < MIGRATIONS.length) {
      handle.exec('CREATE TABLE IF NOT EXISTS mcp_budget_schema ("version" INTEGER PRIMARY KEY) STRICT')
      handle.exec(`INSERT INTO mcp_budget_schema VALUES (${MIGRATIONS.length})`)
    }
    handle.exec('COMMIT')
  } catch (error) {
    handle.exec('ROLLBACK')
    throw error
  }
}

/**
 * Which version a file has: 0 where nothing is in it yet.
 *
 * @throws BudgetError `invalid_store` for a schema that is newer, or another's
 */
export function versionOf(handle: SqliteHandle, file: string): number {
  const tables = handle.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all() as Array<{ name: string }>
  const isOurs = tables.some(({ name }) => name === 'mcp_budget_schema')
  if (!isOurs && tables.length > 0) throw invalid(`a file of its own at ${file}, got one with other tables`)
  if (!isOurs) return 0
  const [row] = handle.prepare('SELECT max("version") AS version FROM mcp_budget_schema').all() as Array<{
    version: number
  }>
  const version = Number(row?.version ?? 0)
  if (version <= MIGRATIONS.length) return version
  throw invalid(`a schema up to version ${MIGRATIONS.length} at ${file}, got ${version}; use a newer mcp-budget`)
}

function invalid(expected: string): BudgetError {
  return new BudgetError({ code: 'invalid_store', message: `Expected ${expected}` })
}
