import { applyChange } from '../budget/hold.js'
import { COLUMNS, openAccount, type Account } from './account.js'
import { HoldCheck } from './hold-check.js'
import { isBirth, isClose, type MoneyEntry } from '../ledger/entry.js'
import { MAX_CREDITS } from '../core/credits.js'
import type { BudgetId } from '../budget/budget-id.js'
import type { MoneyFault, Unbalanced } from './verification.js'

/** What was moved between two budgets in one step, and has not come in yet. */
interface Moved {
  readonly from: BudgetId
  readonly amount: number
}

/** The budgets of a partition, added up from its entries one by one, and whether they may be so. */
export class MoneyCheck {
  readonly accounts = new Map<BudgetId, Account>()
  readonly holds = new HoldCheck()
  readonly #partition: string
  #step: { readonly id: string; readonly moved: Map<string, Moved>; seq: number } | undefined

  constructor(partition: string) {
    this.#partition = partition
  }

  /** Takes the next entry: what is wrong with it, or with the step before it. */
  add(entry: MoneyEntry, seq: number): Unbalanced | undefined {
    const ended = this.#step?.id === entry.id ? undefined : this.endStep()
    if (ended !== undefined) return ended
    const { budget } = entry
    const balance = this.#accountOf(entry)
    const wrong = COLUMNS.find((column) => !Number.isSafeInteger(entry[column]))
    if (wrong !== undefined) return this.#fault('range', { seq, budget, column: wrong, expected: 0, got: entry[wrong] })
    applyChange(balance, entry)
    balance.isFolded ||= entry.op === 'opening'
    balance.isClosed ||= isClose(entry)
    this.accounts.set(budget, balance)
    const out = COLUMNS.find((column) => balance[column] < 0 || balance[column] > MAX_CREDITS)
    if (out !== undefined) {
      const got = balance[out]
      return this.#fault('range', { seq, budget, column: out, expected: got < 0 ? 0 : MAX_CREDITS, got })
    }
    const expected = exact(balance.available, balance.held, balance.spent, balance.out, balance.burned)
    const got = exact(balance.in, balance.debt)
    if (got !== expected) return this.#fault('equation', { seq, budget, expected: Number(expected), got: Number(got) })
    this.#move(entry, seq)
    const different = this.holds.add(entry, balance)
    if (different !== undefined) return this.#fault('hold', { seq, budget, hold: entry.id, ...different })
    const { available, allotment = 0, isFolded } = balance
    if (entry.op === 'window' && available !== allotment && !isFolded)
      return this.#fault('window', { seq, budget, column: 'available', expected: allotment, got: available })
    return undefined
  }

  // One that was closed, forgotten and made anew begins with nothing.
  #accountOf(entry: MoneyEntry): Account {
    const known = this.accounts.get(entry.budget)
    return known === undefined || (known.isClosed && isBirth(entry)) ? openAccount(entry) : known
  }

  /** Ends a step: what went out in it must have come in. Call it after the last entry too. */
  endStep(): Unbalanced | undefined {
    const step = this.#step
    this.#step = undefined
    for (const { from, amount } of step?.moved.values() ?? []) {
      if (amount === 0) continue
      return this.#fault('transfer', { seq: step?.seq ?? 0, budget: from, expected: 0, got: amount })
    }
    return undefined
  }

  // The two sides of a transfer are in one step, and so beside one another.
  #move({ id, budget, counter, in: received, out }: MoneyEntry, seq: number): void {
    this.#step ??= { id, moved: new Map(), seq }
    this.#step.seq = seq
    if (counter === undefined) return
    const from = out > 0 ? budget : counter
    const key = out > 0 ? `${budget} ${counter}` : `${counter} ${budget}`
    const amount = (this.#step.moved.get(key)?.amount ?? 0) + out - received
    this.#step.moved.set(key, { from, amount })
  }

  #fault(why: MoneyFault, more: Omit<Unbalanced, 'kind' | 'why' | 'partition' | 'record'>): Unbalanced {
    return { kind: 'equation', partition: this.#partition, record: 'money', why, ...more }
  }
}

/** A sum that is not rounded. */
function exact(...numbers: readonly number[]): bigint {
  return numbers.reduce((sum, each) => sum + BigInt(each), 0n)
}
