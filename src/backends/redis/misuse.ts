import { BudgetError } from '../../core/errors.js'
import { budgetId, type BudgetId } from '../../budget/budget-id.js'
import type { Told } from './batcher.js'

/** The first line of a hold is on another budget than that of its token: `['misuse', payer, budget]`. */
export function wrongPayer([, payer, budget]: Told): BudgetError {
  return new BudgetError({
    code: 'invalid_request',
    message: `Expected the first line on the token's budget ${String(payer)}, got ${String(budget)}`,
  })
}

/** Nobody has created it. */
export function unknownBudget(budget: BudgetId): BudgetError {
  return new BudgetError({
    code: 'unknown_budget',
    message: `Expected a budget that exists, got ${budgetId(budget)}; create it with \`initialize\``,
  })
}
