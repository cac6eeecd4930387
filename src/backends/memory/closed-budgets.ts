import type { BudgetRecord } from '../engine/budget-record.js'
import type { ClosedTable } from '../engine/records.js'

/** A generation ends with so many budgets, or after so long. */
const GENERATION = { ms: 600_000, budgets: 100_000 } as const

/**
 * Delegated budgets that are closed: remembered for ten minutes at least, as answers are, and no more than 200,000 of
 * them. A budget that is forgotten denies like one that never was.
 */
export class ClosedBudgets implements ClosedTable {
  #young = new Set<BudgetRecord>()
  #old = new Set<BudgetRecord>()
  #began = -Infinity

  /** Remembers one; answers with those that are forgotten for it. */
  add(budget: BudgetRecord, now: number): Iterable<BudgetRecord> {
    const isFull = this.#young.size >= GENERATION.budgets || now - this.#began >= GENERATION.ms
    const forgotten = isFull ? this.#old : []
    if (isFull) {
      this.#old = this.#young
      this.#young = new Set()
      this.#began = now
    }
    this.#young.add(budget)
    return forgotten
  }
}
