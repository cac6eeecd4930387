import { applyChange, NO_CHANGE, type Balance } from '../../budget/hold.js'
import { insist } from './violation.js'
import type { BudgetId } from '../../budget/budget-id.js'
import type { MoneyEntry } from '../../ledger/entry.js'
import type { MoneySink } from '../../backends/engine/book.js'

/** A ledger that replays its entries as they come, so that the balances can be compared after every event. */
export class ReplayedLedger implements MoneySink {
  /** Whether anything was ever written: a store without a ledger is not judged by it. */
  isWritten = false
  readonly #balances = new Map<BudgetId, Balance>()
  readonly #sequence = new Map<string, number>()

  append(entries: readonly MoneyEntry[]): void {
    this.isWritten = true
    for (const entry of entries) {
      const seq = (this.#sequence.get(entry.partition) ?? 0) + 1
      insist(entry.seq === seq, 'I13', () => `entry ${entry.seq} of ${entry.partition} comes where ${seq} is due`)
      this.#sequence.set(entry.partition, seq)
      let balance = this.#balances.get(entry.budget)
      if (balance === undefined) this.#balances.set(entry.budget, (balance = { ...NO_CHANGE }))
      applyChange(balance, entry)
    }
  }

  /** A budget's balance by its entries alone. */
  balance(budget: BudgetId): Readonly<Balance> {
    return this.#balances.get(budget) ?? NO_CHANGE
  }
}
