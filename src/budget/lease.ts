import type { Authority } from './authority.js'
import type { BudgetId } from './budget-id.js'
import type { ChargeId } from '../core/ids.js'
import type { Credits } from '../core/credits.js'
import type { EnforcerReason, HoldingEnforcer, HoldRequest, HoldResult } from './enforcer.js'
import type { MaybePromise } from '../core/maybe-promise.js'

/**
 * Puts credits of one budget aside for a process, which then decides calls by itself. A lease is a hold: what it has not
 * reported when its time is up is charged in full, so that nothing is ever given away that may have been spent.
 *
 * @property id the lease's id too, minted as a charge id. Same id and payload: the first answer; other payload: `id_reused`
 * @property instance the process, 1 to 128 characters: another id after each start
 * @property ttlMs how long it lives without being renewed, on the store's clock
 * @property least what it must have at least, from 1; less is refused, and then the store decides each call exactly
 * @property most what it may have at most; the store picks between: what is left, over four times the open leases
 * @property authority by which token it is asked; one with ceilings, calls or rates is a misuse, for they cannot be leased
 */
export interface LeaseRequest {
  readonly id: ChargeId
  readonly budget: BudgetId
  readonly instance: string
  readonly ttlMs: number
  readonly least: Credits
  readonly most: Credits
  readonly authority?: Authority
}

/** The answer to {@link LeasingEnforcer.lease}. */
export type LeaseResult =
  | {
      readonly kind: 'leased'
      readonly leaseId: ChargeId
      readonly amount: Credits
      /** Milliseconds since 1970, on the store's clock: for people. Whoever spends the lease counts from when he asked. */
      readonly expiresAt: number
      /** What the budget has left. */
      readonly remaining: Credits
      /** The open leases of the budget, this one included. */
      readonly live: number
    }
  | {
      readonly kind: 'refused'
      readonly reason: EnforcerReason
      readonly budget: BudgetId
      readonly remaining: Credits
    }

/**
 * Reports how much of a lease was used, and moves its deadline to `ttlMs` from now, never earlier than it is.
 *
 * @property used all that was used of the lease so far, never the difference: what comes late or twice then does no harm
 */
export interface RenewRequest {
  readonly id: string
  readonly leaseId: ChargeId
  readonly used: Credits
  readonly ttlMs: number
  /** By which token the lease was asked: one that was revoked since is refused. */
  readonly authority?: Authority
}

/** The answer to {@link LeasingEnforcer.renew}. `recall`: the budget nears its end, so what is idle should come back. */
export type RenewResult =
  | {
      readonly kind: 'renewed'
      readonly expiresAt: number
      readonly remaining: Credits
      readonly live: number
      readonly recall: boolean
    }
  | { readonly kind: 'refused'; readonly reason: EnforcerReason }

/** Ends a lease, or gives back what of a forfeited one was not used. `used` is all that was used of it. */
export interface SettleRequest {
  readonly id: string
  readonly leaseId: ChargeId
  readonly used: Credits
}

/** The answer to {@link LeasingEnforcer.settle}. `charged` is never less than what was reported before. */
export type SettleResult =
  | { readonly kind: 'settled'; readonly charged: Credits; readonly returned: Credits }
  | { readonly kind: 'refused'; readonly reason: EnforcerReason }

/** The answer to {@link LeasingEnforcer.reconcile}. */
export type ReconcileResult =
  | { readonly kind: 'reconciled'; readonly returned: Credits }
  | { readonly kind: 'refused'; readonly reason: EnforcerReason }

/**
 * A store that leases: what `mcp-budget/leases` needs to decide calls without a round trip. Every verb is one atomic
 * step. The same id and payload get the first answer again; a renewal that comes twice does no harm, and its id only names
 * it. Refusals are values in the order of {@link EnforcerReason}; a throw is a fault or a misuse, and then nothing has
 * changed. Proved by the kit `enforcerConformance` with `leases: true`.
 */
export interface LeasingEnforcer extends HoldingEnforcer {
  /**
   * Puts credits aside for a process. `insufficient` or `exhausted` where less than `least` is left; `id_reused` where a
   * `release` came before it, which bars its id as it does that of a hold.
   */
  lease(request: LeaseRequest): MaybePromise<LeaseResult>
  /** Keeps a lease alive. Refused when its budget takes no more calls, or its token was revoked. */
  renew(request: RenewRequest): MaybePromise<RenewResult>
  /** Charges what was used and gives the rest back. After its time is up it is `lease_forfeited`. */
  settle(request: SettleRequest): MaybePromise<SettleResult>
  /** Gives back what of a forfeited lease was not used: once, and within a week. Before its time is up it is `lease_open`. */
  reconcile(request: SettleRequest): MaybePromise<ReconcileResult>
}

/** A store that can pay for a call while it is out of reach: `LeasedEnforcer` of `mcp-budget/leases`. */
export interface Escrow {
  /** Holds at once, from what this process has put aside; `undefined` where it has too little, or nothing. */
  escrow(request: HoldRequest): HoldResult | undefined
}

/** Whether a store leases. */
export function canLease(enforcer: object): enforcer is LeasingEnforcer {
  return typeof (enforcer as Partial<LeasingEnforcer>).lease === 'function'
}
