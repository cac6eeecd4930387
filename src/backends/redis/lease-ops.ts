import { assertLease, assertRenew, assertSettle } from '../engine/lease-requests.js'
import { refusedBecause } from './answers.js'
import { sound, type Step } from './step.js'
import type { BudgetId } from '../../budget/budget-id.js'
import type { Told } from './batcher.js'
import type {
  LeaseRequest,
  LeaseResult,
  ReconcileResult,
  RenewRequest,
  RenewResult,
  SettleRequest,
  SettleResult,
} from '../../budget/lease.js'

/** A lease, as the script takes it. @throws BudgetError `invalid_request`, `invalid_credits` */
export function leaseStep(request: LeaseRequest, budget: BudgetId): Step {
  assertLease(request)
  const { id, instance, ttlMs, least, most, authority } = request
  const terms = [sound(instance), String(ttlMs), String(least), String(most), 0]
  return { op: ['lease', sound(id), false, [budget], ...terms], authority: authority && [8, authority] }
}

/** The answer: `['leased', amount, expires at, remaining, live]`, or a refusal as that of `hold`. */
export function leaseResult(told: Told, leaseId: string): LeaseResult {
  const [kind, amount, expiresAt, remaining, live] = told
  if (kind === 'leased') {
    const numbers = { amount: Number(amount), expiresAt: Number(expiresAt) }
    return { kind, leaseId, ...numbers, remaining: Number(remaining), live: Number(live) }
  }
  return { ...refusedBecause(told[1]), budget: told[2] as BudgetId, remaining: Number(told[3]) }
}

/** A report. @throws BudgetError `invalid_request`, `invalid_credits` */
export function renewStep(request: RenewRequest): Step {
  assertRenew(request)
  const { leaseId, used, ttlMs, authority } = request
  const op = ['renew', sound(leaseId), false, [], String(used + 0), String(ttlMs), 0]
  return { op, authority: authority && [6, authority] }
}

/** The answer: `['renewed', expires at, remaining, live, recall]`, or `['refused', reason]`. */
export function renewResult([kind, said, ...rest]: Told): RenewResult {
  if (kind !== 'renewed') return refusedBecause(said)
  const [remaining, live, recall] = rest
  return { kind, expiresAt: Number(said), remaining: Number(remaining), live: Number(live), recall: recall === true }
}

/** The end of a lease. @throws BudgetError `invalid_request`, `invalid_credits` */
export function leaseEndStep(verb: 'settle' | 'reconcile', request: SettleRequest): Step {
  assertSettle(request)
  const { id, leaseId, used } = request
  return { op: [verb, sound(leaseId), false, [], sound(id), String(used + 0)] }
}

/** The answer: `['settled', charged, returned]`, or `['refused', reason]`. */
export function settleResult([kind, charged, returned]: Told): SettleResult {
  if (kind !== 'settled') return refusedBecause(charged)
  return { kind, charged: Number(charged), returned: Number(returned) }
}

/** The answer: `['reconciled', returned]`, or `['refused', reason]`. */
export function reconcileResult([kind, returned]: Told): ReconcileResult {
  return kind === 'reconciled' ? { kind, returned: Number(returned) } : refusedBecause(returned)
}
