import type { Authority, UsedLimit } from '../../budget/authority.js'
import type { BudgetId } from '../../budget/budget-id.js'
import type { BudgetResult, BudgetView, EnforcerReason, HoldResult, MoveResult } from '../../budget/enforcer.js'
import type { Told } from './batcher.js'

/** A refusal of a verb that says no more than why. */
export function refusedBecause(reason: Told[number] | undefined): {
  readonly kind: 'refused'
  readonly reason: EnforcerReason
} {
  return { kind: 'refused', reason: reason as EnforcerReason }
}

/** The answer to `check` and `spend`: `['allowed' or why not, remaining]`. */
export function budgetResult([said, remaining]: Told): BudgetResult {
  return said === 'allowed'
    ? { allowed: true, remaining: Number(remaining) }
    : { allowed: false, remaining: Number(remaining), reason: said as EnforcerReason }
}

/** The answer to `hold`: `['held', remaining, debt]` or `['refused', reason, budget, remaining, reset at]`. */
export function holdResult(told: Told, holdId: string): HoldResult {
  const [kind] = told
  if (kind === 'held') return { kind, holdId, remaining: Number(told[1]), debt: Number(told[2]) }
  const [, reason, budget, remaining, resetAt] = told
  return {
    ...refusedBecause(reason),
    budget: budget as BudgetId,
    remaining: Number(remaining),
    ...(resetAt !== false && { resetAt: Number(resetAt) }),
  }
}

/** The answer to `grant` and `transfer`: `['moved', remaining]` or `['refused', reason, budget, remaining]`. */
export function moveResult(told: Told): MoveResult {
  const [kind] = told
  if (kind === 'moved') return { kind, remaining: Number(told[1]) }
  return { ...refusedBecause(told[1]), budget: told[2] as BudgetId, remaining: Number(told[3]) }
}

/** The answer to `describe`: the columns of a view, each text or `false`. */
export function budgetView(budget: BudgetId, told: Told, authority: Authority | undefined): BudgetView {
  const [state, available, held, spent, debt, received, out, burned, openHolds] = told
  const [parent, children, allotment, start, end, registration, expiresAt, ceilings, calls] = told.slice(9)
  const [leases, leased, forfeited] = told.slice(18).map(Number)
  return {
    budget,
    state: state as BudgetView['state'],
    available: Number(available),
    held: Number(held),
    spent: Number(spent),
    debt: Number(debt),
    in: Number(received),
    out: Number(out),
    burned: Number(burned),
    parent: parent === false ? undefined : (parent as string),
    children: children === false ? [] : (children as string[]),
    openHolds: Number(openHolds),
    ...(((leases ?? 0) > 0 || (forfeited ?? 0) > 0) && {
      leases: leases ?? 0,
      leased: leased ?? 0,
      forfeited: forfeited ?? 0,
    }),
    ...(allotment !== false && { allotment: Number(allotment) }),
    ...(start !== false && { window: { start: Number(start), end: Number(end) } }),
    ...(registration !== false && { registration: registration as string }),
    ...(expiresAt !== false && { expiresAt: Number(expiresAt) }),
    ...(authority && {
      limits: { ceilings: used(authority.ceilings, ceilings), calls: used(authority.calls, calls) },
    }),
  }
}

function used(limits: Authority['ceilings'], told: Told[number] | undefined): UsedLimit[] {
  const numbers = Array.isArray(told) ? told : []
  return limits.map((limit, n) => ({ ...limit, used: Number(numbers[n]) }))
}
