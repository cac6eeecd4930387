import { NO_CHANGE, type Balance } from '../budget/hold.js'
import type { BookedView } from '../ledger/books.js'
import type { BudgetId } from '../budget/budget-id.js'
import type { MoneyEntry } from '../ledger/entry.js'

/** The columns of a balance. */
export const COLUMNS = Object.keys(NO_CHANGE) as ReadonlyArray<keyof Balance>

/** What the entries of a budget make of it. */
export interface Account extends Balance {
  openHolds: number
  leases: number
  leased: number
  /** What may come back of its forfeited leases. */
  forfeited: number
  /** Whether it was initialised: no store ever forgets that. */
  readonly isInitialised: boolean
  readonly allotment: number | undefined
  readonly parent: BudgetId | undefined
  isClosed: boolean
  /** Whether older entries were folded: then nobody knows more than the sums. */
  isFolded: boolean
  /** Whether the store was asked about it. */
  isSeen: boolean
}

/** The account of a budget that begins with an entry. A grant needs a budget: it is one only where it makes it. */
export function openAccount({ op, counter, in: received }: MoneyEntry): Account {
  const isInitialised = op === 'grant'
  const none = { openHolds: 0, leases: 0, leased: 0, forfeited: 0, isClosed: false, isSeen: false }
  return {
    ...NO_CHANGE,
    ...none,
    isInitialised,
    allotment: isInitialised ? received : undefined,
    parent: op === 'transfer' ? counter : undefined,
    isFolded: op === 'opening',
  }
}

/** What a store says of a budget and its entries do not. */
export interface Difference {
  readonly column: string
  readonly expected: number | string
  readonly got: number | string
}

/** The first of them. Of a forfeited lease nobody but the store knows how much of it was reported. */
export function differing(account: Account, view: BookedView | undefined): Difference | undefined {
  // A budget that was delegated, and is closed, is forgotten after some time: then nothing is left in it.
  if (view === undefined) {
    const columns = account.isInitialised ? COLUMNS : (['available', 'held'] as const)
    const left = columns.find((column) => account[column] !== 0)
    if (left !== undefined) return of(left, account[left], 0)
    return account.isInitialised ? of('state', account.isClosed ? 'closed' : 'open', 'none') : undefined
  }
  const column = COLUMNS.find((each) => account[each] !== view[each])
  if (column !== undefined) return of(column, account[column], view[column])
  if (account.isFolded) return undefined
  const { state, openHolds, leases = 0, leased = 0, forfeited = 0 } = view
  const own = !account.isClosed ? 'open' : account.held > 0 ? 'closing' : 'closed'
  return (
    of('state', own, state) ??
    of('openHolds', account.openHolds, openHolds) ??
    of('leases', account.leases, leases) ??
    of('leased', account.leased, leased) ??
    of('forfeited', Math.min(account.forfeited, forfeited), forfeited) ??
    of('allotment', account.allotment ?? 'none', view.allotment ?? 'none') ??
    of('parent', account.parent ?? 'none', view.parent ?? 'none')
  )
}

function of(column: string, expected: number | string, got: number | string): Difference | undefined {
  return expected === got ? undefined : { column, expected, got }
}
