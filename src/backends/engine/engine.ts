import { assertCredits, type Credits } from '../../core/credits.js'
import type { Clock } from '../../core/clock.js'
import { budgetId, type BudgetId } from '../../budget/budget-id.js'
import { Authorities, tokenIdOf } from './authorities.js'
import {
  assertCapture,
  assertExtend,
  assertHold,
  assertId,
  assertMoved,
  assertRelease,
  assertSpend,
} from './hold-requests.js'
import { assertLease, assertRenew, assertSettle } from './lease-requests.js'
import { Holds } from './holds.js'
import { Leases } from './leases.js'
import { assertAuthority, assertNewBudget, assertRevoked, newBudgetKey } from './delegation-requests.js'
import type { AnswerTable, Records } from './records.js'
import { Book, refusedMove, unknownBudget, type MoneySink } from './book.js'
import { transfer } from './transfers.js'
import type {
  BudgetResult,
  BudgetView,
  CaptureRequest,
  CaptureResult,
  CloseRequest,
  CloseResult,
  ExtendRequest,
  ExtendResult,
  GrantRequest,
  DelegatingEnforcer,
  EnforcerReason,
  HoldRequest,
  HoldResult,
  MoveResult,
  ReleaseRequest,
  ReleaseResult,
  SpendRequest,
  TransferRequest,
} from '../../budget/enforcer.js'
import type { BudgetRecord } from './budget-record.js'
import type { Authority } from '../../budget/authority.js'
import type { RevokeRequest, RevokeResult } from '../../budget/moves.js'
import type {
  LeaseRequest,
  LeaseResult,
  LeasingEnforcer,
  ReconcileResult,
  RenewRequest,
  RenewResult,
  SettleRequest,
  SettleResult,
} from '../../budget/lease.js'

/** Where an engine has its time, its partitions and its ledger from. */
export interface EngineOptions {
  readonly clock: Pick<Clock, 'now'>
  readonly ledger?: MoneySink | undefined
  readonly partition?: ((budget: BudgetId) => string) | undefined
}

/**
 * The rules of a store: every verb decides on the records it is given, at once and whole. The memory store gives it all
 * that there is; a store with a database what the requests of one step touch.
 */
export class Engine implements DelegatingEnforcer, LeasingEnforcer {
  readonly #clock: Pick<Clock, 'now'>
  readonly #records: Records
  readonly #book: Book
  readonly #authorities: Authorities
  readonly #holds: Holds
  readonly #leases: Leases
  #now: number

  constructor(records: Records, { clock, ledger, partition }: EngineOptions) {
    this.#clock = clock
    this.#now = clock.now()
    this.#records = records
    this.#book = new Book(records, ledger, partition)
    this.#authorities = new Authorities(this.#book, records)
    this.#holds = new Holds(this.#book, records, this.#authorities)
    this.#leases = new Leases(this.#book, records.holds, this.#authorities, this.#holds)
  }

  check(budget: BudgetId, cost: Credits): BudgetResult {
    assertCredits(cost, 'cost')
    this.tick()
    return this.#book.judge(this.#book.find(budget), cost)
  }

  spend(request: SpendRequest): BudgetResult {
    const { chargeId, cost, tool } = request
    assertSpend(request)
    const budget = budgetId(request.budget)
    return this.#once(
      this.#records.spends,
      chargeId,
      [budget, tool, cost],
      (now) => this.#book.spend(request, now),
      () => ({ allowed: false, remaining: this.#book.find(budget)?.available ?? 0, reason: 'id_reused' }),
    )
  }

  remaining(budget: BudgetId): Credits {
    this.tick()
    return this.#book.get(budget).available
  }

  initialize(budget: BudgetId, credits: Credits): void {
    assertCredits(credits, 'credits')
    this.#book.create(budget, credits, this.tick())
  }

  hold(request: HoldRequest): HoldResult {
    assertHold(request)
    return this.#holds.place(request, this.tick())
  }

  capture(request: CaptureRequest): CaptureResult {
    assertCapture(request)
    return this.#holds.capture(request, this.tick())
  }

  release(request: ReleaseRequest): ReleaseResult {
    assertRelease(request)
    return this.#holds.release(request, this.tick())
  }

  extend(request: ExtendRequest): ExtendResult {
    assertExtend(request)
    return this.#holds.extend(request, this.tick())
  }

  lease(request: LeaseRequest): LeaseResult {
    budgetId(request.budget)
    assertLease(request)
    return this.#leases.lease(request, this.tick())
  }

  renew(request: RenewRequest): RenewResult {
    assertRenew(request)
    return this.#leases.renew(request, this.tick())
  }

  settle(request: SettleRequest): SettleResult {
    assertSettle(request)
    return this.#leases.settle(request, this.tick())
  }

  reconcile(request: SettleRequest): ReconcileResult {
    assertSettle(request)
    return this.#leases.reconcile(request, this.tick())
  }

  grant(request: GrantRequest): MoveResult {
    const { id, amount } = request
    const budget = budgetId(request.budget)
    assertMoved(amount)
    return this.#once(
      this.#records.moves,
      id,
      ['grant', budget, amount],
      (now) => this.#book.grant(request, now),
      () => reused(budget),
    )
  }

