import { budgetId, tenantOf, type BudgetId } from '../../budget/budget-id.js'
import { BudgetError } from '../../core/errors.js'
import { decide, type Settled } from './decide.js'
import { decideTasks } from './task-step.js'
import { GroupCommit } from './group-commit.js'
import { Moved } from './load.js'
import { isTaskCall, type StoreCall } from './store-call.js'
import { SqlBooks } from './sql-books.js'
import { SqlLedger, type LedgerReader } from './sql-ledger.js'
import { SqlSeals } from './sql-seals.js'
import type { Authority } from '../../budget/authority.js'
import type {
  BudgetResult,
  BudgetView,
  CaptureRequest,
  CaptureResult,
  CloseRequest,
  CloseResult,
  DelegatingEnforcer,
  ExtendRequest,
  ExtendResult,
  GrantRequest,
  HoldRequest,
  HoldResult,
  MoveResult,
  ReleaseRequest,
  ReleaseResult,
  SpendRequest,
  TransferRequest,
} from '../../budget/enforcer.js'
import type { Clock } from '../../core/clock.js'
import type { Credits } from '../../core/credits.js'
import type { GroupedLedger, NumberedLedger, PagedLedger } from '../../ledger/ledger.js'
import type { SealStore } from '../../ledger/seal.js'
import type { StoreBooks } from '../../ledger/books.js'
import type {
  LeaseRequest,
  LeaseResult,
  LeasingEnforcer,
  ReconcileResult,
  RenewRequest,
  RenewResult,
  SettleRequest,
  SettleResult,
} from '../../budget/lease.js'
import type { RevokeRequest, RevokeResult } from '../../budget/moves.js'
import type { TaskStore } from '../../tasks/task-store.js'
import type { Transaction } from './transaction.js'

/** A database, as a store sees it. */
export interface SqlDatabase {
  /** Runs work in a transaction, which is durable when the answer comes, or has not happened when it throws. */
  transact<Answer>(work: (tx: Transaction) => Promise<Answer>): Promise<Answer>
  /** Runs work that only reads, in one state of the database, beside all that is in the way of nobody. */
  read<Answer>(work: (reader: LedgerReader) => Promise<Answer>): Promise<Answer>
  /** Whether work lost a race with other work, and may be done again at once. */
  isRace(error: unknown): boolean
  /** Whether the connection is gone, so that nobody knows what became of the work. */
  isLost(error: unknown): boolean
  /** What is told of an error in the end. */
  faultOf(error: unknown): unknown
  /** Closes what was opened. */
  close(): Promise<void>
}

/** Settings of a store with a database. */
export interface SqlStoreOptions {
  readonly clock: Pick<Clock, 'now'>
  readonly partition?: ((budget: BudgetId) => string) | undefined
}

/** What is old is forgotten so often at most. */
const FORGET_MS = 1_000
/** A step is made so often when it loses a race, or its connection. */
const TRIES = 5
const MOST_TASKS = 100_000

/**
 * A store with a database: requests that come together are decided in one transaction, by the engine of the memory
 * store, on the rows they touch. Nothing is kept here between two transactions.
 */
