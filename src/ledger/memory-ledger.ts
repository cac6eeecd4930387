import { budgetId, type BudgetId } from '../budget/budget-id.js'
import { applyChange } from '../budget/hold.js'
import { assertKeys, integer } from '../core/settings.js'
import { addCalls, type Mutable } from './report.js'
import type { CallRecord, FoldedCalls, LedgerRecord, MoneyEntry } from './entry.js'
import type { Ledger, LedgerQuery } from './ledger.js'

/**
 * How many kinds of folded calls are told apart. Beyond it the tool's name is dropped, and beyond twice as many the
 * budgets' too: agents can make up names, and what was refused for want of a budget names one.
 */
const MAX_FOLDED_KINDS = 10_000
const OTHER = '(other)'

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
  /** The sum of each budget's folded entries, up to the last of them. */
  readonly #openings = new Map<BudgetId, Mutable<MoneyEntry>>()
  readonly #folded = new Map<string, Mutable<FoldedCalls>>()
  /** Before `#head` they have been folded away, and their places are empty so that they can be collected. */
  #records: Array<LedgerRecord | undefined> = []
  #head = 0

  /**
   * @param options.maxEntries how many records are kept whole, 100,000 by default. They are folded in batches: up to
   * 1/64 more are kept, and at most 1,024 more.
   * @throws BudgetError `invalid_config`
   */
  constructor(options: { maxEntries?: number } = {}) {
    assertKeys(options, ['maxEntries'], 'options')
    const bounds = { least: 1, most: Number.MAX_SAFE_INTEGER, otherwise: 100_000 }
    this.#maxEntries = integer(options.maxEntries, bounds, 'maxEntries')
  }

  /** How many records are kept whole. */
  get size(): number {
    return this.#records.length - this.#head
  }

  append(records: readonly LedgerRecord[]): void {
    for (const record of records) this.#records.push(record)
    const most = this.#maxEntries
    if (this.size - most > Math.min(most / 64, 1_024)) while (this.size > most) this.#foldNext()
    // Moves the rest down once in a while, so that folding costs the same for every record.
    if (this.#head > most) {
      this.#records = this.#records.slice(this.#head)
      this.#head = 0
    }
  }

  entries<Kind extends LedgerRecord['kind']>(
    query: LedgerQuery & { readonly kind: Kind },
  ): ReadonlyArray<Extract<LedgerRecord, { kind: Kind }>>
  entries(query?: LedgerQuery): readonly LedgerRecord[]
  entries(query: LedgerQuery = {}): readonly LedgerRecord[] {
    const wanted = query.budget === undefined ? query : { ...query, budget: budgetId(query.budget) }
    const sums = [...this.#openings.values(), ...this.#folded.values()].map((sum) => ({ ...sum }))
    const all = [...sums, ...(this.#records.slice(this.#head) as LedgerRecord[])]
    return all.filter((record) => matches(record, wanted))
  }

  #foldNext(): void {
    const record = this.#records[this.#head] as LedgerRecord
    this.#records[this.#head++] = undefined
    if (record.kind === 'money') this.#foldMoney(record)
    else if (record.outcome !== 'begun') addCalls(this.#foldedLike(record), record)
  }

  #foldMoney(entry: MoneyEntry): void {
    const { budget, seq, at } = entry
    const opening = this.#openings.get(budget)
    if (opening === undefined) {
      const about = { op: 'opening', id: `opening:${budget}`, tool: undefined, counter: undefined } as const
      this.#openings.set(budget, { ...entry, ...about })
      return
    }
    applyChange(opening, entry)
    opening.seq = seq
    opening.at = at
  }

  /** What a call is counted under: when kinds grow many without the tool's name, and then without the budgets'. */
  #foldedLike(
    call: CallRecord | FoldedCalls,
    tool = call.tool,
    budgets: readonly BudgetId[] = call.budgets,
  ): Mutable<FoldedCalls> {
    const { outcome, proves } = call
    // The name comes last, because nothing else has spaces.
    const key = `${outcome} ${proves} ${budgets.join()} ${tool}`
    const known = this.#folded.get(key)
    if (known !== undefined) return known
    const { size } = this.#folded
    if (size >= MAX_FOLDED_KINDS && tool !== OTHER) return this.#foldedLike(call, OTHER)
    if (size >= 2 * MAX_FOLDED_KINDS && budgets.length > 0) return this.#foldedLike(call, OTHER, [])
    const made: FoldedCalls = { kind: 'calls', tool, budgets, outcome, proves, calls: 0, charged: 0, reported: 0 }
    this.#folded.set(key, made)
    return made
  }
}

function matches(record: LedgerRecord, { kind, budget, tool, chargeId, since, until }: LedgerQuery): boolean {
  const about: Partial<Pick<CallRecord, 'chargeId' | 'at'>> & Pick<CallRecord, 'budgets'> =
    record.kind === 'money' ? { chargeId: record.id, budgets: [record.budget], at: record.at } : record
  // What was folded away has no time: it is neither before nor after any.
  const { at = Number.NaN } = about
  return (
    (kind === undefined || record.kind === kind) &&
    (tool === undefined || record.tool === tool) &&
    (budget === undefined || about.budgets.includes(budget)) &&
    (chargeId === undefined || about.chargeId === chargeId) &&
    (since === undefined || at >= since) &&
    (until === undefined || at < until)
  )
}
