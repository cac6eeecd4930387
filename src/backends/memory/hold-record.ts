import { budgetId } from '../../budget/budget-id.js'
import type { ChargeId } from '../../core/ids.js'
import type { Credits } from '../../core/credits.js'
import type { EnforcerReason, HoldLine, HoldRequest } from '../../budget/enforcer.js'
import type { HoldState, OnExpire, Overage } from '../../budget/hold.js'
import type { BudgetRecord } from './budget-record.js'
import type { Timed } from './deadlines.js'

/** One line of a hold, resolved. */
export interface HeldLine {
  readonly budget: BudgetRecord
  readonly amount: Credits
  readonly unit: string | undefined
  /** When the window began that it was placed in. */
  readonly windowStart: number | undefined
}

/**
 * A hold and the memory of it: after its end, or when it was refused, the record stays for a while so that the same
 * request gets the same answer.
 */
export class HoldRecord implements Timed {
  slot = -1
  next: Timed | undefined = undefined
  previous: Timed | undefined = undefined
  deadline: number
  /** `refused` and `barred` never held anything; `barred` was released before it arrived. */
  state: HoldState | 'refused' | 'barred'
  endId: string | undefined = undefined
  endAmount: Credits = 0
  endOverage: Overage | undefined = undefined
  endKind: 'capture' | 'release' | 'expire' | 'late' | undefined = undefined
  charged: Credits = 0
  returned: Credits = 0
  /** When it ended, for the memory to forget it. */
  endedAt = 0

  constructor(
    readonly id: ChargeId,
    readonly request: HoldRequest | undefined,
    readonly lines: readonly HeldLine[],
    state: HoldRecord['state'],
    deadline: number,
    readonly onExpire: OnExpire,
    readonly remaining: Credits,
    readonly debt: Credits,
    readonly refusedBy: { readonly reason: EnforcerReason; readonly budget: string } | undefined,
  ) {
    this.state = state
    this.deadline = deadline
  }
}

/** Whether two requests ask for the same hold. */
export function sameHold(a: HoldRequest, b: HoldRequest): boolean {
  return (
    a === b ||
    (a.ttlMs === b.ttlMs &&
      a.onExpire === b.onExpire &&
      (a.overdraft ?? false) === (b.overdraft ?? false) &&
      a.meta?.tool === b.meta?.tool &&
      a.meta?.server === b.meta?.server &&
      a.lines.length === b.lines.length &&
      a.lines.every((line, i) => sameLine(line, b.lines[i] as HoldLine)))
  )
}

function sameLine(a: HoldLine, b: HoldLine): boolean {
  const sameBudget = a.budget === b.budget || budgetId(a.budget) === budgetId(b.budget)
  // Windows are left out: a repetition may come when the caller's calendar has moved on.
  return sameBudget && a.amount === b.amount && (a.unit ?? 'credits') === (b.unit ?? 'credits')
}
