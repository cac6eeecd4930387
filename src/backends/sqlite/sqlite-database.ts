import { SqliteTransaction } from './sqlite-transaction.js'
import { isBusy, locked } from './faults.js'
import { Statements } from './statements.js'
import type { SqlDatabase } from '../sql/sql-budget-enforcer.js'
import type { LedgerReader } from '../sql/sql-ledger.js'
import type { SqliteHandle, SqliteStatement } from './sqlite-handle.js'
import type { Transaction } from '../sql/transaction.js'

/** A file of SQLite. Its transactions are made one after the other; those of other processes come between them. */
export class SqliteDatabase implements SqlDatabase {
  readonly #handle: SqliteHandle
  readonly #statements: Statements
  readonly #busyTimeoutMs: number
  #last: Promise<unknown> = Promise.resolve()

  constructor(handle: SqliteHandle, busyTimeoutMs: number) {
    this.#handle = handle
    this.#statements = new Statements(handle)
    this.#busyTimeoutMs = busyTimeoutMs
  }

  transact<Answer>(work: (tx: Transaction) => Promise<Answer>): Promise<Answer> {
    return this.#alone(this.#statements.begin, work)
  }

  read<Answer>(work: (reader: LedgerReader) => Promise<Answer>): Promise<Answer> {
    return this.#alone(this.#statements.beginReading, work)
  }

  isRace(): boolean {
    return false
  }

  isLost(): boolean {
    return false
  }

  faultOf(error: unknown): unknown {
    return error
  }

  async close(): Promise<void> {
    await this.#last
    this.#handle.close()
  }

  /** A handle has one transaction at a time. */
  #alone<Answer>(begin: SqliteStatement, work: (tx: SqliteTransaction) => Promise<Answer>): Promise<Answer> {
    const done = this.#last.then(() => this.#work(begin, work))
    this.#last = done.catch(() => {})
    return done
  }

  async #work<Answer>(begin: SqliteStatement, work: (tx: SqliteTransaction) => Promise<Answer>): Promise<Answer> {
    await this.#begin(begin)
    try {
      const answer = await work(new SqliteTransaction(this.#statements))
      this.#statements.commit.run()
      return answer
    } catch (error) {
      this.#rollBack()
      throw error
    }
  }

  // SQLite's own waiting would block this process: it waits in its event loop instead.
  async #begin(begin: SqliteStatement): Promise<void> {
    const until = performance.now() + this.#busyTimeoutMs
    for (;;) {
      try {
        begin.run()
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
