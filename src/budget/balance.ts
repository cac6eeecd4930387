import { andThen, type MaybePromise } from '../core/maybe-promise.js'
import { canHold, type BudgetEnforcer, type BudgetView, type HoldLine } from './enforcer.js'
import { isUnreached, reach } from './reach.js'
import { operationsTold } from './operations-told.js'
import { spendable } from './spendable.js'
import { refusalOfStore, unavailable } from './refusals.js'
import { entriesSent, type JsonObject } from '../core/json.js'
import { refuse, type Refusal } from '../core/refusal.js'
import type { BudgetSettings } from './options.js'
import type { ToolCall } from '../core/call.js'
import type { Authority, Authorized } from './authority.js'
import type { Clock } from '../core/clock.js'
import type { Identified } from './principal.js'

/** What of a budget its payer is told. */
type Told = Pick<BudgetView, 'available'> & Partial<BudgetView>

/**
 * What is left of the budgets that would pay for a call: the answer of `budget/balance`, first payer first. A budget
 * that does not exist or is closed is `unauthorized`, as a call on it is. Who asks by a token is told of its own budget
 * alone, and of no more than the token could spend. With `operations: true` also what its operations cost, where there
 * are records of them.
 */
export function balances(
  settings: BudgetSettings,
  request: ToolCall & Partial<Identified> & Authorized,
  lines: readonly HoldLine[],
): MaybePromise<JsonObject | Refusal> {
  const { enforcer, mode, storeTimeoutMs: timeoutMs, clock, records } = settings
  const { principal, authority } = request
  const { operations, ...others } = request.args ?? {}
  const expected = records === undefined ? 'no parameters' : 'only operations: true'
  if (Object.keys(others).length > 0 || (operations !== undefined && records === undefined))
    return refuse(request.tool, { error: 'invalid_params', reason: 'unknown_parameter', expected })
  if (operations !== undefined && operations !== true)
    return refuse(request.tool, { error: 'invalid_params', reason: 'invalid_arguments', expected })
  if (lines.length === 0) return refuse(request.tool, { error: 'unauthorized', reason: 'unauthorized' })
  const told: Array<{ readonly line: HoldLine; readonly view: Told }> = []
  const next = (line: HoldLine | undefined): MaybePromise<JsonObject | Refusal> => {
    if (line === undefined) {
      const budgets = principal === undefined ? told.map(({ line: own, view }) => shown(own, view, clock)) : [toToken()]
      const [first] = lines
      if (records === undefined || operations === undefined || first === undefined) return { mode, budgets }
      return andThen(operationsTold(records, first.budget, request, settings), (told) =>
        isUnreached(told) ? unavailable(request, 0, lines, told.cause) : { mode, budgets, operations: told },
      )
    }
    const { budget } = line
    return andThen(
      reach(() => viewOf(enforcer, line, told.length === 0 ? authority : undefined), { timeoutMs, clock }),
      (view) => {
        if (isUnreached(view))
          return view.misuse
            ? refusalOfStore(request, 0, { budget, remaining: 0, reason: 'unknown_budget' })
            : unavailable(request, 0, [line], view.cause)
        const { state = 'open' } = view
        if (state !== 'open') return refusalOfStore(request, 0, { budget, remaining: 0, reason: 'closed' })
        told.push({ line, view })
        return next(lines[told.length])
      },
    )
  }
  const toToken = (): JsonObject => {
    const [first] = told
    const { limits } = first?.view ?? {}
    const shares = told.filter(({ line }) => (line.unit ?? 'credits') === 'credits').map(({ view }) => view.available)
    const left = first === undefined ? shares : [...shares, spendable(first.view)]
    const calls = (limits?.calls ?? []).map(({ limit, used }) => limit - used)
    const own = first === undefined ? {} : shown(first.line, first.view, clock)
    // What others have spent of a budget that they share is not this token's to know.
    const { held, spent, debt, ...rest } = own
    const whole = (authority?.ceilings.length ?? 0) === 0 ? { held, spent, debt } : {}
    const about = {
      token_id: principal?.tokenId?.slice(0, 12),
      ...(left.length > 0 && { remaining: Math.max(0, Math.min(...left)) }),
      ...(calls.length > 0 && { remaining_calls: Math.max(0, Math.min(...calls)) }),
    }
    return Object.fromEntries(entriesSent({ ...rest, ...whole, ...about }))
  }
  return next(lines[0])
}

/** The same in the shape of the reference system, which knows one budget: `{ tokenId, budgetId, remaining }`. */
export function legacyBalance(answer: JsonObject | Refusal): JsonObject | Refusal {
  const first = (answer as { budgets?: readonly JsonObject[] }).budgets?.[0]
  if (first === undefined) return answer
  const { token_id: tokenId, budget_id: budgetId, remaining } = first
  return Object.fromEntries(entriesSent({ tokenId, budgetId, remaining }))
}

function shown({ budget, unit, window: line }: HoldLine, view: Told, clock: Clock): JsonObject {
  const { available, held, spent, debt, allotment, window } = view
  // The next hold opens the next window: what it begins with is there already.
  const isOver = window !== undefined && window.end <= clock.now()
  // What was spent is of all windows together, and says nothing of this one.
  const rest = line
    ? { remaining: isOver ? allotment : available, reset_at: new Date(line.current[1]).toISOString() }
    : { remaining: available, held, spent, debt }
  return Object.fromEntries(entriesSent({ budget_id: budget, unit, ...rest }))
}

function viewOf(enforcer: BudgetEnforcer, { budget }: HoldLine, authority: Authority | undefined): MaybePromise<Told> {
  if (canHold(enforcer)) return enforcer.describe(budget, authority)
  return andThen(enforcer.remaining(budget), (available) => ({ available }))
}
