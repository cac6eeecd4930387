import { andThen, type MaybePromise } from '../core/maybe-promise.js'
import { BudgetError } from '../core/errors.js'
import { lacksCredits, reasonOf } from './refusals.js'
import type { BudgetEnforcer, BudgetResult, HoldingEnforcer, HoldLine } from './enforcer.js'
import type { ChargeId } from '../core/ids.js'

/** What `withBudget` needs of a store that can hold. */
export type Holder = Pick<HoldingEnforcer, 'hold' | 'capture' | 'release' | 'extend'>

/** How many calls may wait for input before the oldest has to pay again. */
const MAX_WAITING = 10_000

/**
 * A store of four verbs as one that holds: a hold is paid at once, and nothing can be given back. A capture is only
 * for a call that passed while the store was out of reach. A call that is asked for input goes on in this process only,
 * for the store could not tell two others that bring the same round.
 */
export function payInAdvance(enforcer: BudgetEnforcer): Holder {
  /** Calls that were asked for input, with the last round that was used of each. */
  const paid = new Map<ChargeId, { used: number; readonly text: string }>()
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
    extend({ holdId, round, lines = [] }) {
      const known = paid.get(holdId)
      const text = lines.map(({ budget, amount }) => `${budget} ${amount}`).join()
      if (round === undefined) paid.set(holdId, { used: known?.used ?? 0, text })
      else if (known === undefined || known.text !== text || round <= known.used)
        return { kind: 'refused', reason: 'round_used' }
      else known.used = round
      const [oldest] = paid.keys()
      if (oldest !== undefined && paid.size > MAX_WAITING) paid.delete(oldest)
      return { kind: 'extended', expiresAt: Infinity }
    },
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
