import { andThen, type MaybePromise } from '../core/maybe-promise.js'
import { canHold, type BudgetEnforcer, type BudgetView, type HoldLine } from './enforcer.js'
import { isUnreached, reach } from './reach.js'
import { refusalOfStore, unavailable } from './refusals.js'
import { entriesSent, type JsonObject } from '../core/json.js'
import { refuse, type Refusal } from '../core/refusal.js'
import type { BudgetSettings } from './options.js'
import type { ToolCall } from '../core/call.js'

/** What of a budget its payer is told. */
type Told = Pick<BudgetView, 'available'> & Partial<BudgetView>

/**
 * What is left of the budgets that would pay for a call: the answer of `budget/balance`, first payer first. A budget
 * that does not exist or is closed is `unauthorized`, as a call on it is.
 */
export function balances(
  settings: BudgetSettings,
  request: ToolCall,
  lines: readonly HoldLine[],
): MaybePromise<JsonObject | Refusal> {
  if (Object.keys(request.args ?? {}).length > 0)
    return refuse(request.tool, { error: 'invalid_params', reason: 'unknown_parameter' })
  const { enforcer, mode, storeTimeoutMs: timeoutMs, clock } = settings
  const told: JsonObject[] = []
  const next = (line: HoldLine | undefined): MaybePromise<JsonObject | Refusal> => {
    if (line === undefined) return { mode, budgets: told }
    const { budget, unit } = line
    return andThen(
      reach(() => viewOf(enforcer, line), { timeoutMs, clock }),
      (view) => {
        if (isUnreached(view))
          return view.misuse
            ? refusalOfStore(request, 0, { budget, remaining: 0, reason: 'unknown_budget' })
            : unavailable(request, 0, [line], view.cause)
        const { state = 'open', held, spent, debt, allotment, window } = view
        if (state !== 'open') return refusalOfStore(request, 0, { budget, remaining: 0, reason: 'closed' })
        // The next hold opens the next window: what it begins with is there already.
        const isOver = window !== undefined && window.end <= clock.now()
        // What was spent is of all windows together, and says nothing of this one.
        const rest = line.window
          ? { remaining: isOver ? allotment : view.available, reset_at: new Date(line.window.current[1]).toISOString() }
          : { remaining: view.available, held, spent, debt }
        told.push(Object.fromEntries(entriesSent({ budget_id: budget, unit, ...rest })))
        return next(lines[told.length])
      },
    )
  }
  return next(lines[0])
}

/** The same in the shape of the reference system, which knows one budget: `{ budgetId, remaining }`. */
export function legacyBalance(answer: JsonObject | Refusal): JsonObject | Refusal {
  const first = (answer as { budgets?: readonly JsonObject[] }).budgets?.[0]
  return first === undefined ? answer : { budgetId: first.budget_id, remaining: first.remaining }
}

function viewOf(enforcer: BudgetEnforcer, { budget }: HoldLine): MaybePromise<Told> {
  if (canHold(enforcer)) return enforcer.describe(budget)
  return andThen(enforcer.remaining(budget), (available) => ({ available }))
}
