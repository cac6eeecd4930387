import { applyChange, NO_CHANGE, type Balance } from '../budget/hold.js'
import { MAX_CREDITS } from '../core/credits.js'
import type { BudgetId } from '../budget/budget-id.js'
import type { MoneyEntry } from '../ledger/entry.js'
import type { MoneyFault, Unbalanced } from './verification.js'

/** The columns of a balance. */
export const COLUMNS = Object.keys(NO_CHANGE) as ReadonlyArray<keyof Balance>

/** What was moved between two budgets in one step, and has not come in yet. */
interface Moved {
  readonly from: BudgetId
  readonly amount: number
}

/** The balances of a partition, added up from its entries one by one, and whether they may be so. */
export class MoneyCheck {
  readonly balances = new Map<BudgetId, Balance>()
  /** Budgets that were initialised: no store ever forgets them. */
  readonly initialised = new Set<BudgetId>()
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
    const balance = this.balances.get(budget) ?? { ...NO_CHANGE }
    const wrong = COLUMNS.find((column) => !Number.isSafeInteger(entry[column]))
    if (wrong !== undefined) return this.#fault('range', { seq, budget, column: wrong, expected: 0, got: entry[wrong] })
    applyChange(balance, entry)
    if (!this.balances.has(budget) && entry.id === `initialize:${budget}`) this.initialised.add(budget)
    this.balances.set(budget, balance)
    const out = COLUMNS.find((column) => balance[column] < 0 || balance[column] > MAX_CREDITS)
    if (out !== undefined) {
      const got = balance[out]
      return this.#fault('range', { seq, budget, column: out, expected: got < 0 ? 0 : MAX_CREDITS, got })
    }
    const expected = exact(balance.available, balance.held, balance.spent, balance.out, balance.burned)
    const got = exact(balance.in, balance.debt)
    if (got !== expected) return this.#fault('equation', { seq, budget, expected: Number(expected), got: Number(got) })
    this.#move(entry, seq)
    return undefined
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
