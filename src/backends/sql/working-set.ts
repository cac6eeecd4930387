import { budgetOf, budgetRow, prefixRows } from './budget-rows.js'
import { DueItems } from './due-items.js'
import { callBudgetRows, callRow, homeOf } from './call-rows.js'
import { keptText } from './kept-text.js'
import { LoadedAnswers } from './loaded-answers.js'
import { LoadedBans } from './loaded-bans.js'
import { LoadedCounts } from './loaded-counts.js'
import { LoadedHolds } from './loaded-holds.js'
import type { BudgetId } from '../../budget/budget-id.js'
import type { BudgetRecord } from '../engine/budget-record.js'
import type { BudgetResult, CloseResult, MoveResult } from '../../budget/enforcer.js'
import type { BudgetRow, CallBudgetRow, CallRow, HoldRow, NewEntryRow, PartitionRow } from './rows.js'
import type { Changes, FoundRows } from './transaction.js'
import type { LedgerRecord, MoneyEntry } from '../../ledger/entry.js'
import type { MoneySink } from '../engine/book.js'
import type { Records } from '../engine/records.js'
import type { RevokeResult } from '../../budget/moves.js'

/**
 * What the requests of one step touch, as the engine's records: made of rows, and after the step compared with them.
 * What has changed is written, whoever changed it.
 */
export class WorkingSet implements Records, MoneySink {
  readonly budgets = new Map<BudgetId, BudgetRecord>()
  /** What is closed is forgotten in the database. */
  readonly closed = { set: () => [] }
  readonly sequence = new Map<string, number>()
  readonly deadlines = new DueItems()
  readonly holds: LoadedHolds
  readonly spends = new LoadedAnswers<BudgetResult>('spend')
  readonly moves = new LoadedAnswers<MoveResult>('move')
  readonly closes = new LoadedAnswers<CloseResult>('close')
  readonly revokes = new LoadedAnswers<RevokeResult>('revoke')
  readonly #counts = new LoadedCounts()
  readonly #bans = new LoadedBans()
  readonly counters = this.#counts.byRoot
  readonly revocations = this.#bans.byPartition
  readonly #partitions = new Map<string, PartitionRow>()
  readonly #rows = new Map<BudgetId, BudgetRow>()
  readonly #entries: NewEntryRow[] = []
  readonly #calls: CallRow[] = []
  readonly #callBudgets: CallBudgetRow[] = []
  readonly #callCounts = new Map<string, number>()
  readonly #partitionOf: (budget: BudgetId) => string
  readonly #now: number
  readonly #hasForgotten: boolean

