import { lockOrder } from '../sql/lock-order.js'
import type {
  Changes,
  First,
  FirstWanted,
  Locked,
  Rest,
  RestWanted,
  TasksWanted,
  Transaction,
} from '../sql/transaction.js'
import type { HoldRow, PartitionRow } from '../sql/rows.js'
import type { LedgerReader } from '../sql/sql-ledger.js'
import type { LedgerSelectOf } from '../sql/ledger-queries.js'
import type { PostgresClient } from './postgres-pool.js'
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
export class PostgresTransaction implements Transaction, LedgerReader {
  readonly #client: PostgresClient
  readonly #options: PostgresTransactionOptions

  constructor(client: PostgresClient, options: PostgresTransactionOptions) {
    this.#client = client
    this.#options = options
  }

  async lock(wanted: { readonly partitions: readonly string[]; readonly holds: readonly string[] }): Promise<Locked> {
    const { statements, serverTime } = this.#options
    const [row] = await this.#run<Record<'partitions' | 'known' | 'homes' | 'now', string>>(statements.lock, wanted)
    const { partitions = '[]', known = '[]', homes = '[]', now = '' } = row ?? {}
    const rows = JSON.parse(partitions) as PartitionRow[]
    const ids = [...new Set([...wanted.partitions, ...(JSON.parse(homes) as string[])])]
    const missing = ids.filter((id) => !rows.some((each) => each.id === id))
    if (missing.length > 0) {
      await this.#run(statements.partitions, { partitions: lockOrder(missing) })
      return this.lock({ ...wanted, partitions: ids })
    }
    return { partitions: rows, known: JSON.parse(known) as string[], now: serverTime ? Number(now) : undefined }
  }

  async forget(wanted: { readonly partitions: readonly string[]; readonly before: number }) {
    const { forgetHolds, forgetRest } = this.#options.statements
    const gone = await this.#run<Pick<HoldRow, 'id' | 'partition'>>(forgetHolds, wanted)
    for (const statement of forgetRest) await this.#run(statement, wanted)
    return gone
  }

  async forgetBans(wanted: { readonly partitions: readonly string[]; readonly before: number }): Promise<void> {
    await this.#run(this.#options.statements.forgetBans, wanted)
  }

  first(wanted: FirstWanted): Promise<First> {
    return this.#read(this.#options.statements.first, wanted) as Promise<unknown> as Promise<First>
  }

  rest(wanted: RestWanted): Promise<Rest> {
    return this.#read(this.#options.statements.rest, wanted) as Promise<unknown> as Promise<Rest>
  }

  async write(changes: Changes): Promise<void> {
    const { write } = this.#options.statements
    await this.#send({
      ...write,
      values: write.parameters.map((name) => JSON.stringify(changes[name as keyof Changes])),
    })
  }

  tasks(wanted: TasksWanted): Promise<TasksFound> {
    return this.#read(this.#options.statements.tasks, wanted) as Promise<unknown> as Promise<TasksFound>
  }

  async writeTasks(changes: TaskChanges, partitions: readonly PartitionRow[]): Promise<void> {
    const { writeTasks } = this.#options.statements
    const rows: Readonly<Record<string, unknown>> = { ...changes, partitions }
    await this.#send({ ...writeTasks, values: writeTasks.parameters.map((name) => JSON.stringify(rows[name])) })
  }

  async addSeal(seal: Seal): Promise<boolean> {
    const { addSeal } = this.#options.statements
    return (await this.#send({ ...addSeal, values: SEAL_COLUMNS.map((name) => seal[name]) })).length > 0
  }

  async select<Row>(of: LedgerSelectOf): Promise<readonly Row[]> {
    const { text, values } = this.#options.statements.ledger(of)
    const [row] = (await this.#send({ name: '', text, values })) as ReadonlyArray<{ readonly rows: string }>
    return JSON.parse(row?.rows ?? '[]') as Row[]
  }

  async #read(statement: Prepared, wanted: object): Promise<Record<string, unknown[]>> {
    const [row = {}] = await this.#run<Record<string, string>>(statement, wanted)
    return Object.fromEntries(Object.entries(row).map(([name, text]) => [name, JSON.parse(text) as unknown[]]))
  }

  #run<Row>(statement: Prepared, wanted: object): Promise<readonly Row[]> {
    const values = statement.parameters.map((name) =>
      valueOf(name, (wanted as Readonly<Record<string, unknown>>)[name]),
    )
    return this.#send({ ...statement, values }) as Promise<readonly Row[]>
  }

  async #send({ name, text, values }: { name: string; text: string; values: unknown[] }): Promise<readonly unknown[]> {
    const isNamed = this.#options.named && name !== ''
    const { rows } = await this.#client.query({ ...(isNamed && { name }), text, values })
    return rows
  }
}

/** Lists of pairs. They go as JSON, for drivers do not agree on arrays of arrays. */
const PAIRS = ['answers', 'counters', 'keys']

function valueOf(name: string, value: unknown): unknown {
  if (PAIRS.includes(name)) return JSON.stringify(value)
  return typeof value === 'string' ? [value] : value
}
