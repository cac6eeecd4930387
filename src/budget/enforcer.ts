import type { ChargeId } from '../core/ids.js'
import type { Credits } from '../core/credits.js'
import type { MaybePromise } from '../core/maybe-promise.js'
import type { Authority } from './authority.js'
import type { BudgetId } from './budget-id.js'
import type { BudgetView } from './budget-view.js'
import type { EnforcerReason } from './enforcer-reason.js'
import type { OnExpire, Overage } from './hold.js'
import type {
  CloseRequest,
  CloseResult,
  GrantRequest,
  MoveResult,
  RevokeRequest,
  RevokeResult,
  TransferRequest,
} from './moves.js'

export type { BudgetView } from './budget-view.js'
export type { EnforcerReason } from './enforcer-reason.js'
export type { CloseRequest, CloseResult, GrantRequest, MoveResult, TransferRequest } from './moves.js'

/**
 * The answer of the four verbs of {@link BudgetEnforcer}. Where no reason is given it is `exhausted` when nothing
 * remains, and `insufficient` otherwise.
 */
export type BudgetResult =
  | { readonly allowed: true; readonly remaining: Credits }
  | {
      readonly allowed: false
      readonly remaining: Credits
      readonly reason?: EnforcerReason
      readonly resetAt?: number
    }

/** A {@link BudgetResult} that always says why not, as our own stores give it. */
export type Verdict = BudgetResult & ({ readonly allowed: true } | { readonly reason: EnforcerReason })

/**
 * Where money is kept: the four verbs that a test fakes in four lines. `withBudget` accepts it and then spends before
 * the call, because four verbs cannot give back; {@link HoldingEnforcer} can. Every verb answers with a value or a
 * promise.
 *
 * @example
 * ```ts
 * const enforcer: BudgetEnforcer = {
 *   check: (_budget, cost) => ({ allowed: cost <= 10, remaining: 10 }),
 *   spend: ({ cost }) => ({ allowed: cost <= 10, remaining: 10 }),
 *   remaining: () => 10,
 *   initialize: () => {},
 * }
 * ```
 */
export interface BudgetEnforcer {
  /** Whether `cost` could be spent. Advisory: may be stale when you act on it, so nothing is enforced by it. */
  check(budget: BudgetId, cost: Credits): MaybePromise<BudgetResult>
  /** Checks and debits in one atomic step. Idempotent by `chargeId`: the same request gets the first answer. */
  spend(request: SpendRequest): MaybePromise<BudgetResult>
  /** What can be spent now. @throws BudgetError `unknown_budget` */
  remaining(budget: BudgetId): MaybePromise<Credits>
  /**
   * Creates a budget. The same amount again changes nothing; another amount is an error and never a refill.
   * @throws BudgetError `budget_exists`, `invalid_credits`, `invalid_budget_id`
   */
  initialize(budget: BudgetId, credits: Credits): MaybePromise<void>
}

/** A charge without a hold. */
export interface SpendRequest {
  readonly chargeId: ChargeId
  readonly budget: BudgetId
  readonly tool: string
  readonly cost: Credits
}

/** A span of time, `[start, end)`, in milliseconds since 1970. */
export type WindowSpan = readonly [start: number, end: number]

/**
 * The windows around a moment, as the caller's calendar has them. The store picks one by its own clock, so a caller
 * whose clock is a little off still spends in the right one.
 */
export interface LineWindow {
  readonly previous: WindowSpan
  readonly current: WindowSpan
  readonly next: WindowSpan
}

/** What one budget puts aside for a call. */
export interface HoldLine {
  readonly budget: BudgetId
  readonly amount: Credits
  /** `credits` (default), or another countable, such as `calls`: a line of another unit is charged as it was held. */
  readonly unit?: string
  /**
   * The budget begins anew with each window, with what it was initialised with. The first hold of a new window opens
   * it in the same step: the old remainder is burned. A hold ends in the window it was placed in: what returns to one
   * that is over is burned, and its debt does not follow into the next.
   */
  readonly window?: LineWindow
}

/** What the money entries of a hold say about the call it is for. */
export interface HoldMeta {
  readonly tool: string
  readonly server?: string | undefined
}

/** Puts credits aside on every line, or on none. */
export interface HoldRequest {
  /** The hold's id too. Same id and payload: the first answer; same id, other payload: `id_reused`. */
  readonly id: ChargeId
  /** Each budget at most once. */
  readonly lines: readonly HoldLine[]
  readonly ttlMs: number
  /** What becomes of the hold when its time is up. */
  readonly onExpire: OnExpire
  /** Let what is not there become debt, instead of refusing. */
  readonly overdraft?: boolean
  readonly meta?: HoldMeta
  /**
   * By which token the call is made: its budget is that of the first line. What it brings is judged in the same step,
   * under `overdraft` too: an overdraft is about balances, and not about rights.
   */
  readonly authority?: Authority
}

/** The answer to {@link HoldingEnforcer.hold}. */
export type HoldResult =
  | {
      readonly kind: 'held'
      readonly holdId: ChargeId
      /** The least that any line's budget has left, or that the token may still spend. */
      readonly remaining: Credits
      /** What of the hold is owed, under `overdraft`. */
      readonly debt: Credits
    }
  | {
      readonly kind: 'refused'
      readonly reason: EnforcerReason
      /** The first line's budget that refused. */
      readonly budget: BudgetId
      readonly remaining: Credits
      /**
       * When the window is over that this budget is in: for a line with windows that lacks credits, and of no more than
       * a window begins with. For a `rate`: when it admits the next call.
       */
      readonly resetAt?: number
    }

