import { misconfigured, oneOf } from '../core/settings.js'
import { budgetId, type BudgetId } from './budget-id.js'
import type { Credits } from '../core/credits.js'
import type { ToolCall } from '../core/call.js'
import type { HoldLine } from './enforcer.js'

/** One budget that pays: by name for the call's cost, or with `unit: 'calls'` for one call, whatever it costs. */
export type BudgetLine = BudgetId | { readonly budget: BudgetId; readonly unit?: 'credits' | 'calls' }

/** Who pays: one budget, several at once, or whoever a function names for a call. */
export type BudgetSpec = BudgetLine | readonly BudgetLine[] | ((call: ToolCall) => BudgetLine | readonly BudgetLine[])

interface Payer {
  readonly budget: BudgetId
  readonly calls: boolean
}

/**
 * Compiles who pays into a function that gives the lines of a call. Fixed payers are checked here, once.
 *
 * @throws BudgetError `invalid_budget_id`, `invalid_config`
 */
export function compileLines(spec: BudgetSpec): (call: ToolCall, cost: Credits) => readonly HoldLine[] {
  if (typeof spec === 'function') return (call, cost) => linesOf(payers(spec(call)), cost)
  const fixed = payers(spec)
  const only = fixed.length === 1 && fixed[0]?.calls === false ? fixed[0].budget : undefined
  return only === undefined ? (_call, cost) => linesOf(fixed, cost) : (_call, cost) => [{ budget: only, amount: cost }]
}

function payers(spec: BudgetLine | readonly BudgetLine[]): readonly Payer[] {
  const list = (Array.isArray(spec) ? spec : [spec]) as readonly BudgetLine[]
  const all = list.map((line) => {
    if (typeof line === 'string') return { budget: budgetId(line), calls: false }
    const unit = oneOf(line?.unit, ['credits', 'calls'], 'budget.unit')
    return { budget: budgetId(line?.budget), calls: unit === 'calls' }
  })
  if (all.length === 0 || new Set(all.map((payer) => payer.budget)).size < all.length) {
    throw misconfigured('budget', 'at least one budget, and each once', all.length)
  }
  return all
}

function linesOf(all: readonly Payer[], cost: Credits): readonly HoldLine[] {
  return all.map(({ budget, calls }) => (calls ? { budget, amount: 1, unit: 'calls' } : { budget, amount: cost }))
}
