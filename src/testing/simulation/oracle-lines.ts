import { budgetId, tenantOf, type BudgetId } from '../../budget/budget-id.js'
import { available, type OracleBook, type OracleBudget } from './oracle-book.js'
import type { Credits } from '../../core/credits.js'
import type { EnforcerReason, HoldLine, LineWindow } from '../../budget/enforcer.js'
import type { OracleLine } from './oracle-hold.js'

/** Why lines cannot be held. */
export interface OracleRefusal {
  readonly reason: EnforcerReason
  readonly budget: BudgetId
  readonly remaining: Credits
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
  return lines.map(({ budget, amount, unit = 'credits', window }) => {
    const windowStart = window === undefined ? undefined : windowAt(window, now)
    return { budget: book.find(budget) as OracleBudget, amount, isMoney: unit === 'credits', windowStart }
  })
}

/** Opens the windows that the lines fall in. What was opened stays so when a later line is refused. */
export function openWindows(book: OracleBook, lines: readonly OracleLine[]): OracleRefusal | undefined {
  for (const { budget, windowStart } of lines) {
    if (windowStart === undefined || budget.state !== 'open') continue
    if (budget.children.length > 0) return refuse('windowed', budget.id, budget)
    if (budget.windowStart !== undefined && windowStart < budget.windowStart) {
      return refuse('clock_skew', budget.id, budget)
    }
    book.openWindow(budget, windowStart)
  }
  return undefined
}

/** The first line that cannot be held, if any. */
export function judge(book: OracleBook, lines: readonly OracleLine[], overdraft: boolean): OracleRefusal | undefined {
  for (const { budget, amount } of lines) {
    const verdict = book.judge(budget, amount)
    if (verdict.allowed || (overdraft && budget.state === 'open')) continue
    return { reason: verdict.reason, budget: budget.id, remaining: verdict.remaining }
  }
  return undefined
}

function windowAt(window: LineWindow, now: number): number | undefined {
  const spans = [window.previous, window.current, window.next]
  return spans.find(([start, end]) => start <= now && now < end)?.[0]
}

function refuse(reason: EnforcerReason, budget: BudgetId, known?: OracleBudget): OracleRefusal {
  return { reason, budget: budgetId(budget), remaining: known === undefined ? 0 : available(known) }
}
