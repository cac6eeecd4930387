import { tenantOf, type BudgetId } from '../budget/budget-id.js'
import { applyChange } from '../budget/hold.js'
import { assertKeys, integer } from '../core/settings.js'
import { matching } from './matching.js'
import { foldedMeanwhile, readCursor, readPage, readQuery } from './read-query.js'
import { addCalls, type Mutable } from './call-sums.js'
import { report, type ReportSums } from './report.js'
import type { CallRecord, FoldedCalls, LedgerRecord, MoneyEntry } from './entry.js'
import type { LedgerPage, LedgerQuery, PagedLedger, PageRequest } from './ledger.js'

/** Where a record stands: its time, money or call, and a number. What was folded away comes first. */
type Position = readonly [at: number, kind: number, n: number]
/** How many were folded when the first page was read, and where the last record of the page before stands. */
type Cursor = readonly [folded: number, ...Position]

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
export class MemoryLedger implements PagedLedger {
  readonly #maxEntries: number
  readonly #partitionOf: (budget: BudgetId) => string
  /** The sum of each budget's folded entries, up to the last of them. */
  readonly #openings = new Map<BudgetId, Mutable<MoneyEntry>>()
  readonly #folded = new Map<string, Mutable<FoldedCalls>>()
  /** Before `#head` they have been folded away, and their places are empty so that they can be collected. */
  #records: Array<LedgerRecord | undefined> = []
  #head = 0
  /** How many records came before the first of `#records`. */
  #before = 0
  /** The last place of a record that has been folded away. */
  #foldedTo: Position = [-1, 0, 0]

  /**
   * @param options.maxEntries how many records are kept whole, 100,000 by default. They are folded in batches: up to
   * 1/64 more are kept, and at most 1,024 more.
   * @param options.partition what a query for a partition means for records of calls, by default a budget's tenant: the
   * `partition` of the store
   * @throws BudgetError `invalid_config`
   */
  constructor(options: { maxEntries?: number; partition?: (budget: BudgetId) => string } = {}) {
    assertKeys(options, ['maxEntries', 'partition'], 'options')
    this.#partitionOf = options.partition ?? tenantOf
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
      this.#before += this.#head
      this.#head = 0
    }
  }

  entries<Kind extends LedgerRecord['kind']>(
    query: LedgerQuery & { readonly kind: Kind },
  ): ReadonlyArray<Extract<LedgerRecord, { kind: Kind }>>
  entries(query?: LedgerQuery): readonly LedgerRecord[]
  entries(query?: LedgerQuery): readonly LedgerRecord[] {
    const all = this.#placed().map(({ record }) => record)
    return all.filter(matching(all, readQuery(query), this.#partitionOf))
  }

  /** @throws BudgetError `invalid_config`; `ledger_gap` when records that no page has had were folded meanwhile */
  page(request?: LedgerQuery & PageRequest): LedgerPage {
    const { query, cursor, limit } = readPage(request)
    const folded = this.#before + this.#head
    const [then, ...after] = readCursor<Cursor>(cursor, [0, 0, 0, 0]) ?? [folded, -2, 0, 0]
    if (then !== folded && compare(this.#foldedTo, after) > 0) throw foldedMeanwhile()
    const placed = this.#placed()
    const all = placed.map(({ record }) => record)
    const matches = matching(all, query, this.#partitionOf)
    const found = placed
      .filter(({ record, place }) => compare(place, after) > 0 && matches(record))
      .sort((a, b) => compare(a.place, b.place))
    const records = found.slice(0, limit).map(({ record }) => record)
    return {
      records,
      next: found.length > limit ? JSON.stringify([then, ...(found[limit - 1]?.place ?? after)]) : undefined,
    }
  }

  report(query?: LedgerQuery): ReportSums {
    const { byBudget, byTool, byOutcome } = report(this.entries(query))
    return { byBudget, byTool, byOutcome }
  }

  #placed(): Array<{ readonly record: LedgerRecord; readonly place: Position }> {
    // Sums are of no time, and their places must not change while they grow.
    const sums = [[...this.#openings.values()], [...this.#folded.values()]].flatMap((each, kind) =>
      each.map((sum, n) => ({ record: { ...sum }, place: [-1, kind, n] as const })),
    )
    const kept = this.#records.slice(this.#head) as LedgerRecord[]
    const first = this.#before + this.#head
    return [...sums, ...kept.map((record, i) => ({ record, place: placeOf(record, first + i) }))]
  }

  #foldNext(): void {
    const record = this.#records[this.#head] as LedgerRecord
    const place = placeOf(record, this.#before + this.#head)
    if (compare(place, this.#foldedTo) > 0) this.#foldedTo = place
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

function placeOf(record: LedgerRecord, n: number): Position {
  return record.kind === 'calls' ? [-1, 2, n] : [record.at, record.kind === 'money' ? 0 : 1, n]
}

function compare(a: Position, b: Position): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2]
}
