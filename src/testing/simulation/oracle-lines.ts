import { budgetId, tenantOf, type BudgetId } from '../../budget/budget-id.js'
import { available, type OracleBook, type OracleBudget } from './oracle-book.js'
import type { Credits } from '../../core/credits.js'
import type { EnforcerReason, HoldLine, LineWindow, WindowSpan } from '../../budget/enforcer.js'
import type { OracleLine } from './oracle-hold.js'

/** Why lines cannot be held. */
export interface OracleRefusal {
  readonly reason: EnforcerReason
  readonly budget: BudgetId
  readonly remaining: Credits
  readonly resetAt?: number
}

/** The budgets of a hold's lines, or why they cannot be held together. */
export function linesOf(
  book: OracleBook,
  lines: readonly HoldLine[],
  now: number,
): readonly OracleLine[] | OracleRefusal {
  const tenant = tenantOf(budgetId(lines[0]?.budget ?? ''))
  const foreign = lines.find(({ budget }) => tenantOf(budgetId(budget)) !== tenant)
  if (foreign !== undefined) return refuse('cross_partition', foreign.budget)
  const skewed = lines.find(({ window }) => window !== undefined && windowAt(window, now) === undefined)
  if (skewed !== undefined) return refuse('clock_skew', skewed.budget)
  const unknown = lines.find(({ budget }) => book.find(budget) === undefined)
  if (unknown !== undefined) return refuse('unknown_budget', unknown.budget)
  return lines.map(({ budget, amount, unit = 'credits', window }) => ({
    budget: book.find(budget) as OracleBudget,
    amount,
    isMoney: unit === 'credits',
    window: window === undefined ? undefined : windowAt(window, now),
  }))
}

/** Opens the windows that the lines fall in. What was opened stays so when a later line is refused. */
export function openWindows(book: OracleBook, lines: readonly OracleLine[]): OracleRefusal | undefined {
  for (const { budget, window } of lines) {
    if (window === undefined || budget.state !== 'open') continue
    if (budget.children.length > 0) return refuse('windowed', budget.id, budget)
    if (budget.window !== undefined && window[0] < budget.window[0]) {
      return refuse('clock_skew', budget.id, budget)
    }
    book.openWindow(budget, window)
  }
  return undefined
}

/** The first line that cannot be held, if any. */
export function judge(book: OracleBook, lines: readonly OracleLine[], overdraft: boolean): OracleRefusal | undefined {
  for (const { budget, amount, window } of lines) {
    const verdict = book.judge(budget, amount)
    if (verdict.allowed || (overdraft && budget.state === 'open')) continue
    const refusal = { reason: verdict.reason, budget: budget.id, remaining: verdict.remaining }
    const fresh = window !== undefined && budget.state === 'open' ? (budget.initial ?? 0) : -1
    return amount <= fresh ? { ...refusal, resetAt: window?.[1] as number } : refusal
  }
  return undefined
}

function windowAt(window: LineWindow, now: number): WindowSpan | undefined {
  const spans = [window.previous, window.current, window.next]
  return spans.find(([start, end]) => start <= now && now < end)
}

function refuse(reason: EnforcerReason, budget: BudgetId, known?: OracleBudget): OracleRefusal {
  return { reason, budget: budgetId(budget), remaining: known === undefined ? 0 : available(known) }
}
