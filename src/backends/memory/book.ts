import { BudgetError } from '../../core/errors.js'
import type { Credits } from '../../core/credits.js'
import { budgetId, tenantOf, type BudgetId } from '../../budget/budget-id.js'
import {
  applyChange,
  fits,
  incomingChange,
  NO_CHANGE,
  outgoingChange,
  windowChange,
  type BalanceChange,
} from '../../budget/hold.js'
import { BudgetRecord } from './budget-record.js'
import type {
  CloseRequest,
  CloseResult,
  EnforcerReason,
  GrantRequest,
  MoveResult,
  TransferRequest,
  Verdict,
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
  /** The other budget of each, in a transfer. */
  readonly counter?: ReadonlyMap<BudgetId, BudgetId>
}

/** One budget's part of a step. */
export interface BudgetChange {
  readonly budget: BudgetRecord
  readonly change: BalanceChange
}

/** The budgets of the memory store, and every change of them. A change and its entry are made together. */
export class Book {
  readonly #budgets = new Map<BudgetId, BudgetRecord>()
  readonly #sequence = new Map<string, number>()
  readonly #sink: MoneySink | undefined
  readonly #partition: (budget: BudgetId) => string

  constructor(sink: MoneySink | undefined, partition: ((budget: BudgetId) => string) | undefined) {
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
    throw new BudgetError({
      code: 'unknown_budget',
      message: `Expected a budget that exists, got ${budgetId(id)}; create it with \`initialize\``,
    })
  }

  partitionOf(id: BudgetId): string {
    return this.#partition(id)
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
      this.#budgets.set(id, budget)
    } else if (known.initial !== credits) {
      throw new BudgetError({
        code: 'budget_exists',
        message: `Expected ${known.initial ?? 'no amount'} for ${id}, which exists, got ${credits}; add with \`grant\``,
      })
    }
  }

  /** Opens a window unless it is open; `false` when the balance would not fit. Windows only go forward. */
  openWindow(budget: BudgetRecord, start: number, note: EntryNote): boolean {
    const before = budget.windowStart
    if (before !== undefined && start > before) {
      const change = windowChange(budget, budget.initial ?? 0)
      if (!fits(budget, change)) return false
      this.change(budget, change, { ...note, op: 'window' })
    }
    if (before === undefined || start > before) budget.windowStart = start
    return true
  }

  grant(request: GrantRequest, at: number): MoveResult {
    const { id, amount } = request
    const budget = this.find(request.budget)
    if (budget?.state !== 'open') return refused(closedOr(budget), budgetId(request.budget))
    const change = incomingChange(budget, amount)
    if (!fits(budget, change)) return refused('overflow', budget.id, budget.available)
    this.change(budget, change, { op: 'grant', id, at })
    return { kind: 'moved', remaining: budget.available }
  }

  transfer(request: TransferRequest, at: number): MoveResult {
    const { id, amount, create = false } = request
    const [fromId, toId] = [budgetId(request.from), budgetId(request.to)]
    if (this.#partition(fromId) !== this.#partition(toId)) return refused('cross_partition', toId)
    const from = this.find(fromId)
    const known = this.find(toId)
    if (from?.state !== 'open') return refused(closedOr(from), fromId)
    if (known?.state !== 'open' && !(create && known === undefined)) return refused(closedOr(known), toId)
    if (create && known !== undefined && known.parent !== from) return refused('unknown_budget', toId)
    if (from.windowStart !== undefined && known === undefined) return refused('windowed', fromId, from.available)
    const verdict = this.judge(from, amount)
    if (!verdict.allowed) return refused(verdict.reason, fromId, from.available)
    if (known !== undefined && !fits(known, incomingChange(known, amount))) {
      return refused('overflow', toId, known.available)
    }
    // After this point the transfer must succeed.
    const to = known ?? new BudgetRecord(toId, from.partition, undefined, from)
    this.#transfer(from, to, amount, { op: 'transfer', id, at })
    this.#budgets.set(toId, to)
    if (known === undefined) from.children.add(to)
    return { kind: 'moved', remaining: from.available }
  }

  close(request: CloseRequest, at: number): CloseResult {
    const budget = this.find(request.budget)
    if (budget?.state !== 'open') return { kind: 'refused', reason: closedOr(budget) }
    const subtree = [budget]
    for (const each of subtree) subtree.push(...each.children)
    for (const each of subtree) if (each.state === 'open') each.state = 'closing'
    const returned = subtree.reduce((sum, each) => sum + each.available, 0)
    for (const each of subtree) this.drain(each, { op: 'close', id: request.id, at })
    return { kind: 'closed', returned }
  }

  /** Hands what a closing budget has to the nearest open ancestor, or burns it; closes it when nothing is held. */
  drain(budget: BudgetRecord, note: EntryNote): void {
    if (budget.state === 'open') return
    const amount = budget.available
    let heir = budget.parent
    while (heir !== undefined && heir.state !== 'open') heir = heir.parent
    if (amount > 0) {
      // An heir that is full to 2^53−1 cannot take it, and neither a close nor an expiry can be refused for that.
      if (heir !== undefined && fits(heir, incomingChange(heir, amount))) {
        this.#transfer(budget, heir, amount, { ...note, op: 'close' })
      } else {
        this.change(budget, { ...NO_CHANGE, available: -amount, burned: amount }, { ...note, op: 'close' })
      }
    }
    if (budget.held === 0) budget.state = 'closed'
  }

  /** Makes a change and writes its entry. */
  change(budget: BudgetRecord, change: BalanceChange, note: EntryNote): void {
    this.commit([{ budget, change }], note)
  }

  /** Makes changes within a partition and writes their entries: all, or none when the entries cannot be written. */
  commit(changes: readonly BudgetChange[], note: EntryNote): void {
    if (this.#sink !== undefined) this.#write(this.#sink, changes, note)
    for (const { budget, change } of changes) applyChange(budget, change)
  }

  #write(sink: MoneySink, changes: readonly BudgetChange[], { op, id, at, tool, counter }: EntryNote): void {
    const partition = changes[0]?.budget.partition ?? ''
    let seq = this.#sequence.get(partition) ?? 0
    const entries = changes.map(({ budget, change }): MoneyEntry => {
      const { available, held, spent, debt, in: received, out, burned } = change
      const other = counter?.get(budget.id)
      return {
        kind: 'money',
        seq: ++seq,
        at,
        partition,
        op,
        budget: budget.id,
        id,
        tool,
        counter: other,
        available,
        held,
        spent,
        debt,
        in: received,
        out,
        burned,
      }
    })
    sink.append(entries)
    this.#sequence.set(partition, seq)
  }

  #transfer(from: BudgetRecord, to: BudgetRecord, amount: Credits, note: EntryNote): void {
    const counter = new Map([
      [from.id, to.id],
      [to.id, from.id],
    ])
    const changes = [
      { budget: from, change: outgoingChange(amount) },
      { budget: to, change: incomingChange(to, amount) },
    ]
    this.commit(changes, { ...note, counter })
  }
}

function closedOr(budget: BudgetRecord | undefined): EnforcerReason {
  return budget === undefined ? 'unknown_budget' : 'closed'
}

function refused(reason: EnforcerReason, budget: BudgetId, remaining: Credits = 0): MoveResult {
  return { kind: 'refused', reason, budget, remaining }
}
