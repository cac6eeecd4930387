import { budgetId, type BudgetId } from '../../budget/budget-id.js'
import { available, debt, OracleBook } from './oracle-book.js'
import { isSame, type OracleHold } from './oracle-hold.js'
import { OracleHolds } from './oracle-holds.js'
import type {
  BudgetResult,
  BudgetView,
  CloseRequest,
  CloseResult,
  GrantRequest,
  MoveResult,
  SpendRequest,
  TransferRequest,
} from '../../budget/enforcer.js'
import type { Credits } from '../../core/credits.js'
import type { EnforcerCall } from '../verbs.js'

/**
 * What a store must answer, worked out in the plainest way from the rules of `hold.ts`: counters, lists, no clever
 * structure, and nothing is ever forgotten. The yardstick of the simulator and of the tests by model.
 */
export class Oracle {
  readonly book = new OracleBook()
  readonly holds: OracleHolds
  readonly #answers = new Map<string, { readonly request: object; readonly answer: unknown }>()

  /** @param onEnd told of every end of a hold, and of every late charge */
  constructor(onEnd: (hold: OracleHold, charged: Credits) => void = () => {}) {
    this.holds = new OracleHolds(this.book, onEnd)
  }

  /** What a store must answer to this call at this time; `{ throws }` where it must throw, with the code. */
  ask(call: EnforcerCall, now: number): unknown {
    this.holds.expire(now)
    switch (call.verb) {
      case 'check':
        return this.book.judge(this.book.find(call.args[0]), call.args[1])
      case 'remaining':
        return this.book.find(call.args[0]) === undefined ? { throws: 'unknown_budget' } : this.#left(call.args[0])
      case 'initialize':
        return this.book.create(...call.args) === 'budget_exists' ? { throws: 'budget_exists' } : undefined
      case 'describe':
        return this.view(call.args[0]) ?? { throws: 'unknown_budget' }
      case 'spend':
        return this.#spend(call.args[0])
      case 'hold':
        return this.holds.hold(call.args[0], now)
      case 'capture':
        return this.holds.capture(call.args[0])
      case 'release':
        return this.holds.release(call.args[0], now)
      case 'extend':
        return this.holds.extend(call.args[0], now)
      case 'grant':
        return this.#grant(call.args[0])
      case 'transfer':
        return this.#transfer(call.args[0])
      case 'close':
        return this.#close(call.args[0])
    }
  }

  /** A budget as a store must describe it. */
  view(id: BudgetId): BudgetView | undefined {
    const budget = this.book.find(id)
    if (budget === undefined) return undefined
    const { state, held, spent, out, burned, openHolds, initial, window } = budget
    return {
      budget: budget.id,
      state,
      available: available(budget),
      held,
      spent,
      debt: debt(budget),
      in: budget.in,
      out,
      burned,
      parent: budget.parent?.id,
      children: budget.children.map((child) => child.id),
      openHolds,
      ...(initial !== undefined && { allotment: initial }),
      ...(window && { window: { start: window[0], end: window[1] } }),
    }
  }

  #spend(request: SpendRequest): BudgetResult {
    const reused = (): BudgetResult => ({ allowed: false, reason: 'id_reused', remaining: this.#left(request.budget) })
    return this.#once(`spend ${request.chargeId}`, request, reused, () => {
      const budget = this.book.find(request.budget)
      const verdict = this.book.judge(budget, request.cost)
      if (!verdict.allowed || budget === undefined) return verdict
      budget.spent += request.cost
      return { allowed: true, remaining: available(budget) }
    })
  }

  #grant(request: GrantRequest): MoveResult {
    return this.#once(`move ${request.id}`, request, reusedMove(request.budget), () =>
      this.book.grant(request.budget, request.amount),
    )
  }

  #transfer(request: TransferRequest): MoveResult {
    return this.#once(`move ${request.id}`, request, reusedMove(request.from), () => this.book.transfer(request))
  }

  #close(request: CloseRequest): CloseResult {
    const reused = (): CloseResult => ({ kind: 'refused', reason: 'id_reused' })
    return this.#once(`close ${request.id}`, request, reused, () => this.book.close(request.budget))
  }

  #once<Answer>(key: string, request: object, reused: () => Answer, act: () => Answer): Answer {
    const known = this.#answers.get(key)
    if (known !== undefined) return isSame(known.request, request) ? (known.answer as Answer) : reused()
    const answer = act()
    this.#answers.set(key, { request, answer })
    return answer
  }

  #left(id: string): Credits {
    const budget = this.book.find(id)
    return budget === undefined ? 0 : available(budget)
  }
}

function reusedMove(budget: string): () => MoveResult {
  return () => ({ kind: 'refused', reason: 'id_reused', budget: budgetId(budget), remaining: 0 })
}
