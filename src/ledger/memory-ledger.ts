import { budgetId, type BudgetId } from '../budget/budget-id.js'
import { applyChange, NO_CHANGE } from '../budget/hold.js'
import { assertKeys, integer } from '../core/settings.js'
import { addCalls } from './report.js'
import type { CallRecord, FoldedCalls, LedgerRecord, MoneyEntry } from './entry.js'
import type { Ledger, LedgerQuery } from './ledger.js'

/**
 * How many kinds of folded calls are told apart. Beyond it the tool's name is dropped, and beyond twice as many the
 * budgets' too: agents can make up names, and what was refused for want of a budget names one.
 */
const MAX_FOLDED_KINDS = 10_000
const OTHER = '(other)'

type Sum<Record> = { -readonly [Key in keyof Record]: Record[Key] }

/**
 * A ledger in this process's memory, bounded: beyond `maxEntries` the oldest entries are folded into one opening
 * entry per budget, and call records into counts, so that sums stay true for ever.
 *
 * @example
 * ```ts
 * const ledger = new MemoryLedger()
 * const enforcer = new InMemoryBudgetEnforcer({ ledger })
 * await client.connect(wrapTransport(transport, withLedger({ ledger }), withCostProfile({ defaultCost: 5 }), withBudget({ enforcer, budget })))
 * console.table(report(ledger.entries()).byTool)
 * ```
 */
export class MemoryLedger implements Ledger {
  readonly #maxEntries: number
  readonly #openings = new Map<BudgetId, Sum<MoneyEntry>>()
  readonly #folded = new Map<string, Sum<FoldedCalls>>()
  /** From `#head` on they are kept whole; before it they are folded away. */
  #records: Array<LedgerRecord | undefined> = []
  #head = 0

  /**
   * @param options.maxEntries how many records are kept whole, 100,000 by default. They are folded in batches, so
   * up to 1/64 more may wait to be folded, and never more than 1,024; below 64 the bound is exact.
   * @throws BudgetError `invalid_config`
   */
  constructor(options: { maxEntries?: number } = {}) {
    assertKeys(options, ['maxEntries'], "MemoryLedger's settings")
    const bounds = { least: 1, most: Number.MAX_SAFE_INTEGER, otherwise: 100_000 }
    this.#maxEntries = integer(options.maxEntries, bounds, 'maxEntries')
  }

  /** How many records are kept whole. */
  get size(): number {
    return this.#records.length - this.#head
  }

  append(records: readonly LedgerRecord[]): void {
    this.#records.push(...records)
    if (this.size - this.#maxEntries > Math.min(MAX_WAITING, Math.floor(this.#maxEntries / 64))) {
      while (this.size > this.#maxEntries) this.#foldNext()
    }
    // Moves the rest down once in a while, so that folding costs the same for every record.
    if (this.#head > this.#maxEntries) {
      this.#records = this.#records.slice(this.#head)
      this.#head = 0
    }
  }
