import type { Authority } from './authority.js'
import type { BudgetId } from './budget-id.js'
import type { Credits } from '../core/credits.js'
import type { EnforcerReason } from './enforcer.js'

/** New money. */
export interface GrantRequest {
  readonly id: string
  readonly budget: BudgetId
  readonly amount: Credits
}

/** Moved money: delegating, topping up a child, reclaiming. */
export interface TransferRequest {
  readonly id: string
  readonly from: BudgetId
  readonly to: BudgetId
  readonly amount: Credits
  /**
   * Creates `to` as a child of `from`. Without it `to` must exist. With `true` the child is the operator's: it may be
   * there already, and no token names it. A {@link NewBudget} is created once: the same request gives the same child.
   */
  readonly create?: boolean | NewBudget
  /**
   * By which token it is asked: only from the token's own budget, to one below it or to its parent. What goes down
   * counts against the token's ceilings, once and for good.
   */
  readonly authority?: Authority
}

/** The answer to {@link HoldingEnforcer.grant} and {@link HoldingEnforcer.transfer}. */
export type MoveResult =
  | { readonly kind: 'moved'; readonly remaining: Credits }
  | {
      readonly kind: 'refused'
      readonly reason: EnforcerReason
      readonly budget: BudgetId
      readonly remaining: Credits
    }

/** Ends a budget and all below it. */
export interface CloseRequest {
  readonly id: string
  readonly budget: BudgetId
  readonly why: 'closed' | 'expired' | 'revoked'
  /** By which token it is asked: only for its own budget, or one below it. */
  readonly authority?: Authority
}

/** The answer to {@link HoldingEnforcer.close}. */
export type CloseResult =
  | {
      readonly kind: 'closed'
      /** What went back to the nearest open ancestor; without one it is burned. */
      readonly returned: Credits
    }
  | { readonly kind: 'refused'; readonly reason: EnforcerReason }

/** What a delegated budget may delegate in turn; what is left out is not narrowed. */
export interface DelegationCaps {
  /** How many budgets may stand below one another under it, from 0; there are never more than 16. */
  readonly depth?: number
  /** How many children it may have that are not closed, from 0; there are never more than 1,000. */
  readonly children?: number
  /** The most that one transfer to a budget below it may carry. */
  readonly amount?: Credits
}

/**
 * A budget that a transfer creates for a token.
 *
 * @property registration the id of the prefix that ends with its `budget` caveat: it pays for tokens with exactly that
 * prefix, and for no other
 * @property expiresAt when it ends by itself, milliseconds since 1970 on the store's clock, as `close` would end it; a
 * time that has passed is refused as `closed`. Never later than the budget it was carved from
 * @property caps what it may delegate in turn
 */
export interface NewBudget {
  readonly registration: string
  readonly expiresAt?: number
  readonly caps?: DelegationCaps
}

/** What is revoked: a prefix with all that was made of it, all that was made of one minted token, or what is too old. */
export type Revoked =
  | { readonly prefixId: string }
  | { readonly nonce: string }
  /** Tokens of the budget that were minted before this, seconds since 1970. It never goes back. */
  | { readonly issuedBefore: number }

/** Revokes tokens, and closes the budgets that were delegated by them. */
export type RevokeRequest = Revoked & {
  readonly id: string
  /** The budget of the tokens; for a prefix or a nonce, any budget of the same tree. */
  readonly budget: BudgetId
  /** When the store may forget it, milliseconds since 1970: when no such token serves any more. Never by default. */
  readonly until?: number
}

/** The answer to {@link DelegatingEnforcer.revoke}. */
export type RevokeResult =
  | {
      readonly kind: 'revoked'
      /** What went back to the nearest open ancestors of the budgets that were closed. */
      readonly returned: Credits
    }
  | { readonly kind: 'refused'; readonly reason: EnforcerReason }
