import { budgetId, type BudgetId } from '../../budget/budget-id.js'
import { available, debt, isAbove, OracleBook } from './oracle-book.js'
import { isSame, type OracleHold } from './oracle-hold.js'
import { OracleHolds } from './oracle-holds.js'
import { OracleTokens } from './oracle-tokens.js'
import { transfer } from './oracle-transfer.js'
import type { Authority } from '../../budget/authority.js'
import type { RevokeRequest, RevokeResult } from '../../budget/moves.js'
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
  readonly tokens = new OracleTokens(this.book)
  readonly holds: OracleHolds
  readonly #answers = new Map<string, { readonly request: object; readonly answer: unknown }>()

  /** @param onEnd told of every end of a hold, and of every late charge */
  constructor(onEnd: (hold: OracleHold, charged: Credits) => void = () => {}) {
    this.holds = new OracleHolds(this.book, this.tokens, onEnd)
  }

  /** What a store must answer to this call at this time; `{ throws }` where it must throw, with the code. */
  ask(call: EnforcerCall, now: number): unknown {
    this.expire(now)
    switch (call.verb) {
      case 'check':
        return this.book.judge(this.book.find(call.args[0]), call.args[1])
      case 'remaining':
        return this.book.find(call.args[0]) === undefined ? { throws: 'unknown_budget' } : this.#left(call.args[0])
      case 'initialize':
        return this.book.create(...call.args) === 'budget_exists' ? { throws: 'budget_exists' } : undefined
      case 'describe':
        return this.#describe(...call.args) ?? { throws: 'unknown_budget' }
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
        return this.#transfer(call.args[0], now)
      case 'close':
        return this.#close(call.args[0])
      case 'revoke':
        return this.#revoke(call.args[0])
      default:
        // Leases have a simulator of their own.
        return undefined
    }
  }

  /** Ends what is due, holds and budgets, in the order of their times. */
  expire(now: number): void {
    const ends = [...this.book.budgets.values()].map(({ created }) => created?.expiresAt ?? Infinity)
    for (const end of ends.filter((each) => each <= now).sort((a, b) => a - b)) {
      this.holds.expire(end)
      this.book.expire(end)
    }
    this.holds.expire(now)
  }

  /** A budget as a store must describe it. */
  view(id: BudgetId): BudgetView | undefined {
    const budget = this.book.find(id)
    if (budget === undefined) return undefined
    const { state, held, spent, out, burned, openHolds, initial, window, created } = budget
    const expiresAt = this.book.endOf(budget)
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
      ...(created && { registration: created.registration }),
      ...(expiresAt < Infinity && { expiresAt }),
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

  #transfer(request: TransferRequest, now: number): MoveResult {
    return this.#once(`move ${request.id}`, request, reusedMove(request.from), () =>
      transfer(this.book, this.tokens, request, now),
    )
  }

  #close(request: CloseRequest): CloseResult {
    const reused = (): CloseResult => ({ kind: 'refused', reason: 'id_reused' })
    return this.#once(`close ${request.id}`, request, reused, () => this.tokens.close(request))
  }

  #revoke(request: RevokeRequest): RevokeResult {
    const reused = (): RevokeResult => ({ kind: 'refused', reason: 'id_reused' })
    return this.#once(`revoke ${request.id}`, request, reused, () => this.tokens.revoke(request))
  }

  #describe(id: BudgetId, authority?: Authority): BudgetView | undefined {
    const [view, budget] = [this.view(id), this.book.find(id)]
    if (authority === undefined || view === undefined || budget === undefined) return view
    const payer = this.tokens.payer(authority)
    const isShown = payer !== undefined && (payer === budget || isAbove(payer, budget))
    if (!isShown || this.tokens.isRevoked(authority)) return undefined
    const [ceilings, calls] = [this.tokens.usedOf(authority.ceilings), this.tokens.usedOf(authority.calls)]
    return { ...view, limits: { ceilings, calls } }
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
