import { assertKeys, integer, misconfigured, oneOf } from '../../core/settings.js'
import { migrate, versionOf } from './migrate.js'
import { MIGRATIONS } from './migrations.js'
import { PostgresDatabase } from './postgres-database.js'
import { SqlBudgetEnforcer } from '../sql/sql-budget-enforcer.js'
import { Statements } from './statements.js'
import { systemClock, type Clock } from '../../core/clock.js'
import { isLost, unavailable } from './faults.js'
import { withClient } from './with-client.js'
import type { BudgetId } from '../../budget/budget-id.js'
import type { SchemaVersions } from '../sql/schema-versions.js'
import type { PostgresClient, PostgresPool } from './postgres-pool.js'

/** Settings of {@link PostgresBudgetEnforcer.open}. */
export interface PostgresBudgetEnforcerOptions {
  /** Where connections come from: a `Pool` of the package `pg` fits. One is used at a time. It stays its owner's. */
  readonly pool: PostgresPool
  /** The schema that the tables are in, which is made where there is none; `mcp_budget` by default. */
  readonly schema?: string
  /** `false` where a pooler cannot keep prepared statements apart. */
  readonly named?: boolean
  /** How long to wait for another process that decides on the same partition; 5,000 by default. */
  readonly lockTimeoutMs?: number
  /** For tests: where time comes from. By default it is the server's, so that all processes have one. */
  readonly clock?: Pick<Clock, 'now'>
  /** What is judged in one atomic step: by default a budget's tenant. It must be the same in each process. */
  readonly partition?: (budget: BudgetId) => string
}

const KEYS = ['pool', 'schema', 'named', 'lockTimeoutMs', 'clock', 'partition'] as const

/**
 * Budgets in PostgreSQL, for any number of processes. Requests that come together are one transaction, which locks the
 * partitions they are about; so a budget that everybody spends from costs one lock for many of them.
 *
 * @example
 * ```ts
 * const enforcer = await PostgresBudgetEnforcer.open({ pool: new Pool({ connectionString }) })
 * await enforcer.initialize('agent-1', 1_000)
 * (await enforcer.describe('agent-1')).available // 1000
 * ```
 */
export class PostgresBudgetEnforcer extends SqlBudgetEnforcer {
  /**
   * Brings the schema to this version, and is ready.
   *
   * @throws BudgetError `invalid_config`; `invalid_store` for a schema that is newer; `store_unavailable` where nobody
   * answers
   */
  static async open(options: PostgresBudgetEnforcerOptions): Promise<PostgresBudgetEnforcer> {
    assertKeys(options, KEYS, 'options')
    const { pool, clock, partition } = options
    const schema = schemaOf(options.schema)
    const bounds = { least: 1, most: 600_000, otherwise: 5_000 }
    const lockTimeoutMs = integer(options.lockTimeoutMs, bounds, 'lockTimeoutMs')
    const named = oneOf(options.named, [true, false], 'named')
    if (typeof (Object(pool) as Partial<PostgresPool>).connect !== 'function')
      throw misconfigured('pool', 'a pool with `connect`', pool)
    await inReach(pool, lockTimeoutMs, (client) => migrate(client, schema))
    const statements = new Statements(schema)
    const database = new PostgresDatabase(pool, { statements, named, serverTime: clock === undefined }, lockTimeoutMs)
    return new PostgresBudgetEnforcer(database, { clock: clock ?? systemClock, partition })
  }

  /**
   * Which version a schema has, and which `open` would bring it to. Nothing is changed.
   *
   * @throws BudgetError as {@link open} does
   */
  static async versions({
    pool,
    schema,
  }: Pick<PostgresBudgetEnforcerOptions, 'pool' | 'schema'>): Promise<SchemaVersions> {
    const found = await inReach(pool, 0, (client) => versionOf(client, schemaOf(schema)))
    return { found, newest: MIGRATIONS.length }
  }
}

function schemaOf(schema = 'mcp_budget'): string {
  // Written into statements as it is.
  if (typeof schema === 'string' && /^[a-z_][a-z0-9_]{0,40}$/.test(schema)) return schema
  throw misconfigured('schema', 'a name of small letters, digits and _', schema)
}

async function inReach<Answer>(
  pool: PostgresPool,
  lockTimeoutMs: number,
  work: (client: PostgresClient) => Promise<Answer>,
): Promise<Answer> {
  try {
    return await withClient(pool, (client, spoil) =>
      work(client).catch((error: unknown) => {
        if (isLost(error)) spoil(error as Error)
        throw error
      }),
    )
  } catch (error) {
    throw unavailable(error, lockTimeoutMs)
  }
}
