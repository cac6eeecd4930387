import { differing, type Difference } from './account.js'
import type { BookedBudget, BookedHold, BookEnd, BookPage, StoreBooks } from '../ledger/books.js'
import type { Broken, MoneyFault, Unbalanced, VerificationFault } from './verification.js'
import type { BudgetId } from '../budget/budget-id.js'
import type { ChainCheck } from './chain-check.js'
import type { MoneyCheck } from './money-check.js'
import type { OpenHold } from './hold-check.js'

/** So many rows are read at once, and so many holds are asked for by their ids. */
const PAGE = 1_000
const IDS = 100

/** The chains that the books are held against. */
export interface Chains {
  /** Reads both chains of a partition up to where the store says that they ended. */
  readTo(partition: string, end: BookEnd): Promise<VerificationFault | undefined>
  of(partition: string): { readonly money: MoneyCheck; readonly chain: ChainCheck; readonly calls: ChainCheck }
  /** All partitions of which something was read. */
  partitions(): readonly string[]
}

/** Holds what a store keeps beside its ledger against what the entries make of it, row by row. */
export class BookCheck {
  readonly #books: StoreBooks
  readonly #chains: Chains
  /** A count that is wrong because another row is, perhaps one that comes later: that one is named instead. */
  #miscounted: Unbalanced | undefined

  constructor(books: StoreBooks, chains: Chains) {
    this.#books = books
    this.#chains = chains
  }

  /** What is wrong first, of whatever there is a row of. */
  async run(): Promise<VerificationFault | undefined> {
    return (await this.#budgets()) ?? (await this.#openHolds()) ?? (await this.#unseenHolds()) ?? (await this.#strays())
  }

  async #budgets(): Promise<VerificationFault | undefined> {
    for (let cursor: string | undefined; ;) {
      const { rows, forfeited, next } = await this.#books.budgets({ cursor, limit: PAGE })
      const given = new Map<BudgetId, Given>()
      for (const hold of forfeited) {
        const fault = (await this.#readTo(hold)) ?? this.#holdFault(hold, true)
        if (fault !== undefined) return fault
        for (const [budget, amount] of hold.lines) add(given, budget, { used: hold.used, left: amount - hold.used })
      }
      for (const row of rows) {
        const fault = (await this.#readTo(row)) ?? this.#budgetFault(row, given.get(row.view.budget))
        if (fault !== undefined) return fault
      }
      if (next === undefined) return this.#miscounted
      cursor = next
    }
  }

  async #openHolds(): Promise<VerificationFault | undefined> {
    for (let cursor: string | undefined; ;) {
      const { rows, next }: BookPage<BookedHold> = await this.#books.openHolds({ cursor, limit: PAGE })
      for (const row of rows) {
        const fault = (await this.#readTo(row)) ?? this.#holdFault(row)
        if (fault !== undefined) return fault
      }
      if (next === undefined) return undefined
      cursor = next
    }
  }

  // What the entries hold, and was not among the rows: it was ended or moved meanwhile, or is not there.
  async #unseenHolds(): Promise<VerificationFault | undefined> {
    for (const partition of this.#chains.partitions()) {
      const { open } = this.#chains.of(partition).money.holds
      const unseen = [...open].filter(([, hold]) => !hold.isSeen).map(([id]) => id)
      for (let from = 0; from < unseen.length; from += IDS) {
        const rows = await this.#books.holds({ partition, ids: unseen.slice(from, from + IDS) })
        for (const row of rows) {
          const fault = (await this.#readTo(row)) ?? this.#holdFault(row)
          if (fault !== undefined) return fault
        }
      }
    }
    return undefined
  }

  async #strays(): Promise<VerificationFault | undefined> {
    for (let cursor: string | undefined; ;) {
      const { rows, next } = await this.#books.strays({ cursor, limit: PAGE })
      const [stray] = rows
      if (stray !== undefined) {
        const { partition, seq } = stray
        const { last } = this.#chains.of(partition).calls
        return { kind: 'broken', partition, record: 'call', seq, why: 'stray', after: last } satisfies Broken
      }
      if (next === undefined) return undefined
      cursor = next
    }
  }

  #readTo({ partition, end }: BookedBudget | BookedHold): Promise<VerificationFault | undefined> {
    return this.#chains.readTo(partition, end)
  }

  #budgetFault(row: BookedBudget, given: Given = { used: 0, left: 0 }): Unbalanced | undefined {
    const { partition, view, liveChildren, foundChildren } = row
    const { budget, forfeited = 0 } = view
    const account = this.#chains.of(partition).money.accounts.get(budget)
    if (account === undefined)
      return this.#fault(partition, 'unknown', { budget, column: 'in', expected: 0, got: view.in })
    account.isSeen = true
    const found = differing(account, view)
    if (found !== undefined) return this.#fault(partition, 'balance', { budget, ...found })
    // Of those that the store has forgotten, it does not say how much was reported.
    const between = Math.min(Math.max(forfeited, given.left), account.forfeited - given.used)
    if (between !== forfeited && !account.isFolded)
      return this.#fault(partition, 'balance', { budget, column: 'forfeited', expected: between, got: forfeited })
    if (liveChildren !== foundChildren) {
      const count = { column: 'liveChildren', expected: foundChildren, got: liveChildren }
      this.#miscounted ??= this.#fault(partition, 'balance', { budget, ...count })
    }
    return undefined
  }

  #holdFault(row: BookedHold, isForfeited = false): Unbalanced | undefined {
    const { partition, id } = row
    const { holds, accounts } = this.#chains.of(partition).money
    const own = (isForfeited ? holds.forfeited : holds.open).get(id)
    if (own !== undefined) own.isSeen = true
    const is = row.state === (isForfeited ? 'forfeited' : 'open') ? row : undefined
    const budgets = new Set([...(own?.lines.keys() ?? []), ...(is?.lines.map(([budget]) => budget) ?? [])])
    // Who folded its beginning, cannot tell.
    if (own === undefined && [...budgets].some((budget) => accounts.get(budget)?.isFolded === true)) return undefined
    for (const budget of budgets) {
      const found = differingLine(budget, own, is)
      if (found !== undefined) return this.#fault(partition, 'hold', { budget, hold: id, ...found })
    }
    return undefined
  }

  #fault(
    partition: string,
    why: MoneyFault,
    more: Pick<Unbalanced, 'budget' | 'column' | 'hold' | 'expected' | 'got'>,
  ): Unbalanced {
    const { last } = this.#chains.of(partition).chain
    return { kind: 'equation', partition, record: 'money', seq: last, why, ...more }
  }
}

/** Of the forfeited leases of a budget that may be reconciled: how much was reported, and how much was not. */
interface Given {
  readonly used: number
  readonly left: number
}

function add(given: Map<BudgetId, Given>, budget: BudgetId, { used, left }: Given): void {
  const sum = given.get(budget) ?? { used: 0, left: 0 }
  given.set(budget, { used: sum.used + used, left: sum.left + left })
}

function differingLine(
  budget: BudgetId,
  own: OpenHold | undefined,
  row: BookedHold | undefined,
): (Omit<Difference, 'column'> & { readonly column?: string }) | undefined {
  const [expected, got] = [
    own?.lines.get(budget) ?? 'none',
    row?.lines.find(([name]) => name === budget)?.[1] ?? 'none',
  ]
  if (expected !== got) return { expected, got }
  if (own?.isLease === row?.isLease) return undefined
  const word = (isLease: boolean | undefined): string => (isLease === true ? 'a lease' : 'a hold')
  return { expected: word(own?.isLease), got: word(row?.isLease) }
}
