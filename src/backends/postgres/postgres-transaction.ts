import { lockOrder } from '../sql/lock-order.js'
import type { Answer, Asked, Pipe } from './pipe.js'
import type {
  Changes,
  Found,
  FoundRows,
  Locked,
  LockWanted,
  TasksWanted,
  Transaction,
  Wanted,
} from '../sql/transaction.js'
import type { HoldRow, PartitionRow } from '../sql/rows.js'
import type { LedgerSelectOf } from '../sql/ledger-queries.js'
import { SEAL_COLUMNS } from '../sql/sql-seals.js'
import type { Seal } from '../../ledger/seal.js'
import type { TaskChanges, TasksFound } from '../sql/task-set.js'
import type { Prepared, Statements } from './statements.js'

/** How statements are sent, and whose time it is. */
export interface PostgresTransactionOptions {
  readonly statements: Statements
  /** Whether the connection prepares them. */
  readonly named: boolean
  /** Whether the time is the server's. */
  readonly serverTime: boolean
}

/** A transaction of PostgreSQL, which holds the locks of its partitions. */
export class PostgresTransaction implements Transaction {
  readonly #pipe: Pipe
  readonly #options: PostgresTransactionOptions
  #hasForgotten = false

  constructor(pipe: Pipe, options: PostgresTransactionOptions) {
    this.#pipe = pipe
    this.#options = options
  }

  async lock(wanted: LockWanted): Promise<Locked> {
    const [rows = []] = await this.#pipe.ask(this.#lockStatement(wanted))
    const { locked, missing, all } = this.#locked(rows, wanted)
    return missing.length === 0 ? locked : this.#make(missing, { ...wanted, partitions: all })
  }

  // What is read is newer than the locks: each statement sees what was committed when it began.
  async open(locks: LockWanted, wanted: Wanted): Promise<{ readonly locked: Locked; readonly found: Found }> {
    const now = this.#options.serverTime ? undefined : wanted.now
    const [rows = [], read = []] = await this.#pipe.ask(this.#lockStatement(locks), this.#readStatement(wanted, now))
    const { locked, missing, all } = this.#locked(rows, locks)
    if (missing.length === 0) return { locked, found: foundIn(read) }
    const made = await this.#make(missing, { ...locks, partitions: all })
    return { locked: made, found: foundIn(await this.#send(this.#readStatement(wanted, now))) }
  }

  async read(wanted: Wanted): Promise<Found> {
    return foundIn(await this.#send(this.#readStatement(wanted, wanted.now)))
  }

  async forget(wanted: { readonly partitions: readonly string[]; readonly before: number }) {
    const { forgetHolds, forgetRest } = this.#options.statements
    this.#hasForgotten = true
    const gone = await this.#run<Pick<HoldRow, 'id' | 'partition'>>(forgetHolds, wanted)
    for (const statement of forgetRest) await this.#run(statement, wanted)
    return gone
  }

  async forgetBans(wanted: { readonly partitions: readonly string[]; readonly before: number }): Promise<void> {
    await this.#run(this.#options.statements.forgetBans, wanted)
  }

  async write(changes: Changes): Promise<void> {
    const write = this.#options.statements.write(changes)
    const values = write.parameters.map((name) => JSON.stringify(changes[name as keyof Changes]))
    const statement = this.#statement(write, values)
    // What was forgotten must not be, without the marks that are written here.
    await (this.#hasForgotten ? this.#pipe.ask(statement) : this.#pipe.post(statement))
  }

  async tasks(wanted: TasksWanted): Promise<TasksFound> {
    const [row] = await this.#run<Texts>(this.#options.statements.tasks, wanted)
    return parsed(row) as unknown as TasksFound
  }

  async writeTasks(changes: TaskChanges, partitions: readonly PartitionRow[]): Promise<void> {
    const { writeTasks } = this.#options.statements
    const rows: Readonly<Record<string, unknown>> = { ...changes, partitions }
    const values = writeTasks.parameters.map((name) => JSON.stringify(rows[name]))
    await this.#pipe.post(this.#statement(writeTasks, values))
  }

  async addSeal(seal: Seal): Promise<boolean> {
    const { addSeal } = this.#options.statements
    const values = SEAL_COLUMNS.map((name) => seal[name])
    return (await this.#send(this.#statement(addSeal, values))).length > 0
  }

  async select<Row>(of: LedgerSelectOf): Promise<readonly Row[]> {
    const [row] = (await this.#send({ ...this.#options.statements.ledger(of), columns: ['rows'] })) as readonly Texts[]
    return (parsed(row)['rows'] ?? []) as Row[]
  }

  #lockStatement(wanted: LockWanted): Asked {
    const { lock, lockHolds } = this.#options.statements
    return this.#filled(wanted.holds.length > 0 ? lockHolds : lock, wanted)
  }

  #readStatement(wanted: Wanted, now: number | undefined): Asked {
    return this.#filled(this.#options.statements.read(wanted), { ...wanted, now })
  }

  #locked(answer: Answer, wanted: LockWanted) {
    const [row] = answer as ReadonlyArray<Partial<Record<'partitions' | 'known' | 'homes' | 'now', string>>>
    const { partitions = '[]', known = '[]', homes = '[]', now = '' } = row ?? {}
    const rows = JSON.parse(partitions) as PartitionRow[]
    const all = lockOrder([...wanted.partitions, ...(JSON.parse(homes) as string[])])
    const time = this.#options.serverTime ? Number(now) : undefined
    const locked: Locked = { partitions: rows, known: JSON.parse(known) as string[], now: time }
    return { locked, all, missing: all.filter((id) => !rows.some((each) => each.id === id)) }
  }

  async #make(partitions: readonly string[], wanted: LockWanted): Promise<Locked> {
    await this.#run(this.#options.statements.partitions, { partitions })
    return this.lock(wanted)
  }

  #run<Row>(prepared: Prepared, wanted: object): Promise<readonly Row[]> {
    return this.#send(this.#filled(prepared, wanted)) as Promise<readonly Row[]>
  }

  async #send(statement: Asked): Promise<Answer> {
    const [rows = []] = await this.#pipe.ask(statement)
    return rows
  }

  #filled(prepared: Prepared, wanted: object): Asked {
    const given = wanted as Readonly<Record<string, unknown>>
    return this.#statement(
      prepared,
      prepared.parameters.map((name) => valueOf(name, given[name])),
    )
  }

  #statement({ name, text, columns }: Prepared, values: unknown[]): Asked {
    return { ...(this.#options.named && name !== '' && { name }), text, values, columns }
  }
}

type Texts = Readonly<Record<string, string>>

function parsed(row: Texts = {}): Record<string, unknown[]> {
  return Object.fromEntries(Object.entries(row).map(([name, text]) => [name, JSON.parse(text) as unknown[]]))
}

/** What nobody asked for is not there. */
const NOTHING: FoundRows = {
  holds: [],
  due: [],
  ending: [],
  nowhere: [],
  budgets: [],
  families: [],
  answers: [],
  counters: [],
  counts: [],
  bans: [],
  banCounts: [],
}

function foundIn(answer: Answer): Found {
  const [{ now, ...texts } = { now: '' }] = answer as readonly Texts[]
  return { ...NOTHING, ...parsed(texts), now: Number(now) }
}

/** Lists of pairs. They go as JSON, for drivers do not agree on arrays of arrays. */
const PAIRS = ['counters', 'bans', 'keys']

function valueOf(name: string, value: unknown): unknown {
  if (PAIRS.includes(name)) return JSON.stringify(value)
  return typeof value === 'string' ? [value] : (value ?? null)
}