export class SqlBudgetEnforcer implements DelegatingEnforcer, LeasingEnforcer {
  /** The money entries of this store, and what `withLedger` adds to them. */
  readonly ledger: PagedLedger & GroupedLedger & NumberedLedger = new SqlLedger({
    append: async (records) => {
      await this.#ask({ verb: 'append', args: [[...records]], places: [] })
    },
    read: (work) => this.#read(work),
  })
  /** What `LedgerSealer` of `mcp-budget/audit` has sealed of the ledger. */
  readonly seals: SealStore = new SqlSeals({
    add: (seal) => this.#tried(() => this.#database.transact(async (tx) => tx.addSeal(seal))),
    read: (work) => this.#read(work),
  })
  /** What `verifyLedger` of `mcp-budget/audit` holds against the ledger: it comes with `balances`. */
  readonly books: StoreBooks = new SqlBooks({ read: (work) => this.#read(work) })
  /** The tasks of calls, in the same database. At most 100,000 are kept. */
  readonly tasks: TaskStore = {
    begin: (request) => this.#ask({ verb: 'begin', args: [{ ...request }] }),
    finish: (request) => this.#ask({ verb: 'finish', args: [{ ...request }] }),
    bind: (request) => this.#ask({ verb: 'bind', args: [{ ...request }] }),
    find: (name) => this.#ask({ verb: 'find', args: [{ ...name }] }),
    amend: (request) => this.#ask({ verb: 'amend', args: [{ ...request }] }),
    end: (request) => this.#ask({ verb: 'end', args: [{ ...request }] }),
    due: (limit) => this.#ask({ verb: 'due', args: [limit] }),
  }
  readonly #database: SqlDatabase
  readonly #clock: Pick<Clock, 'now'>
  readonly #partitionOf: (budget: BudgetId) => string
  readonly #commit = new GroupCommit((calls) => this.#step(calls))
  #forgotAt = -Infinity
  #isClosed = false

  protected constructor(database: SqlDatabase, { clock, partition }: SqlStoreOptions) {
    this.#database = database
    this.#clock = clock
    this.#partitionOf = (budget) => (partition ?? tenantOf)(budgetId(budget))
  }

  check(budget: BudgetId, cost: Credits): Promise<BudgetResult> {
    return this.#ask<BudgetResult>({ verb: 'check', args: [budget, cost] })
  }

  spend(request: SpendRequest): Promise<BudgetResult> {
    return this.#ask<BudgetResult>({ verb: 'spend', args: [{ ...request }] })
  }

  remaining(budget: BudgetId): Promise<Credits> {
    return this.#ask<Credits>({ verb: 'remaining', args: [budget] })
  }

  async initialize(budget: BudgetId, credits: Credits): Promise<void> {
    await this.#ask({ verb: 'initialize', args: [budget, credits] })
  }

  hold(request: HoldRequest): Promise<HoldResult> {
    return this.#ask<HoldResult>({ verb: 'hold', args: [withLines(request)] })
  }

  capture(request: CaptureRequest): Promise<CaptureResult> {
    return this.#ask<CaptureResult>({ verb: 'capture', args: [withLines(request)] })
  }

  release(request: ReleaseRequest): Promise<ReleaseResult> {
    return this.#ask<ReleaseResult>({ verb: 'release', args: [{ ...request }] })
  }

  extend(request: ExtendRequest): Promise<ExtendResult> {
    return this.#ask<ExtendResult>({ verb: 'extend', args: [withLines(request)] })
  }

  lease(request: LeaseRequest): Promise<LeaseResult> {
    return this.#ask<LeaseResult>({ verb: 'lease', args: [{ ...request }] })
  }

  renew(request: RenewRequest): Promise<RenewResult> {
    return this.#ask<RenewResult>({ verb: 'renew', args: [{ ...request }] })
  }

  settle(request: SettleRequest): Promise<SettleResult> {
    return this.#ask<SettleResult>({ verb: 'settle', args: [{ ...request }] })
  }

  reconcile(request: SettleRequest): Promise<ReconcileResult> {
    return this.#ask<ReconcileResult>({ verb: 'reconcile', args: [{ ...request }] })
  }

  grant(request: GrantRequest): Promise<MoveResult> {
    return this.#ask<MoveResult>({ verb: 'grant', args: [{ ...request }] })
  }

  transfer(request: TransferRequest): Promise<MoveResult> {
    return this.#ask<MoveResult>({ verb: 'transfer', args: [{ ...request }] })
  }

  close(request: CloseRequest): Promise<CloseResult> {
    return this.#ask<CloseResult>({ verb: 'close', args: [{ ...request }] })
  }

  revoke(request: RevokeRequest): Promise<RevokeResult> {
    return this.#ask<RevokeResult>({ verb: 'revoke', args: [{ ...request }] })
  }

  describe(budget: BudgetId, authority?: Authority): Promise<BudgetView> {
    return this.#ask<BudgetView>({ verb: 'describe', args: [budget, authority] })
  }

  /** Waits for what was asked, and closes the database. Later requests reject as `store_unavailable`. */
  async shutdown(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#commit.idle
    await this.#database.close()
  }

  #ask<Answer>(call: StoreCall): Promise<Answer> {
    if (this.#isClosed) return Promise.reject(closed())
    return this.#commit.add(call) as Promise<Answer>
  }

  async #step(calls: readonly StoreCall[]): Promise<readonly Settled[]> {
    try {
      return await this.#decide(calls)
    } catch (error) {
      const isOut = BudgetError.isInstance(error) && error.code === 'store_unavailable'
      if (calls.length === 1 || isOut) throw error
      // One of them may be what the database cannot keep: that one fails alone.
      const answers: Settled[] = []
      for (const call of calls) {
        answers.push(
          await this.#decide([call]).then(
            ([answer]) => answer as Settled,
            (own: unknown) => ({ error: own }),
          ),
        )
      }
      return answers
    }
  }