  transfer(request: TransferRequest): MoveResult {
    const { id, amount, create = false, authority } = request
    const [from, to] = [budgetId(request.from), budgetId(request.to)]
    assertMoved(amount)
    assertNewBudget(create)
    assertAuthority(authority)
    return this.#once(
      this.#records.moves,
      id,
      ['transfer', from, to, newBudgetKey(create), amount, tokenIdOf(authority)],
      (now) => transfer(this.#book, this.#authorities, request, now),
      () => reused(from),
    )
  }

  close(request: CloseRequest): CloseResult {
    const { id, why, authority } = request
    const budget = budgetId(request.budget)
    assertAuthority(authority)
    return this.#once(
      this.#records.closes,
      id,
      [budget, why, tokenIdOf(authority)],
      (now) => this.#close(request, now),
      () => ({ kind: 'refused', reason: 'id_reused' }),
    )
  }

  revoke(request: RevokeRequest): RevokeResult {
    const { id, until } = request
    const budget = budgetId(request.budget)
    return this.#once(
      this.#records.revokes,
      id,
      [budget, assertRevoked(request), until],
      (now) => this.#authorities.revoke(request, now),
      () => ({ kind: 'refused', reason: 'id_reused' }),
    )
  }

  describe(budget: BudgetId, authority?: Authority): BudgetView {
    assertAuthority(authority)
    this.tick()
    const found = this.#book.get(budget)
    if (authority === undefined) return found.view()
    // To whom it is not shown, it is not there.
    if (!this.#authorities.covers(authority, found) || this.#authorities.isRevoked(authority))
      throw unknownBudget(budget)
    return { ...found.view(), limits: this.#authorities.limits(authority) }
  }

  #close({ id, budget: name, authority }: CloseRequest, at: number): CloseResult {
    const budget = this.#book.find(name)
    const reason = this.#refuseClose(budget, authority)
    return reason === undefined && budget !== undefined
      ? this.#book.close(budget, { id, at })
      : { kind: 'refused', reason: reason ?? 'unknown_budget' }
  }

  #refuseClose(budget: BudgetRecord | undefined, authority: Authority | undefined): EnforcerReason | undefined {
    if (budget === undefined) return 'unknown_budget'
    if (authority === undefined) return undefined
    if (this.#authorities.payer(authority) === undefined) return 'unknown_budget'
    if (!this.#authorities.covers(authority, budget)) return 'not_descendant'
    if (budget.state !== 'open') return 'closed'
    return this.#authorities.isRevoked(authority) ? 'revoked' : undefined
  }

  // Under an id that stands for another request the answer is `otherwise`.
  #once<Answer>(
    answers: AnswerTable<Answer>,
    id: string,
    payload: readonly unknown[],
    make: (now: number) => Answer,
    otherwise: () => Answer,
  ): Answer {
    assertId(id, 'id')
    const now = this.tick()
    const text = JSON.stringify(payload)
    const known = answers.get(id)
    if (known !== undefined) return known.payload === text ? known.answer : otherwise()
    const answer = make(now)
    answers.set(id, { payload: text, answer }, now)
    return answer
  }

  // The store's own clock never goes back, whatever the machine's does: what has expired stays expired.
  protected tick(): number {
    const now = this.#clock.now()
    if (now > this.#now) this.#now = now
    if (!this.#book.writing) this.#holds.expireDue(this.#now)
    return this.#now
  }
}

function reused(budget: BudgetId): MoveResult {
  return refusedMove('id_reused', budget)
}
