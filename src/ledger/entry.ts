import type { Charge, CallOutcome, Proof } from '../core/outcome.js'
import type { ChargeId } from '../core/ids.js'
import type { Credits } from '../core/credits.js'
import type { PriceSource } from '../core/price.js'
import type { TaskEndKind } from '../core/operation.js'
import type { RefusalReason, RefusalSlug } from '../core/refusal.js'
import type { BalanceChange } from '../budget/hold.js'
import type { BudgetId } from '../budget/budget-id.js'

/**
 * The verb that moved money. `opening` stands for entries that were folded away; `forfeit` for a lease whose time was up,
 * which is charged in full.
 */
export type MoneyOp =
  | 'opening'
  | 'grant'
  | 'transfer'
  | 'hold'
  | 'capture'
  | 'release'
  | 'expire'
  | 'spend'
  | 'late'
  | 'close'
  | 'window'
  | 'lease'
  | 'settle'
  | 'forfeit'
  | 'reconcile'

/**
 * One change of one budget, written by the store in the same atomic step. The signed numbers of
 * {@link BalanceChange} are the whole change: adding up a budget's entries gives its balance.
 *
 * @property seq counts the entries of a partition, without gaps
 * @property counter the other budget of a transfer
 */
export interface MoneyEntry extends BalanceChange {
  readonly kind: 'money'
  readonly seq: number
  readonly at: number
  readonly partition: string
  readonly op: MoneyOp
  readonly budget: BudgetId
  /** The request that did it; for a hold and its end this is the charge id. */
  readonly id: string
  readonly tool: string | undefined
  readonly counter: BudgetId | undefined
}

/**
 * What happened to one call: refusals too. Linked to its money entries by the charge id. With `auditRequired` there is
 * one before it is handed on, too, with the outcome `begun`; it counts no call. One without an end is what a killed
 * process leaves.
 */
export interface CallRecord {
  readonly kind: 'call'
  readonly chargeId: ChargeId
  readonly at: number
  readonly durationMs: number
  readonly tool: string
  readonly server: string | undefined
  /** By which token, 43 characters; none where no token was asked for, or none was good. */
  readonly tokenId: string | undefined
  readonly budgets: readonly BudgetId[]
  readonly outcome: CallOutcome['kind'] | 'begun'
  readonly proves: Proof
  readonly refusal: { readonly error: RefusalSlug; readonly reason: RefusalReason } | undefined
  readonly cost: Credits | undefined
  readonly price: PriceSource | undefined
  readonly charge: Charge | undefined
  /** Which operation it was an attempt of, and which attempt, where they are tracked. */
  readonly operationId?: string | undefined
  readonly attempt?: number | undefined
  /** The task that the call became. How that ended is a record of its own, with `taskEnd`; it counts no call. */
  readonly taskId?: string | undefined
  readonly taskEnd?: TaskEndKind | undefined
  /** The task ended after its hold was given back. */
  readonly late?: boolean | undefined
}

/** Calls of one kind whose records were folded away. */
export interface FoldedCalls {
  readonly kind: 'calls'
  readonly tool: string
  readonly budgets: readonly BudgetId[]
  readonly outcome: CallRecord['outcome']
  readonly proves: Proof
  readonly calls: number
  readonly charged: Credits
  readonly reported: Credits
}

/** Anything a ledger holds. */
export type LedgerRecord = MoneyEntry | CallRecord | FoldedCalls

/** The id of an opening in which a close was folded: what comes after it may be of a budget that was made anew. */
export function closedOpening(budget: BudgetId): string {
  return `closed:${budget}`
}

/** Whether an entry says that its budget was closed: it hands on all that it has, or has nothing. */
export function isClose({ op, id, budget, in: received }: MoneyEntry): boolean {
  return op === 'opening' ? id === closedOpening(budget) : op === 'close' && received === 0
}

/** Whether an entry may be the first of its budget. One that was closed takes nothing, unless it was made anew. */
export function isBirth({ op, in: received }: MoneyEntry): boolean {
  return op === 'grant' || (op === 'transfer' && received > 0)
}
