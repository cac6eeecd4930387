import { isObject } from '../core/json.js'
import type { CallHold } from './call-hold.js'
import type { CallOutcome, Charge } from '../core/outcome.js'
import type { BudgetSettings } from './options.js'

/** The `_meta` key of the balance advisory. */
export const BALANCE_META = 'dev.mcp-budget/balance'

/**
 * In soft mode, a result that was let through beyond the budget says so in its `_meta`:
 * `{ remaining, mode: 'soft', advisory }`. With `advise` every result says `{ remaining, mode }`, in hard mode too; not
 * in shadow mode, and not where the store was out of reach, for nobody knows the balance then. A copy; the result that
 * came is never changed.
 */
export function withAdvisory(
  outcome: CallOutcome,
  hold: CallHold,
  { held, charged }: Charge,
  { advise, mode, hideBalance }: Pick<BudgetSettings, 'advise' | 'mode' | 'hideBalance'>,
): CallOutcome {
  const known = hold.state === 'held' || hold.state === 'spent'
  const { remaining } = hold
  if (outcome.kind !== 'result' || !known || remaining === undefined || !(advise || hold.debt > 0)) return outcome
  // Where it was paid before the call, nothing comes back. What comes back repays the debt first.
  const back = hold.state === 'held' ? held - charged : 0
  const owed = hold.debt - Math.min(hold.debt, Math.max(0, back))
  if (!advise && owed === 0) return outcome
  // A line of another unit is charged as it was held, and may be the one that has the least.
  const credits = hold.lines.every((line) => (line.unit ?? 'credits') === 'credits')
  const more = credits ? back - (hold.debt - owed) : 0
  const how = hideBalance ? 'some' : owed
  const advisory = owed > 0 ? { advisory: `Over budget: ${how} credits of this call are owed` } : {}
  const { result } = outcome
  const meta = isObject(result._meta) ? result._meta : {}
  const balance = { ...(!hideBalance && { remaining: Math.max(0, remaining + more) }), mode, ...advisory }
  return { ...outcome, result: { ...result, _meta: { ...meta, [BALANCE_META]: balance } } }
}
