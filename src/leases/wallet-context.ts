import type { Asked } from './slice.js'
import type { BudgetId } from '../budget/budget-id.js'
import type { LeaseJournal } from './journal.js'
import type { LeaseSettings } from './options.js'

/** What all wallets of a process share. */
export interface WalletContext {
  readonly settings: LeaseSettings
  readonly journal: LeaseJournal
  readonly instance: string
  now(): Asked
  /** Gives back the leases on a budget that have no open hold. Settles when the store has it. */
  giveBack(budget: BudgetId): Promise<boolean>
}
