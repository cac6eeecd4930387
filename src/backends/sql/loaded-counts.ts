import { Counters, type Counter } from '../engine/counters.js'
import type { BudgetId } from '../../budget/budget-id.js'
import type { CounterRow, CountRow } from './rows.js'

/** The counters of prefixes that the requests of a step touch, by root budget. */
export class LoadedCounts {
  readonly byRoot = new Map<BudgetId, Counters>()
  readonly #counts = new Map<BudgetId, CountRow>()
  readonly #rows = new Map<BudgetId, Map<string, CounterRow>>()

  /** Puts in what was loaded of all roots that are touched. */
  load(roots: Iterable<BudgetId>, counts: Iterable<CountRow>, rows: Iterable<CounterRow>): void {
    for (const row of counts) this.#counts.set(row.root, row)
    for (const row of rows) {
      const known = this.#rows.get(row.root) ?? new Map<string, CounterRow>()
      this.#rows.set(row.root, known.set(row.prefix, row))
    }
    for (const root of roots) {
      const { size = 0, searched_at: searchedAt = null } = this.#counts.get(root) ?? {}
      const loaded = this.#rows.get(root) ?? new Map<string, CounterRow>()
      const counters = new Counters(size - loaded.size, searchedAt ?? -Infinity)
      for (const [prefix, row] of loaded) counters.byPrefix.set(prefix, counterOf(row))
      this.byRoot.set(root, counters)
    }
  }

  changes(): { counters: CounterRow[]; uncounted: Array<readonly [string, string]>; counts: CountRow[] } {
    const counters: CounterRow[] = []
    const uncounted: Array<readonly [string, string]> = []
    const counts: CountRow[] = []
    for (const [root, table] of this.byRoot) {
      const old = this.#rows.get(root)
      for (const [prefix, counter] of table.byPrefix) {
        const row = counterRow(root, prefix, counter)
        const before = old?.get(prefix)
        if (before?.used !== row.used || before.at !== row.at) counters.push(row)
      }
      for (const prefix of old?.keys() ?? []) if (!table.byPrefix.has(prefix)) uncounted.push([root, prefix])
      const searchedAt = table.searchedAt > -Infinity ? table.searchedAt : null
      const known = this.#counts.get(root) ?? { size: 0, searched_at: null }
      if (known.size !== table.size || known.searched_at !== searchedAt)
        counts.push({ root, size: table.size, searched_at: searchedAt })
    }
    return { counters, uncounted, counts }
  }
}

function counterOf({ used, at, limit_of: limit }: CounterRow): Counter {
  return { used, at, limit: JSON.parse(limit) as Counter['limit'] }
}

function counterRow(root: string, prefix: string, { used, at, limit }: Counter): CounterRow {
  return { root, prefix, used, at, limit_of: JSON.stringify(limit) }
}
