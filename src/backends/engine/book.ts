import { BudgetError } from '../../core/errors.js'
import type { Credits } from '../../core/credits.js'
import { budgetId, tenantOf, type BudgetId } from '../../budget/budget-id.js'
import { applyChange, fits, incomingChange, spendChange, windowChange, type BalanceChange } from '../../budget/hold.js'
import { BudgetRecord } from './budget-record.js'
import { endOf, subtree } from './delegated.js'
import { handedOn } from './handed-on.js'
import type { Records } from './records.js'
import type {
  BudgetResult,
  CloseResult,
  EnforcerReason,
  GrantRequest,
  MoveResult,
  SpendRequest,
  Verdict,
  WindowSpan,
} from '../../budget/enforcer.js'
import type { MoneyEntry, MoneyOp } from '../../ledger/entry.js'

/** Where money entries go: synchronous, because the entry belongs to the same atomic step. */
export interface MoneySink {
  append(entries: readonly MoneyEntry[]): void
}

/** What an entry says beside its numbers. */
export interface EntryNote {
  readonly op: MoneyOp
  readonly id: string
  readonly at: number
  readonly tool?: string | undefined
}

/** One budget's part of a step. */
export interface BudgetChange {
  readonly budget: BudgetRecord
  readonly change: BalanceChange
  /** If it is another than the step's. */
  readonly op?: MoneyOp
  /** The other budget, in a transfer. */
  readonly counter?: BudgetId
}

/** Budgets, and every change of them. A change and its entry are made together. */
export class Book {
  /** A step is half done while its entries are written: a sink may look, but nothing else may end meanwhile. */
  writing = false
  readonly #budgets: Map<BudgetId, BudgetRecord>
  readonly #records: Records
  readonly #sink: MoneySink | undefined
  readonly #partition: (budget: BudgetId) => string

  constructor(records: Records, sink: MoneySink | undefined, partition: ((budget: BudgetId) => string) | undefined) {
    this.#budgets = records.budgets
    this.#records = records
    this.#sink = sink
    this.#partition = partition ?? tenantOf
  }

  /** A budget by either form of its name. */
  find(id: BudgetId): BudgetRecord | undefined {
    return this.#budgets.get(id) ?? this.#budgets.get(budgetId(id))
  }

  /** As `find`; @throws BudgetError `unknown_budget` */
  get(id: BudgetId): BudgetRecord {
    const budget = this.find(id)
    if (budget !== undefined) return budget
    throw unknownBudget(id)
  }

  partitionOf(budget: BudgetId): string {
    return this.#partition(budgetId(budget))
  }

  /** Whether a budget can pay, and what it says otherwise. */
  judge(budget: BudgetRecord | undefined, cost: Credits): Verdict {
    if (budget?.state !== 'open') return { allowed: false, remaining: 0, reason: closedOr(budget) }
    const remaining = budget.available
    if (cost <= remaining) return { allowed: true, remaining }
    return { allowed: false, remaining, reason: remaining === 0 ? 'exhausted' : 'insufficient' }
  }