/** Charges an amount out of a hold and returns the rest. */
export interface CaptureRequest {
  readonly id: string
  readonly holdId: ChargeId
  readonly amount: Credits
  readonly overage: Overage
  /**
   * What to debit when the store has never seen the hold, or had refused it: a known spend is never dropped. Without
   * lines such a capture is refused. A hold that was given back when its time was up is debited by its own lines.
   */
  readonly lines?: readonly HoldLine[]
  readonly meta?: HoldMeta
}

/**
 * The answer to {@link HoldingEnforcer.capture}. `charged` is the most that one line in credits was charged, 0 where
 * there is none. `late`: the hold was gone, so the budgets were debited directly.
 */
export type CaptureResult =
  | {
      readonly kind: 'captured'
      readonly charged: Credits
      readonly late: boolean
    }
  | { readonly kind: 'refused'; readonly reason: EnforcerReason }

/** Gives a hold back whole. */
export interface ReleaseRequest {
  readonly id: string
  readonly holdId: ChargeId
}

/** The answer to {@link HoldingEnforcer.release}. */
export type ReleaseResult =
  | { readonly kind: 'released'; readonly returned: Credits }
  | { readonly kind: 'refused'; readonly reason: EnforcerReason }

/**
 * Moves a hold's deadline to `ttlMs` from now, on the store's clock; never earlier than it is, but where it also says
 * what is to happen then.
 */
export interface ExtendRequest {
  readonly id: string
  readonly holdId: ChargeId
  readonly ttlMs: number
  /**
   * Sets the deadline, earlier too, and what becomes of the hold when it is reached: for a call that became a task, or
   * was cancelled.
   */
  readonly onExpire?: OnExpire
  /**
   * The round of a call that was asked for input, from 1: consumes it in the same step. Each is consumed once, and none
   * after a later one, by whoever comes first: another request for it is `round_used`.
   */
  readonly round?: number
  /**
   * What the call would put aside now: a hold on other budgets, or of other amounts, is `unknown_hold`, so that nobody goes
   * on with somebody else's, or with what was less. Windows do not count.
   */
  readonly lines?: readonly HoldLine[]
}

/**
 * The answer to {@link HoldingEnforcer.extend}; `remaining` and `debt` as in {@link HoldResult}, as they are now, as far
 * as the store says.
 */
export type ExtendResult =
  | {
      readonly kind: 'extended'
      readonly expiresAt: number
      readonly remaining?: Credits
      readonly debt?: Credits
    }
  | { readonly kind: 'refused'; readonly reason: EnforcerReason }

/**
 * The full port: what holds, tasks and delegation need. Every verb is one atomic step, and every request carries an
 * id: the same id and payload get the first answer again, the same id with another payload is `id_reused`. The id of a
 * capture, a release or an extension counts within its hold. Answers are remembered for ten minutes; a store may bound
 * their number too, as the one in memory does. Refusals are values in the order of {@link EnforcerReason}; a throw is a
 * fault or a misuse, and then nothing has changed.
 *
 * Proved by the kit `enforcerConformance` in `mcp-budget/testing`.
 */
export interface HoldingEnforcer extends BudgetEnforcer {
  /** Places all lines or none. */
  hold(request: HoldRequest): MaybePromise<HoldResult>
  /** Charges. A second request on an ended hold is `hold_ended`. */
  capture(request: CaptureRequest): MaybePromise<CaptureResult>
  /** Gives back. A release of a hold that was never seen bars that id, so that a hold that arrives late is refused. */
  release(request: ReleaseRequest): MaybePromise<ReleaseResult>
  /** Keeps an open hold alive; with a `round`, for a call that goes on. */
  extend(request: ExtendRequest): MaybePromise<ExtendResult>
  /** Brings new money in; debt is repaid first. 0 is an error. */
  grant(request: GrantRequest): MaybePromise<MoveResult>
  /** Moves money within a partition; all or nothing. 0 is an error. */
  transfer(request: TransferRequest): MaybePromise<MoveResult>
  /** Closes a budget and all below it; what is available returns to the nearest open ancestor, open holds finish. */
  close(request: CloseRequest): MaybePromise<CloseResult>
  /**
   * The budget as it stands. With an authority only what that may see: its own budget and those below it.
   * @throws BudgetError `unknown_budget`
   */
  describe(budget: BudgetId, authority?: Authority): MaybePromise<BudgetView>
}

/**
 * A store that judges tokens: it has `revoke`, and holds every {@link Authority} that it is given against what is
 * registered, revoked and used up. One that is only a {@link HoldingEnforcer} is never given any.
 */
export interface DelegatingEnforcer extends HoldingEnforcer {
  /** Bans tokens with all that was made of them, and closes the budgets that were delegated by them. */
  revoke(request: RevokeRequest): MaybePromise<RevokeResult>
}

/** Whether a store can hold, or only spend. */
export function canHold(enforcer: BudgetEnforcer): enforcer is HoldingEnforcer {
  return typeof (enforcer as Partial<HoldingEnforcer>).hold === 'function'
}

/** Whether a store judges what a token brings. One that does not must not be given a call that is made by a token. */
export function canDelegate(enforcer: object): enforcer is DelegatingEnforcer {
  return typeof (enforcer as Partial<DelegatingEnforcer>).revoke === 'function'
}
