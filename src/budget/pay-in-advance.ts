import { andThen, type MaybePromise } from '../core/maybe-promise.js'
import { BudgetError } from '../core/errors.js'
import { lacksCredits, reasonOf } from './refusals.js'
import type { BudgetEnforcer, BudgetResult, HoldingEnforcer, HoldLine } from './enforcer.js'
import type { ChargeId } from '../core/ids.js'

/** What `withBudget` needs of a store that can hold. */
export type Holder = Pick<HoldingEnforcer, 'hold' | 'capture' | 'release' | 'extend'>

/**
 * A store of four verbs as one that holds: a hold is paid at once, and nothing can be given back. A capture is only
 * for a call that passed while the store was out of reach.
 */
export function payInAdvance(enforcer: BudgetEnforcer): Holder {
  const spend = (chargeId: ChargeId, lines: readonly HoldLine[], tool = ''): MaybePromise<BudgetResult> => {
    const { budget, amount: cost } = onlyLine(lines)
    return enforcer.spend({ chargeId, budget, tool, cost })
  }
  return {
    hold: ({ id, lines, overdraft, meta }) =>
      andThen(spend(id, lines, meta?.tool), (answer) => {
        // What makes no sense is handed on for the caller to judge.
        if (typeof answer?.allowed !== 'boolean') return answer
        const { budget, amount } = onlyLine(lines)
        const { allowed, remaining } = answer
        if (allowed) return { kind: 'held', holdId: id, remaining, debt: 0 }
        const reason = reasonOf(answer)
        if (overdraft === true && lacksCredits(reason)) return { kind: 'held', holdId: id, remaining, debt: amount }
        return { ...answer, kind: 'refused', reason, budget }
      }),
    capture: ({ holdId, lines = [], meta, amount }) =>
      andThen(spend(holdId, lines, meta?.tool), (answer) =>
        answer.allowed
          ? { kind: 'captured', charged: amount, late: true }
          : { kind: 'refused', reason: reasonOf(answer) },
      ),
    release: () => ({ kind: 'released', returned: 0 }),
    extend: () => ({ kind: 'refused', reason: 'unknown_hold' }),
  }
}

/** Whether a store of four verbs can take lines: one, and without windows, which no spend carries. */
export function canPay([line, ...more]: readonly HoldLine[]): boolean {
  return line !== undefined && more.length === 0 && line.window === undefined
}

function onlyLine(lines: readonly HoldLine[]): HoldLine {
  if (canPay(lines)) return lines[0] as HoldLine
  const got = lines.length === 1 ? 'one with a window' : lines.length
  throw new BudgetError({
    code: 'not_supported',
    message: `Expected one budget without a window, for the store has four verbs only, got ${got}`,
  })
}
