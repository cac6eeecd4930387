import { budgetId, type BudgetId } from '../../budget/budget-id.js'
import type { CloseResult, EnforcerReason, MoveResult, Verdict, WindowSpan } from '../../budget/enforcer.js'
import type { Authority } from '../../budget/authority.js'
import type { Credits } from '../../core/credits.js'
import type { NewBudget } from '../../budget/moves.js'

/** A budget by its counters alone. What is available, or owed, follows from them. */
export interface OracleBudget {
  readonly id: BudgetId
  readonly parent: OracleBudget | undefined
  readonly children: OracleBudget[]
  readonly initial: Credits | undefined
  state: 'open' | 'closing' | 'closed'
  in: Credits
  out: Credits
  held: Credits
  spent: Credits
  burned: Credits
  openHolds: number
  window: WindowSpan | undefined
  /** With what it was created for a token, by which request, and by which token. */
  created: NewBudget | undefined
  by: string | undefined
  origin: Authority | undefined
}

/** What came in and did not go: the balance if positive, the debt if negative. */
export function net(budget: OracleBudget): number {
  return budget.in - budget.held - budget.spent - budget.out - budget.burned
}

/** What can be held or spent. Debt is repaid first, so there is never both. */
export function available(budget: OracleBudget): Credits {
  return Math.max(0, net(budget))
}

/** What is owed. */
export function debt(budget: OracleBudget): Credits {
  return Math.max(0, -net(budget))
}

/** The budgets of the oracle, and what moves between them. Knows nothing of ids, holds or time. */
export class OracleBook {
  readonly budgets = new Map<BudgetId, OracleBudget>()
  /** All new credits. */
  granted: Credits = 0

  find(id: BudgetId): OracleBudget | undefined {
    return this.budgets.get(id) ?? this.budgets.get(budgetId(id))
  }

  create(id: BudgetId, initial: Credits): 'created' | 'kept' | 'budget_exists' {
    const known = this.find(id)
    if (known !== undefined) return known.initial === initial ? 'kept' : 'budget_exists'
    this.add(id, initial, undefined).in = initial
    this.granted += initial
    return 'created'
  }

  judge(budget: OracleBudget | undefined, cost: Credits): Verdict {
    if (budget === undefined) return { allowed: false, remaining: 0, reason: 'unknown_budget' }
    if (budget.state !== 'open') return { allowed: false, remaining: 0, reason: 'closed' }
    const remaining = available(budget)
    if (cost <= remaining) return { allowed: true, remaining }
    return { allowed: false, remaining, reason: remaining === 0 ? 'exhausted' : 'insufficient' }
  }

  grant(id: BudgetId, amount: Credits): MoveResult {
    const budget = this.find(id)
    if (budget?.state !== 'open') return refusedMove(id, budget)
    budget.in += amount
    this.granted += amount
    return { kind: 'moved', remaining: available(budget) }
  }

  close(id: BudgetId): CloseResult {
    const budget = this.find(id)
    if (budget === undefined) return { kind: 'refused', reason: 'unknown_budget' }
    if (budget.state !== 'open') return { kind: 'refused', reason: 'closed' }
    const family = familyOf(budget)
    const returned = family.reduce((sum, each) => sum + available(each), 0)
    this.closeAll(family)
    return { kind: 'closed', returned }
  }

  closeAll(family: readonly OracleBudget[]): void {
    for (const each of family) if (each.state === 'open') each.state = 'closing'
    for (const each of family) this.drain(each)
  }

  /** Ends every budget that is due at a time. */
  expire(now: number): void {
    for (const budget of this.budgets.values()) {
      if (budget.state === 'open' && (budget.created?.expiresAt ?? Infinity) <= now) this.closeAll(familyOf(budget))
    }
  }

  /** When a budget ends by itself: with the first above it that does. */
  endOf(budget: OracleBudget): number {
    const own = budget.created?.expiresAt ?? Infinity
    return budget.parent === undefined ? own : Math.min(own, this.endOf(budget.parent))
  }

  /** A closing budget keeps nothing: what it has goes to the nearest open ancestor, or is burned. */
  drain(budget: OracleBudget): void {
    if (budget.state === 'open') return
    const amount = available(budget)
    let heir = budget.parent
    while (heir !== undefined && heir.state !== 'open') heir = heir.parent
    if (heir === undefined) budget.burned += amount
    else {
      budget.out += amount
      heir.in += amount
    }
    if (budget.held === 0) budget.state = 'closed'
  }

  /** A budget begins anew: what is left is burned, what is owed is made good. Windows only go forward. */
  openWindow(budget: OracleBudget, window: WindowSpan): void {
    const before = budget.window
    if (before !== undefined && window[0] <= before[0]) return
    budget.window = window
    if (before === undefined) return
    const allotment = budget.initial ?? 0
    this.makeGood(budget, allotment + debt(budget), available(budget))
  }

  /** New credits from whoever opens windows, and old ones that are burned. */
  makeGood(budget: OracleBudget, came: Credits, burned: Credits): void {
    budget.in += came
    budget.burned += burned
    this.granted += came
  }

  add(name: BudgetId, initial: Credits | undefined, parent: OracleBudget | undefined): OracleBudget {
    const id = budgetId(name)
    const zero = { in: 0, out: 0, held: 0, spent: 0, burned: 0, openHolds: 0, window: undefined }
    const token = { created: undefined, by: undefined, origin: undefined }
    const budget: OracleBudget = { id, parent, children: [], initial, state: 'open', ...zero, ...token }
    parent?.children.push(budget)
    this.budgets.set(id, budget)
    return budget
  }
}

/** A budget and all below it. */
export function familyOf(budget: OracleBudget): readonly OracleBudget[] {
  return [budget, ...budget.children.flatMap(familyOf)]
}

/** Whether a budget is above another. */
export function isAbove(above: OracleBudget, { parent }: OracleBudget): boolean {
  return parent !== undefined && (parent === above || isAbove(above, parent))
}

function refusedMove(id: BudgetId, budget: OracleBudget | undefined): MoveResult {
  return refuseMove(budget === undefined ? 'unknown_budget' : 'closed', id)
}

/** A move that must be refused. */
export function refuseMove(reason: EnforcerReason, id: BudgetId, remaining: Credits = 0): MoveResult {
  return { kind: 'refused', reason, budget: budgetId(id), remaining }
}
