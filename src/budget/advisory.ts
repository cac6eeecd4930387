import { isObject } from '../core/json.js'
import type { CallHold } from './call-hold.js'
import type { CallOutcome } from '../core/outcome.js'

/** The `_meta` key of the balance advisory. */
export const BALANCE_META = 'dev.mcp-budget/balance'

/**
 * In soft mode, a result that was let through beyond the budget says so in its `_meta`:
 * `{ remaining, mode: 'soft', advisory }`. A copy; the result that came is never changed.
 */
export function withAdvisory(outcome: CallOutcome, hold: CallHold): CallOutcome {
  if (!(hold.debt > 0) || outcome.kind !== 'result') return outcome
  const { result } = outcome
  const meta = isObject(result._meta) ? result._meta : {}
  const advisory = `Over budget: ${hold.debt} credits of this call are owed`
  return {
    ...outcome,
    result: { ...result, _meta: { ...meta, [BALANCE_META]: { remaining: hold.remaining, mode: 'soft', advisory } } },
  }
}
