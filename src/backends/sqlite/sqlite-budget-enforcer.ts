import { BudgetError } from '../../core/errors.js'
import { systemClock, type Clock } from '../../core/clock.js'
import { assertKeys, integer, misconfigured, oneOf } from '../../core/settings.js'
import { isBusy, locked, unusable } from './faults.js'
import { migrate, versionOf } from './migrate.js'
import { MIGRATIONS } from './migrations.js'
import { openHandle } from './open-handle.js'
import { sameFile } from './same-file.js'
import { SqlBudgetEnforcer } from '../sql/sql-budget-enforcer.js'
import { SqliteDatabase } from './sqlite-database.js'
import type { BudgetId } from '../../budget/budget-id.js'
import type { SchemaVersions } from '../sql/schema-versions.js'
import type { SqliteHandle } from './sqlite-handle.js'

/** Settings of {@link SqliteBudgetEnforcer.open}. */
export interface SqliteBudgetEnforcerOptions {
  /** The path of the file, which is made where there is none; or a handle that is open, and nobody else's. */
  readonly database: string | SqliteHandle
  /**
   * When a commit is done: `full` (default), when the disk has it, so that what was answered outlives a loss of power;
   * `normal`, when the operating system has it, so that it outlives this process.
   */
  readonly synchronous?: 'full' | 'normal'
  /** How long to wait for another process that holds the lock; 5,000 by default. */
  readonly busyTimeoutMs?: number
  /** Where time comes from; the machine's clock by default. */
  readonly clock?: Pick<Clock, 'now'>
  /** What is judged in one atomic step: by default a budget's tenant. It must be the same in each process. */
  readonly partition?: (budget: BudgetId) => string
}

const KEYS = ['database', 'synchronous', 'busyTimeoutMs', 'clock', 'partition'] as const

/**
 * Budgets in one file of SQLite, for one machine. What was answered is on the disk. Several processes may use the same
 * file. Requests that come together are one transaction, so that the disk is waited for once for all of them.
 *
 * @example
 * ```ts
 * const enforcer = await SqliteBudgetEnforcer.open({ database: 'budgets.db' })
 * await enforcer.initialize('agent-1', 1_000)
 * (await enforcer.describe('agent-1')).available // 1000
 * ```
 */
export class SqliteBudgetEnforcer extends SqlBudgetEnforcer {
  /**
   * Opens a file.
   *
   * @throws BudgetError `invalid_config`; `invalid_store` for a file that cannot be used; `store_unavailable` for one
   * that is locked; `not_supported` where there is no driver
   */
  static async open(options: SqliteBudgetEnforcerOptions): Promise<SqliteBudgetEnforcer> {
    assertKeys(options, KEYS, 'options')
    const { database, clock = systemClock, partition } = options
    const synchronous = oneOf(options.synchronous, ['full', 'normal'], 'synchronous')
    const bounds = { least: 0, most: 600_000, otherwise: 5_000 }
    const busyTimeoutMs = integer(options.busyTimeoutMs, bounds, 'busyTimeoutMs')
    const handle = await handleOf(database)
    try {
      const opened = prepared(handle, database, { synchronous, busyTimeoutMs })
      return new SqliteBudgetEnforcer(opened, { clock, partition })
    } catch (error) {
      if (typeof database === 'string') handle.close()
      throw error
    }
  }

  /**
   * Which version of the schema a file has, and which `open` would bring it to. Nothing is changed, but a file that is
   * not there is made.
   *
   * @throws BudgetError as {@link open} does
   */
  static async versions({ database }: Pick<SqliteBudgetEnforcerOptions, 'database'>): Promise<SchemaVersions> {
    const handle = await handleOf(database)
    try {
      return { found: versionOf(handle, nameOf(database)), newest: MIGRATIONS.length }
    } catch (error) {
      throw unusable(nameOf(database), error)
    } finally {
      if (typeof database === 'string') handle.close()
    }
  }
}

async function handleOf(database: string | SqliteHandle): Promise<SqliteHandle> {
  if (typeof database === 'string' && database !== '') {
    try {
      return await openHandle(database)
    } catch (error) {
      throw unusable(database, error)
    }
  }
  const handle = Object(database) as Partial<SqliteHandle>
  if (typeof handle.prepare === 'function' && typeof handle.exec === 'function') return handle as SqliteHandle
  throw misconfigured('database', 'a path or a handle with `prepare` and `exec`', database)
}

function prepared(
  handle: SqliteHandle,
  database: string | SqliteHandle,
  { synchronous, busyTimeoutMs }: { synchronous: string; busyTimeoutMs: number },
): SqliteDatabase {
  const file = nameOf(database)
  try {
    // Until the file is ready SQLite waits itself; later this process does.
    handle.exec(`PRAGMA busy_timeout = ${busyTimeoutMs}`)
    handle.exec('PRAGMA journal_mode = WAL')
    handle.exec(`PRAGMA synchronous = ${synchronous}`)
    migrate(handle, file)
    handle.exec('PRAGMA busy_timeout = 0')
    return new SqliteDatabase(handle, busyTimeoutMs, typeof database === 'string' ? sameFile(database) : undefined)
  } catch (error) {
    if (BudgetError.isInstance(error)) throw error
    throw isBusy(error) ? locked(busyTimeoutMs, error) : unusable(file, error)
  }
}

function nameOf(database: string | SqliteHandle): string {
  return typeof database === 'string' ? JSON.stringify(database) : 'the handle'
}
