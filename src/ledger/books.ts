import type { Balance } from '../budget/hold.js'
import type { BudgetId } from '../budget/budget-id.js'
import type { BudgetView } from '../budget/budget-view.js'
import type { Credits } from '../core/credits.js'
import type { MaybePromise } from '../core/maybe-promise.js'

/** The numbers of the last records of a partition, as the store counts them, at the moment when something was read. */
export interface BookEnd {
  readonly money: number
  readonly call: number
}

/** What the store says of a budget that its ledger says too. */
export type BookedView = Pick<
  BudgetView,
  keyof Balance | 'budget' | 'state' | 'parent' | 'openHolds' | 'leases' | 'leased' | 'forfeited' | 'allotment'
>

/** A budget as the store keeps it. */
export interface BookedBudget {
  readonly partition: string
  readonly end: BookEnd
  readonly view: BookedView
  /** How many budgets that are not closed it says that it has below it, and how many there are. */
  readonly liveChildren: number
  readonly foundChildren: number
}

/** A hold as the store keeps it: `forfeited` is a lease that may still be reconciled. */
export interface BookedHold {
  readonly id: string
  readonly partition: string
  readonly end: BookEnd
  readonly state: 'open' | 'forfeited' | 'ended' | 'none'
  readonly isLease: boolean
  readonly lines: ReadonlyArray<readonly [budget: BudgetId, amount: Credits]>
  /** What was reported of a lease. */
  readonly used: Credits
}

/** Where a page begins, and how long it is at most. */
export interface BookPageRequest {
  /** `next` of the page before; without it, from the beginning. */
  readonly cursor?: string | undefined
  readonly limit: number
}

/** A page, and the cursor of the next. */
export interface BookPage<Row> {
  readonly rows: readonly Row[]
  readonly next: string | undefined
}

/**
 * What a store keeps beside its ledger, for who verifies it. What one answer says is of one moment; nobody waits for it.
 */
export interface StoreBooks {
  /**
   * The budgets, and which leases of theirs are forfeited and may still be reconciled; also such leases in their
   * partitions as name no budget of any page.
   */
  budgets(page: BookPageRequest): MaybePromise<BookPage<BookedBudget> & { readonly forfeited: readonly BookedHold[] }>
  /** The holds that are open. One whose deadline is moved meanwhile may be left out. */
  openHolds(page: BookPageRequest): MaybePromise<BookPage<BookedHold>>
  /**
   * Holds by their ids, as a partition has them: with the state `none` where it has none.
   *
   * @throws BudgetError `invalid_request` for more than 100 ids
   */
  holds(of: { readonly partition: string; readonly ids: readonly string[] }): MaybePromise<readonly BookedHold[]>
  /** A page of what finds calls by their budgets; answers with what finds a call that does not name the budget. */
  strays(page: BookPageRequest): MaybePromise<BookPage<{ readonly partition: string; readonly seq: number }>>
}
