export { SqliteBudgetEnforcer, type SqliteBudgetEnforcerOptions } from './sqlite-budget-enforcer.js'
export type { SqliteHandle, SqliteStatement } from './sqlite-handle.js'
export type { SchemaVersions } from '../sql/schema-versions.js'
