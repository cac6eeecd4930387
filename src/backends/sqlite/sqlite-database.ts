import { SqliteTransaction } from './sqlite-transaction.js'
import { isBusy, locked, outOfUse } from './faults.js'
import { Statements } from './statements.js'
import type { SqlDatabase } from '../sql/sql-budget-enforcer.js'
import type { SqliteHandle } from './sqlite-handle.js'
import type { Transaction } from '../sql/transaction.js'

/** A file of SQLite. Its transactions are made one after the other; those of other processes come between them. */
export class SqliteDatabase implements SqlDatabase {
  readonly #handle: SqliteHandle
  readonly #statements: Statements
  readonly #busyTimeoutMs: number
  readonly #assertFile: (() => void) | undefined

  /** `assertFile` throws where the file is not there any more. */
  constructor(handle: SqliteHandle, busyTimeoutMs: number, assertFile?: () => void) {
    this.#handle = handle
    this.#statements = new Statements(handle)
    this.#busyTimeoutMs = busyTimeoutMs
    this.#assertFile = assertFile
  }

  async transact<Answer>(work: (tx: Transaction) => Promise<Answer>): Promise<Answer> {
    await this.#begin()
    try {
      this.#assertFile?.()
      const answer = await work(new SqliteTransaction(this.#statements))
      this.#statements.commit.run()
      return answer
    } catch (error) {
      this.#rollBack()
      throw error
    }
  }

  isRace(): boolean {
    return false
  }

  isLost(): boolean {
    return false
  }

  faultOf(error: unknown): unknown {
    return outOfUse(error)
  }

  async close(): Promise<void> {
    this.#handle.close()
  }

  // SQLite's own waiting would block this process: it waits in its event loop instead.
  async #begin(): Promise<void> {
    const until = performance.now() + this.#busyTimeoutMs
    for (;;) {
      try {
        this.#statements.begin.run()
        return
      } catch (error) {
        if (!isBusy(error)) throw error
        if (performance.now() >= until) throw locked(this.#busyTimeoutMs, error)
      }
      await new Promise((resolve) => setTimeout(resolve, 1 + Math.random() * 4))
    }
  }

  #rollBack(): void {
    try {
      this.#statements.rollback.run()
    } catch {
      // SQLite has rolled back by itself.
    }
  }
}
