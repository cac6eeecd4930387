import { assertCredits, type Credits } from '../../core/credits.js'
import { BudgetError, describeValue } from '../../core/errors.js'
import { systemClock, type Clock } from '../../core/clock.js'
import { assertKeys } from '../../core/settings.js'
import { budgetId, type BudgetId } from '../../budget/budget-id.js'
import { spendChange } from '../../budget/hold.js'
import { Book } from './book.js'
import { Holds } from './holds.js'
import { Answers } from './answers.js'
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
  HoldingEnforcer,
  HoldRequest,
  HoldResult,
  MoveResult,
  ReleaseRequest,
  ReleaseResult,
  SpendRequest,
  TransferRequest,
} from '../../budget/enforcer.js'
import type { MoneySink } from './book.js'

/** Settings of {@link InMemoryBudgetEnforcer}. */
export interface InMemoryBudgetEnforcerOptions {
  /** Where time comes from; the machine's clock by default. */
  readonly clock?: Clock
  /** Where money entries are written, in the same atomic step; nowhere by default. A `MemoryLedger` fits. */
  readonly ledger?: MoneySink
  /** What is judged in one atomic step: by default a budget's tenant. */
  readonly partition?: (budget: BudgetId) => string
}

/**
 * Budgets in this process's memory. Every verb answers at once, with a value, and is atomic because JavaScript runs it
 * whole. Not durable: when the process ends the budgets are gone, and calls are refused until somebody initialises
 * them. Expired holds end when anybody asks, without a timer; a million open holds cost none.
 *
 * @example
 * ```ts
 * const enforcer = new InMemoryBudgetEnforcer()
 * enforcer.initialize('agent-1', 1_000)
 * enforcer.describe('agent-1').available // 1000
 * ```
 */
export class InMemoryBudgetEnforcer implements HoldingEnforcer {
  readonly #clock: Clock
  readonly #book: Book
  readonly #holds: Holds
  readonly #spends = new Answers<BudgetResult>()
  readonly #moves = new Answers<MoveResult>()
  readonly #closes = new Answers<CloseResult>()
  #now = 0

  constructor(options: InMemoryBudgetEnforcerOptions = {}) {
    assertKeys(options, ['ledger', 'partition', 'clock'], "InMemoryBudgetEnforcer's settings")
    this.#clock = options.clock ?? systemClock
    this.#now = this.#clock.now()
    this.#book = new Book(options.ledger, options.partition)
    this.#holds = new Holds(this.#book, this.#now)
  }

  check(budget: BudgetId, cost: Credits): BudgetResult {
    assertCredits(cost, 'cost')
    this.#tick()
    return this.#book.judge(this.#book.find(budget), cost)
  }

  spend(request: SpendRequest): BudgetResult {
    const { chargeId, cost, tool } = request
    assertCredits(cost, 'cost')
    assertId(chargeId, 'chargeId')
    const now = this.#tick()
    const budget = this.#book.find(request.budget)
    const make = (): BudgetResult => {
      const verdict = this.#book.judge(budget, cost)
      if (!verdict.allowed || budget === undefined) return verdict
      this.#book.change(budget, spendChange(budget, cost), { op: 'spend', id: chargeId, tool, at: now })
      return { allowed: true, remaining: budget.available }
    }
    const reused = { allowed: false, remaining: budget?.available ?? 0, reason: 'id_reused' } as const
    return this.#spends.once(chargeId, [budgetId(request.budget), tool, cost], now, make, reused)
  }

  remaining(budget: BudgetId): Credits {
    this.#tick()
    return this.#book.get(budget).available
  }

  initialize(budget: BudgetId, credits: Credits): void {
    assertCredits(credits, 'credits')
    this.#book.create(budget, credits, this.#tick())
  }

  hold(request: HoldRequest): HoldResult {
    assertId(request.id, 'id')
    assertTtl(request.ttlMs)
    return this.#holds.place(request, this.#tick())
  }

  capture(request: CaptureRequest): CaptureResult {
    assertId(request.id, 'id')
    assertCredits(request.amount, 'amount')
    return this.#holds.capture(request, this.#tick())
  }

  release(request: ReleaseRequest): ReleaseResult {
    assertId(request.id, 'id')
    return this.#holds.release(request, this.#tick())
  }

  extend(request: ExtendRequest): ExtendResult {
    assertTtl(request.ttlMs)
    return this.#holds.extend(request, this.#tick())
  }

  grant(request: GrantRequest): MoveResult {
    const budget = budgetId(request.budget)
    return this.#move(request, ['grant', budget], (now) => this.#book.grant(request, now))
  }

  transfer(request: TransferRequest): MoveResult {
    const payload: [string, BudgetId, BudgetId, boolean] = [
      'transfer',
      budgetId(request.from),
      budgetId(request.to),
      request.create ?? false,
    ]
    return this.#move(request, payload, (now) => this.#book.transfer(request, now))
  }

  close(request: CloseRequest): CloseResult {
    const { id, budget, why } = request
    assertId(id, 'id')
    const now = this.#tick()
    const make = (): CloseResult => this.#book.close(request, now)
    return this.#closes.once(id, [budgetId(budget), why], now, make, { kind: 'refused', reason: 'id_reused' })
  }

  describe(budget: BudgetId): BudgetView {
    this.#tick()
    return this.#book.get(budget).view()
  }

  #move(
    { id, amount }: GrantRequest | TransferRequest,
    payload: readonly [string, BudgetId, ...unknown[]],
    make: (now: number) => MoveResult,
  ): MoveResult {
    assertMoved(amount)
    assertId(id, 'id')
    const now = this.#tick()
    const reused = { kind: 'refused', reason: 'id_reused', budget: payload[1], remaining: 0 } as const
    return this.#moves.once(id, [amount, ...payload], now, () => make(now), reused)
  }

  // The store's own clock never goes back, whatever the machine's does: what has expired stays expired.
  #tick(): number {
    const now = this.#clock.now()
    if (now > this.#now) this.#now = now
    this.#holds.expireDue(this.#now)
    return this.#now
  }
}

function assertMoved(amount: unknown): asserts amount is Credits {
  assertCredits(amount, 'amount')
  if (amount > 0) return
  throw new BudgetError({ code: 'invalid_credits', message: 'Expected `amount` to be at least 1, got `0`' })
}

function assertId(id: unknown, what: string): asserts id is string {
  if (typeof id === 'string' && id.length > 0 && id.length <= 128) return
  throw new BudgetError({
    code: 'invalid_request',
    message: `Expected \`${what}\` to be text of 1 to 128 characters, got ${describeValue(id)}`,
  })
}

const LONGEST_HOLD_MS = 86_400_000

function assertTtl(ttlMs: unknown): asserts ttlMs is number {
  if (Number.isSafeInteger(ttlMs) && (ttlMs as number) > 0 && (ttlMs as number) <= LONGEST_HOLD_MS) return
  throw new BudgetError({
    code: 'invalid_request',
    message: `Expected \`ttlMs\` to be an integer from 1 to ${LONGEST_HOLD_MS}, got ${describeValue(ttlMs)}`,
  })
}
