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
import { isAsked } from '../sql/queries.js'
import type { HoldRow, PartitionRow } from '../sql/rows.js'
import type { LedgerSelectOf } from '../sql/ledger-queries.js'
import { SEAL_COLUMNS } from '../sql/sql-seals.js'
import type { Seal } from '../../ledger/seal.js'
import type { TaskChanges, TasksFound } from '../sql/task-set.js'
import type { Reader, Statements } from './statements.js'

/** A transaction of SQLite, which holds the only lock of its file. */
export class SqliteTransaction implements Transaction {
  readonly #statements: Statements

  constructor(statements: Statements) {
    this.#statements = statements
  }

  lock({ partitions, holds }: LockWanted): Locked {
    const known = this.#statements.partitionsOf.all(JSON.stringify(holds)) as Array<Pick<HoldRow, 'id' | 'partition'>>
    const ids = [...new Set([...partitions, ...known.map(({ partition }) => partition)])]
    const rows = read<PartitionRow>(this.#statements.partitions, { partitions: ids })
    const missing = ids.filter((id) => !rows.some((row) => row.id === id))
    const made = missing.map((id) => ({ id, seq: 0, born: 0, now: 0, forgotten: 0, calls: 0 }))
    return { partitions: [...rows, ...made], known: known.map(({ id }) => id), now: undefined }
  }

  forget(wanted: { readonly partitions: readonly string[]; readonly before: number }) {
    const { forgetHolds, forgetRest } = this.#statements
    const gone = forgetHolds.statement.all(...valuesOf(forgetHolds, wanted)) as Array<Pick<HoldRow, 'id' | 'partition'>>
    for (const each of forgetRest) each.statement.run(...valuesOf(each, wanted))
    return gone
  }

  forgetBans({ partitions, before }: { readonly partitions: readonly string[]; readonly before: number }): void {
    this.#statements.forgetBans.run(JSON.stringify(partitions), before)
  }

  open(locks: LockWanted, wanted: Wanted): { readonly locked: Locked; readonly found: Found } {
    const locked = this.lock(locks)
    const now = Math.max(wanted.now, ...locked.partitions.map((row) => row.now))
    return { locked, found: this.read({ ...wanted, now }) }
  }

  read(wanted: Wanted): Found {
    return { ...(readAll(this.#statements.read, wanted) as unknown as FoundRows), now: wanted.now }
  }

  tasks(wanted: TasksWanted): TasksFound {
    return readAll(this.#statements.tasks, wanted) as unknown as TasksFound
  }

  writeTasks(changes: TaskChanges, partitions: readonly PartitionRow[]): void {
    for (const [name, statement] of this.#statements.write)
      if (name === 'partitions') statement.run(JSON.stringify(partitions))
    for (const [name, statement] of this.#statements.writeTasks)
      if (changes[name].length > 0) statement.run(JSON.stringify(changes[name]))
  }

  select<Row>(of: LedgerSelectOf): readonly Row[] {
    const { statement, values } = this.#statements.ledger(of)
    return rowsOf<Row>(statement.all(...values))
  }

  addSeal(seal: Seal): boolean {
    return this.#statements.addSeal.all(...SEAL_COLUMNS.map((name) => seal[name])).length > 0
  }

  write(changes: Changes): void {
    if (changes.uncounted.length > 0) this.#statements.uncount.run(JSON.stringify(changes.uncounted))
    for (const [name, statement] of this.#statements.write) {
      if (changes[name].length > 0) statement.run(JSON.stringify(changes[name]))
    }
  }
}

function readAll(readers: Readonly<Record<string, Reader>>, wanted: object): Record<string, unknown[]> {
  return Object.fromEntries(Object.entries(readers).map(([name, reader]) => [name, read(reader, wanted)]))
}

// One text, whatever the driver makes of integers.
function read<Row>(reader: Reader, wanted: object): Row[] {
  if (!isAsked(reader, wanted)) return []
  return rowsOf<Row>(reader.statement.all(...valuesOf(reader, wanted)))
}

function rowsOf<Row>([row]: readonly unknown[]): Row[] {
  return JSON.parse((row as { readonly found: string } | undefined)?.found ?? '[]') as Row[]
}

function valuesOf({ parameters }: Reader, wanted: object): Array<string | number> {
  return parameters.map((name) => {
    const value = (wanted as Readonly<Record<string, unknown>>)[name]
    return typeof value === 'number' ? value : JSON.stringify(value)
  })
}