  create(name: BudgetId, credits: Credits, at: number): void {
    const id = budgetId(name)
    const known = this.#budgets.get(id)
    if (known === undefined) {
      const budget = new BudgetRecord(id, this.#partition(id), credits, undefined)
      this.change(budget, incomingChange(budget, credits), { op: 'grant', id: `initialize:${id}`, at })
      this.add(budget)
    } else if (known.initial !== credits) {
      throw new BudgetError({
        code: 'budget_exists',
        message: `Expected ${known.initial ?? 'no amount'} for ${id}, which exists, got ${credits}; add with \`grant\``,
      })
    }
  }

  /** Opens a window unless it is open; `false` when the balance would not fit. Windows only go forward. */
  openWindow(budget: BudgetRecord, window: WindowSpan, note: EntryNote): boolean {
    const before = budget.window
    const isNew = before === undefined || window[0] > before[0]
    if (before !== undefined && isNew) {
      const change = windowChange(budget, budget.initial ?? 0)
      if (!fits(budget, change)) return false
      this.change(budget, change, { ...note, op: 'window' })
    }
    if (isNew) budget.window = window
    return true
  }

  spend({ chargeId: id, cost, tool, budget: name }: SpendRequest, at: number): BudgetResult {
    const budget = this.find(name)
    const verdict = this.judge(budget, cost)
    if (!verdict.allowed || budget === undefined) return verdict
    this.change(budget, spendChange(budget, cost), { op: 'spend', id, tool, at })
    return { allowed: true, remaining: budget.available }
  }

  grant(request: GrantRequest, at: number): MoveResult {
    const { id, amount } = request
    const budget = this.find(request.budget)
    if (budget?.state !== 'open') return refusedMove(closedOr(budget), budgetId(request.budget))
    const change = incomingChange(budget, amount)
    if (!fits(budget, change)) return refusedMove('overflow', budget.id, budget.available)
    this.change(budget, change, { op: 'grant', id, at })
    return { kind: 'moved', remaining: budget.available }
  }

  /** Puts a budget that was just created into the book. */
  add(budget: BudgetRecord): void {
    const { id, parent, delegated } = budget
    this.#budgets.set(id, budget)
    if (parent !== undefined) {
      ;(parent.children ??= new Set()).add(budget)
      parent.liveChildren++
    }
    // One that ends with its parent needs no end of its own.
    if (delegated !== undefined && delegated.deadline < endOf(parent)) this.#records.deadlines.add(delegated)
  }

  close(budget: BudgetRecord, { id, at }: Pick<EntryNote, 'id' | 'at'>): CloseResult {
    if (budget.state !== 'open') return { kind: 'refused', reason: 'closed' }
    return { kind: 'closed', returned: this.closeAll([budget], { op: 'close', id, at }) }
  }

  /** Ends budgets and all below them; answers with what that gave back. */
  closeAll(budgets: readonly BudgetRecord[], note: EntryNote): Credits {
    const closing = subtree(budgets)
    let returned = 0
    for (const { available } of closing) returned += available
    this.commit([], note, closing)
    return returned
  }

  /** Makes a change and writes its entry. */
  change(budget: BudgetRecord, change: BalanceChange, note: EntryNote): void {
    this.commit([{ budget, change }], note)
  }

  /**
   * Makes changes within a partition and writes their entries: all, or none when the entries cannot be written. In the
   * same step the `closing` ones hand on what that leaves them, and are closed when they hold nothing.
   */
  commit(changes: readonly BudgetChange[], note: EntryNote, closing?: ReadonlySet<BudgetRecord>): void {
    const all = closing === undefined || closing.size === 0 ? changes : [...changes, ...handedOn(closing, changes)]
    if (this.#sink !== undefined && all.length > 0) this.#write(this.#sink, all, note)
    for (const { budget, change } of all) applyChange(budget, change)
    for (const budget of closing ?? []) this.#shut(budget, note.at)
  }

  #shut(budget: BudgetRecord, at: number): void {
    if (budget.state === 'closed') return
    budget.state = budget.held === 0 ? 'closed' : 'closing'
    const { parent, delegated, state } = budget
    if (delegated !== undefined) this.#records.deadlines.remove(delegated)
    if (state === 'closing') return
    if (parent !== undefined) parent.liveChildren--
    if (delegated !== undefined) this.#forget(budget, at)
  }

  // A delegated budget that is closed is remembered as long as an answer, and no token that names it serves again.
  #forget(budget: BudgetRecord, at: number): void {
    for (const old of this.#records.closed.set(budget.id, budget, at)) {
      this.#budgets.delete(old.id)
      old.parent?.children?.delete(old)
    }
  }

  #write(sink: MoneySink, changes: readonly BudgetChange[], note: EntryNote): void {
    const { id, at, tool } = note
    const partition = changes[0]?.budget.partition ?? ''
    let seq = this.#records.sequence.get(partition) ?? 0
    const entries = changes.map(({ budget, change, op = note.op, counter }): MoneyEntry => {
      const { available, held, spent, debt, in: received, out, burned } = change
      return {
        kind: 'money',
        seq: ++seq,
        at,
        partition,
        op,
        budget: budget.id,
        id,
        tool,
        counter,
        available,
        held,
        spent,
        debt,
        in: received,
        out,
        burned,
      }
    })
    this.writing = true
    try {
      sink.append(entries)
    } finally {
      this.writing = false
    }
    this.#records.sequence.set(partition, seq)
  }
}

/** What is thrown at somebody who asks about a budget that is not there. */
export function unknownBudget(id: BudgetId): BudgetError {
  return new BudgetError({
    code: 'unknown_budget',
    message: `Expected a budget that exists, got ${budgetId(id)}; create it with \`initialize\``,
  })
}

/** Why a budget that is not open takes nothing. */
export function closedOr(budget: BudgetRecord | undefined): EnforcerReason {
  return budget === undefined ? 'unknown_budget' : 'closed'
}

/** A move that was refused. */
export function refusedMove(reason: EnforcerReason, budget: BudgetId, remaining: Credits = 0): MoveResult {
  return { kind: 'refused', reason, budget, remaining }
}
