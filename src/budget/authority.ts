import type { BudgetId } from './budget-id.js'

/** So many calls in so many seconds. */
export interface Rate {
  readonly calls: number
  readonly seconds: number
}

/** Where a store counts: under the id of a prefix, so that whatever has that prefix shares the count. */
export interface Prefix {
  readonly prefixId: string
  /** When no token with this prefix serves any more, milliseconds since 1970; never, where it is left out. */
  readonly expiresAt?: number
}

/** A limit that the store counts against. */
export interface PrefixLimit extends Prefix {
  readonly limit: number
}

/** A budget that a server has delegated. It must be registered at exactly this prefix, under exactly this parent. */
export interface Registration {
  readonly prefixId: string
  readonly budget: BudgetId
  readonly parent: BudgetId
}

/**
 * What a token brings to the one atomic step of the store: what is revoked, registered, used up and left is judged
 * there, and all at once. Made of what the MAC proves, the same for every request; whoever makes one by hand vouches
 * for it.
 *
 * @property budget who pays: the last budget that the token names, and never another
 * @property registrations of all budgets after the first, in order
 * @property prefixIds of all prefixes, the identifier's first: the token is denied when one of them is revoked
 * @property nonce of the minted token, to revoke it with all that was made of it
 * @property issuedAt when it was minted, seconds since 1970, to revoke what is older
 * @property ceilings how much may be spent or delegated through a prefix; those before the last `budget` are not among
 * them, for they were charged when it was delegated
 * @property calls how many calls may be admitted through a prefix
 * @property rates how fast calls may be admitted through a prefix
 */
export interface Authority {
  readonly tenant: string
  readonly budget: BudgetId
  readonly registrations: readonly Registration[]
  readonly prefixIds: readonly string[]
  readonly nonce: string
  readonly issuedAt: number
  readonly ceilings: readonly PrefixLimit[]
  readonly calls: readonly PrefixLimit[]
  readonly rates: ReadonlyArray<Rate & Prefix>
}

/** What a step gives that knows by which token a call is made. */
export interface Authorized {
  readonly authority?: Authority | undefined
}

/** How far a limit is used up. */
export interface UsedLimit extends PrefixLimit {
  readonly used: number
}
