import { BudgetError } from '../../core/errors.js'
import type { Credits } from '../../core/credits.js'
import { budgetId, tenantOf, type BudgetId } from '../../budget/budget-id.js'
import {
  applyChange,
  fits,
  incomingChange,
  NO_CHANGE,
  outgoingChange,
  spendChange,
  windowChange,
  type Balance,
  type BalanceChange,
} from '../../budget/hold.js'
import { BudgetRecord } from './budget-record.js'
import type {
  BudgetResult,
  CloseRequest,
  CloseResult,
  EnforcerReason,
  GrantRequest,
  MoveResult,
  SpendRequest,
  TransferRequest,
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

/** The budgets of the memory store, and every change of them. A change and its entry are made together. */
export class Book {
  /** A step is half done while its entries are written: a sink may look, but nothing else may end meanwhile. */
  writing = false
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
      this.#budgets.set(id, budget)
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
    if (from.window !== undefined && known === undefined) return refused('windowed', fromId, from.available)
    const verdict = this.judge(from, amount)
    if (!verdict.allowed) return refused(verdict.reason, fromId, from.available)
    if (known !== undefined && !fits(known, incomingChange(known, amount))) {
      return refused('overflow', toId, known.available)
    }
    // After this point the transfer must succeed.
    const to = known ?? new BudgetRecord(toId, from.partition, undefined, from)
    this.commit(transferChanges(from, to, amount), { op: 'transfer', id, at })
    this.#budgets.set(toId, to)
    if (known === undefined) (from.children ??= new Set()).add(to)
    return { kind: 'moved', remaining: from.available }
  }

  close(request: CloseRequest, at: number): CloseResult {
    const budget = this.find(request.budget)
    if (budget?.state !== 'open') return { kind: 'refused', reason: closedOr(budget) }
    const subtree = new Set([budget])
    let returned = 0
    for (const each of subtree) {
      returned += each.available
      for (const child of each.children ?? []) subtree.add(child)
    }
    this.commit([], { op: 'close', id: request.id, at }, subtree)
    return { kind: 'closed', returned }
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
    for (const budget of closing ?? []) budget.state = budget.held === 0 ? 'closed' : 'closing'
  }

  #write(sink: MoneySink, changes: readonly BudgetChange[], note: EntryNote): void {
    const { id, at, tool } = note
    const partition = changes[0]?.budget.partition ?? ''
    let seq = this.#sequence.get(partition) ?? 0
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
    this.#sequence.set(partition, seq)
  }
}

/** What budgets that close hand to the nearest open ancestor, or burn, when `changes` have been made. */
function handedOn(closing: ReadonlySet<BudgetRecord>, changes: readonly BudgetChange[]): BudgetChange[] {
  const balances = new Map<BudgetRecord, Balance>()
  const made: BudgetChange[] = []
  const after = (budget: BudgetRecord): Balance => {
    const balance = balances.get(budget) ?? { ...budget }
    balances.set(budget, balance)
    return balance
  }
  for (const { budget, change } of changes) applyChange(after(budget), change)
  for (const budget of closing) {
    const amount = after(budget).available
    if (amount === 0) continue
    let heir = budget.parent
    while (heir !== undefined && (heir.state !== 'open' || closing.has(heir))) heir = heir.parent
    // An heir that is full to 2^53−1 cannot take it, and neither a close nor an expiry can be refused for that.
    if (heir !== undefined && fits(after(heir), incomingChange(after(heir), amount))) {
      const [out, incoming] = transferChanges(budget, heir, amount, after(heir))
      applyChange(after(heir), incoming.change)
      made.push({ ...out, op: 'close' }, { ...incoming, op: 'close' })
    } else {
      made.push({ budget, change: { ...NO_CHANGE, available: -amount, burned: amount }, op: 'close' })
    }
  }
  return made
}

function transferChanges(from: BudgetRecord, to: BudgetRecord, amount: Credits, balance: Balance = to) {
  return [
    { budget: from, change: outgoingChange(amount), counter: to.id },
    { budget: to, change: incomingChange(balance, amount), counter: from.id },
  ] as const
}

function closedOr(budget: BudgetRecord | undefined): EnforcerReason {
  return budget === undefined ? 'unknown_budget' : 'closed'
}

function refused(reason: EnforcerReason, budget: BudgetId, remaining: Credits = 0): MoveResult {
  return { kind: 'refused', reason, budget, remaining }
}
