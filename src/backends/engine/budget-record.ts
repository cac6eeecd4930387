import type { Balance } from '../../budget/hold.js'
import type { BudgetId } from '../../budget/budget-id.js'
import type { BudgetView, WindowSpan } from '../../budget/enforcer.js'
import type { Credits } from '../../core/credits.js'
import { endOf, type Delegated } from './delegated.js'

/** A budget as the memory store keeps it. */
export class BudgetRecord implements Balance {
  in = 0
  available = 0
  held = 0
  spent = 0
  debt = 0
  out = 0
  burned = 0
  openHolds = 0
  leases = 0
  /** Of `held`. */
  leased = 0
  /** Of `spent`. */
  forfeited = 0
  /** The window that is open; `undefined` for a budget without windows. */
  window: WindowSpan | undefined = undefined
  state: BudgetView['state'] = 'open'
  /** Made with the first: most budgets have none, and an empty set is larger than all the rest. */
  children: Set<BudgetRecord> | undefined = undefined
  /** How many of them are not closed. */
  liveChildren = 0
  delegated: Delegated | undefined = undefined

  constructor(
    readonly id: BudgetId,
    readonly partition: string,
    /** What `initialize` created it with; `undefined` for one that a transfer created. */
    readonly initial: Credits | undefined,
    readonly parent: BudgetRecord | undefined,
  ) {}

  /** A copy for the outside. */
  view(): BudgetView {
    const expiresAt = endOf(this)
    return {
      budget: this.id,
      state: this.state,
      available: this.available,
      held: this.held,
      spent: this.spent,
      debt: this.debt,
      in: this.in,
      out: this.out,
      burned: this.burned,
      parent: this.parent?.id,
      children: Array.from(this.children ?? [], (child) => child.id),
      openHolds: this.openHolds,
      ...((this.leases > 0 || this.forfeited > 0) && {
        leases: this.leases,
        leased: this.leased,
        forfeited: this.forfeited,
      }),
      ...(this.initial !== undefined && { allotment: this.initial }),
      ...(this.window && { window: { start: this.window[0], end: this.window[1] } }),
      ...(this.delegated && { registration: this.delegated.terms.registration }),
      ...(expiresAt < Infinity && { expiresAt }),
    }
  }
}
