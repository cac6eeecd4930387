import { isLost, isRace, unavailable } from './faults.js'
import { PostgresTransaction, type PostgresTransactionOptions } from './postgres-transaction.js'
import { withClient } from './with-client.js'
import type { PostgresClient, PostgresPool } from './postgres-pool.js'
import type { LedgerReader } from '../sql/sql-ledger.js'
import type { SqlDatabase } from '../sql/sql-budget-enforcer.js'
import type { Transaction } from '../sql/transaction.js'

/** All that is read is of one moment. */
const READING = 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL jit = off'

/**
 * A database of PostgreSQL. Settings are those of a transaction, never of a session. Without sequential scans no plan
 * that was made while a table was empty is kept when it has grown.
 */
export class PostgresDatabase implements SqlDatabase {
  readonly #pool: PostgresPool
  readonly #options: PostgresTransactionOptions
  readonly #lockTimeoutMs: number
  readonly #begin: string

  constructor(pool: PostgresPool, options: PostgresTransactionOptions, lockTimeoutMs: number) {
    this.#pool = pool
    this.#options = options
    this.#lockTimeoutMs = lockTimeoutMs
    this.#begin = [
      'BEGIN ISOLATION LEVEL READ COMMITTED',
      `SET LOCAL lock_timeout = ${lockTimeoutMs}`,
      `SET LOCAL idle_in_transaction_session_timeout = ${2 * lockTimeoutMs}`,
      'SET LOCAL enable_seqscan = off',
      'SET LOCAL jit = off',
    ].join('; ')
  }

  transact<Answer>(work: (tx: Transaction) => Promise<Answer>): Promise<Answer> {
    return this.#work(this.#begin, work)
  }

  read<Answer>(work: (reader: LedgerReader) => Promise<Answer>): Promise<Answer> {
    return this.#work(READING, work)
  }

  #work<Answer>(begin: string, work: (tx: PostgresTransaction) => Promise<Answer>): Promise<Answer> {
    return withClient(this.#pool, async (client, spoil) => {
      try {
        await client.query({ text: begin })
        const answer = await work(new PostgresTransaction(client, this.#options))
        await client.query({ text: 'COMMIT' })
        return answer
      } catch (error) {
        await rollBack(client, error).catch(spoil)
        throw error
      }
    })
  }

  isRace(error: unknown): boolean {
    return isRace(error)
  }

  isLost(error: unknown): boolean {
    return isLost(error)
  }

  faultOf(error: unknown): unknown {
    return unavailable(error, this.#lockTimeoutMs)
  }

  /** The pool is its owner's. */
  async close(): Promise<void> {}
}

// Without its connection a transaction has ended, or will, as the server finds out.
async function rollBack(client: PostgresClient, error: unknown): Promise<void> {
  if (isLost(error)) throw new Error('lost', { cause: error })
  await client.query({ text: 'ROLLBACK' })
}