  /** @param hasForgotten whether the partitions' marks have changed */
  constructor(
    partitions: readonly PartitionRow[],
    { now, hasForgotten }: { readonly now: number; readonly hasForgotten: boolean },
    partitionOf: (budget: BudgetId) => string,
  ) {
    this.#now = now
    this.#hasForgotten = hasForgotten
    this.#partitionOf = partitionOf
    for (const row of partitions) {
      this.#partitions.set(row.id, row)
      this.sequence.set(row.id, row.seq)
      this.#callCounts.set(row.id, row.calls)
    }
    this.holds = new LoadedHolds((partition) => this.#partitions.get(partition)?.forgotten ?? 0, partitionOf)
  }

  load(found: FoundRows, holds: readonly HoldRow[], roots: Iterable<string>): void {
    // Parents come first.
    for (const row of [...found.budgets, ...found.families].sort((a, b) => a.born - b.born)) {
      if (this.#rows.has(row.id)) continue
      this.#rows.set(row.id, row)
      this.budgets.set(row.id, budgetOf(row, this.budgets))
    }
    for (const row of holds) this.holds.load(row, this.budgets)
    this.holds.nowhere = found.nowhere[0]?.forgotten ?? 0
    const answers = { spend: this.spends, move: this.moves, close: this.closes, revoke: this.revokes }
    for (const row of found.answers) answers[row.verb as keyof typeof answers].load(row)
    this.#counts.load(roots, found.counts, found.counters)
    const sizes = new Map(found.banCounts.map(({ partition, size }) => [partition, size]))
    this.#bans.load(this.#partitions.keys(), found.bans, sizes)
  }

  /** Puts on the wheel what is due: these holds, and these budgets. */
  due(holds: readonly HoldRow[], budgets: ReadonlyArray<{ readonly id: BudgetId }>): void {
    for (const { id } of budgets) {
      const delegated = this.budgets.get(id)?.delegated
      if (delegated !== undefined) this.deadlines.put(delegated)
    }
    for (const { id } of holds) {
      const hold = this.holds.find(id)
      if (hold !== undefined) this.deadlines.put(hold)
    }
  }

  append(entries: readonly MoneyEntry[]): void {
    // Each field by its name: a spread takes longer than all the rest of a step.
    for (const entry of entries) {
      this.#entries.push({
        partition: entry.partition,
        seq: entry.seq,
        at: entry.at,
        op: entry.op,
        budget: entry.budget,
        id: entry.id,
        tool: entry.tool === undefined ? undefined : keptText(entry.tool),
        counter: entry.counter,
        available: entry.available || undefined,
        held: entry.held || undefined,
        spent: entry.spent || undefined,
        debt: entry.debt || undefined,
        in: entry.in || undefined,
        out: entry.out || undefined,
        burned: entry.burned || undefined,
      })
    }
  }

  /**
   * Adds call records, and answers with the first. Money entries are written with the money, and by nobody else.
   */
  record(records: readonly LedgerRecord[]): CallRow | undefined {
    const { length } = this.#calls
    for (const record of records) {
      if (record.kind === 'money') continue
      const partition = homeOf(record.budgets, this.#partitionOf)
      const seq = (this.#callCounts.get(partition) ?? 0) + 1
      const row = callRow(record, partition, seq)
      this.#callCounts.set(partition, seq)
      this.#calls.push(row)
      this.#callBudgets.push(...callBudgetRows(row, record.budgets))
    }
    return this.#calls[length]
  }

  /** What is to be written; `undefined` where nothing has changed. */
  changes(): Changes | undefined {
    const born = new Map<string, number>()
    const budgets: BudgetRow[] = []
    const prefixes: Array<Changes['prefixes'][number]> = []
    for (const [id, budget] of this.budgets) {
      const old = this.#rows.get(id)
      const count = born.get(budget.partition) ?? this.#partitions.get(budget.partition)?.born ?? 0
      const row = budgetRow(budget, { born: old?.born ?? count + 1, closedAt: old?.closed_at ?? this.#now })
      if (old === undefined) {
        born.set(budget.partition, count + 1)
        prefixes.push(...prefixRows(budget))
      }
      if (!isSame(old, row)) budgets.push(row)
    }
    const answers = [this.spends, this.moves, this.closes, this.revokes].flatMap(({ made }) => made)
    const changed = {
      budgets,
      prefixes,
      ...this.holds.changes(),
      answers,
      ...this.#counts.changes(),
      bans: this.#bans.changes(),
      entries: this.#entries,
      calls: this.#calls,
      call_budgets: this.#callBudgets,
    }
    if (!this.#hasForgotten && Object.values(changed).every((rows) => rows.length === 0)) return undefined
    const partitions = Array.from(this.#partitions.values(), (row) => ({
      ...row,
      seq: this.sequence.get(row.id) ?? row.seq,
      born: born.get(row.id) ?? row.born,
      calls: this.#callCounts.get(row.id) ?? row.calls,
      now: this.#now,
    }))
    return { partitions, ...changed }
  }
}

function isSame(old: BudgetRow | undefined, row: BudgetRow): boolean {
  if (old === undefined) return false
  for (const key in row) if (old[key as keyof BudgetRow] !== row[key as keyof BudgetRow]) return false
  return true
}
