import type { LedgerRecord } from './entry.js'
import type { BudgetId } from '../budget/budget-id.js'
import type { MaybePromise } from '../core/maybe-promise.js'

/** Which records; all of what is given must hold. */
export interface LedgerQuery {
  readonly kind?: LedgerRecord['kind']
  readonly budget?: BudgetId
  readonly tool?: string
  readonly chargeId?: string
  /** From this time on, milliseconds since 1970. */
  readonly since?: number
  /** Before this time. */
  readonly until?: number
}

/** An append-only record of money and calls. What was appended never changes. */
export interface Ledger {
  /** Adds records, in order, all or none. */
  append(records: readonly LedgerRecord[]): MaybePromise<void>
  /** The records that match, oldest first. */
  entries(query?: LedgerQuery): MaybePromise<readonly LedgerRecord[]>
}