  // Money first, and tasks after it: all processes lock in this order.
  async #transact(tx: Transaction, calls: readonly StoreCall[], forgets: boolean): Promise<Settled[] | undefined> {
    const now = (): number => this.#clock.now()
    const [money, tasks] = [calls.filter((call) => !isTaskCall(call)), calls.filter(isTaskCall)]
    const options = { now, partitionOf: this.#partitionOf, forgets }
    const paid = money.length === 0 ? [] : await decide(tx, money, options)
    if (paid === undefined) return undefined
    const kept = tasks.length === 0 ? [] : await decideTasks(tx, tasks, { now, maxTasks: MOST_TASKS })
    const [nextPaid, nextKept] = [paid.values(), kept.values()]
    return calls.map((call) => (isTaskCall(call) ? nextKept : nextPaid).next().value as Settled)
  }

  #decide(calls: readonly StoreCall[]): Promise<readonly Settled[]> {
    return this.#tried(async () => {
      const forgets = this.#clock.now() - this.#forgotAt >= FORGET_MS
      const answers = await this.#database.transact((tx) => this.#transact(tx, calls, forgets))
      if (forgets) this.#forgotAt = this.#clock.now()
      return answers
    })
  }

  // What was asked before is seen.
  async #read<Answer>(work: (reader: LedgerReader) => Promise<Answer>): Promise<Answer> {
    await this.#commit.answered()
    if (this.#isClosed) throw closed()
    return this.#tried(() => this.#database.read(work))
  }

  async #tried<Answer>(work: () => Promise<Answer | undefined>): Promise<Answer> {
    for (let tries = 1; ;) {
      try {
        const answer = await work()
        if (answer !== undefined) return answer
      } catch (error) {
        const isLost = this.#database.isLost(error)
        const again = error instanceof Moved || isLost || this.#database.isRace(error)
        if (!again || tries++ >= TRIES) throw this.#database.faultOf(error)
        // The same requests by the same ids: what was done already is answered and not done again.
        if (isLost) await new Promise((resolve) => setTimeout(resolve, 10 * 2 ** tries))
      }
    }
  }
}

function closed(): BudgetError {
  const message = 'Expected a store that is open, got one that was shut down'
  return new BudgetError({ code: 'store_unavailable', message })
}

/** A copy, for the caller may go on with its own while this one waits. */
function withLines<Request extends { readonly lines?: HoldRequest['lines'] }>(request: Request): Request {
  const { lines } = request
  return Array.isArray(lines) ? { ...request, lines: lines.map((line: object) => ({ ...line })) } : { ...request }
}
