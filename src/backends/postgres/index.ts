export { PostgresBudgetEnforcer, type PostgresBudgetEnforcerOptions } from './postgres-budget-enforcer.js'
export type { PostgresClient, PostgresPool, PostgresStatement } from './postgres-pool.js'
export type { SchemaVersions } from '../sql/schema-versions.js'
