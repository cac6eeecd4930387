import { budgetId, type BudgetId } from '../budget/budget-id.js'
import { applyChange, NO_CHANGE } from '../budget/hold.js'
import { integer } from '../core/settings.js'
import type { CallRecord, FoldedCalls, LedgerRecord, MoneyEntry } from './entry.js'
import type { Ledger, LedgerQuery } from './ledger.js'

/**
 * How many kinds of folded calls are told apart. Beyond it the tool's name is dropped, and beyond twice as many the
 * budgets' too: agents can make up names, and what was refused for want of a budget names one.
 */
const MAX_FOLDED_KINDS = 10_000
const OTHER = '(other)'

/** The sum of a budget's folded entries, up to the last of them. */
type Opening = { -readonly [Key in keyof MoneyEntry]: MoneyEntry[Key] }

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
  readonly #openings = new Map<BudgetId, Opening>()
  readonly #folded = new Map<string, { -readonly [Key in keyof FoldedCalls]: FoldedCalls[Key] }>()
  #records: LedgerRecord[] = []
  #head = 0

  /** @param options.maxEntries how many records are kept whole, 100,000 by default */
  constructor(options: { maxEntries?: number } = {}) {
    const bounds = { least: 1, most: Number.MAX_SAFE_INTEGER, otherwise: 100_000 }
    this.#maxEntries = integer(options.maxEntries, bounds, 'maxEntries')
  }

  /** How many records are kept whole. */
  get size(): number {
    return this.#records.length - this.#head
  }

  append(records: readonly LedgerRecord[]): void {
    for (const record of records) this.#records.push(record)
    while (this.size > this.#maxEntries) this.#fold(this.#records[this.#head++] as LedgerRecord)
    // Moves the rest down once in a while, so that folding costs the same for every record.
    if (this.#head > this.#maxEntries) {
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
    const all = [...sums, ...this.#records.slice(this.#head)]
    return all.filter((record) => matches(record, wanted))
  }

  #fold(record: LedgerRecord): void {
    if (record.kind === 'money') this.#foldMoney(record)
    else if (record.kind === 'call') this.#foldCall(record)
  }

  #foldMoney(entry: MoneyEntry): void {
    const { budget, seq, at } = entry
    let opening = this.#openings.get(budget)
    if (opening === undefined) {
      const none = { ...NO_CHANGE, tool: undefined, counter: undefined }
      opening = { ...entry, ...none, op: 'opening', id: `opening:${budget}` }
      this.#openings.set(budget, opening)
    }
    applyChange(opening, entry)
    opening.seq = seq
    opening.at = at
  }

  #foldCall(record: CallRecord): void {
    const { outcome, proves } = record
    const { tool, budgets } = this.#kindOf(record)
    const key = JSON.stringify([tool, budgets, outcome, proves])
    let folded = this.#folded.get(key)
    if (folded === undefined) {
      folded = { kind: 'calls', tool, budgets, outcome, proves, calls: 0, charged: 0, reported: 0 }
      this.#folded.set(key, folded)
    }
    folded.calls++
    folded.charged += record.charge?.charged ?? 0
    folded.reported += record.charge?.reported ?? 0
  }

  /** What a call is counted under: when kinds grow many without the tool's name, and then without the budgets'. */
  #kindOf({ tool, budgets, outcome, proves }: CallRecord): Pick<FoldedCalls, 'tool' | 'budgets'> {
    const hasRoom = (name: string, most: number): boolean =>
      this.#folded.size < most || this.#folded.has(JSON.stringify([name, budgets, outcome, proves]))
    if (hasRoom(tool, MAX_FOLDED_KINDS)) return { tool, budgets }
    return { tool: OTHER, budgets: hasRoom(OTHER, 2 * MAX_FOLDED_KINDS) ? budgets : [] }
  }
}

function matches(record: LedgerRecord, query: LedgerQuery): boolean {
  const { kind, budget, tool, chargeId, since, until } = query
  if (kind !== undefined && record.kind !== kind) return false
  if (tool !== undefined && record.tool !== tool) return false
  if (budget !== undefined && !(record.kind === 'money' ? record.budget === budget : record.budgets.includes(budget)))
    return false
  if (record.kind === 'calls') return (chargeId ?? since ?? until) === undefined
  if (chargeId !== undefined && (record.kind === 'money' ? record.id : record.chargeId) !== chargeId) return false
  return (since === undefined || record.at >= since) && (until === undefined || record.at < until)
}
