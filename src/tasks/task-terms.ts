import type { Policy } from './retry-policy.js'
import type { TaskSettings } from './settings.js'
import type { TaskTerms } from '../core/operation.js'

/** The longest time that a timer can take; it takes a longer one for 1 ms. */
const LONGEST_TIMER_MS = 2_147_483_647

/**
 * For how long the hold of a task is kept, and what becomes of it then: the task's time to live, and not less than
 * `minTaskTtlMs`, with the grace period, and not more than `maxHoldMs`. It is counted from when the task was seen here,
 * for its server's clock may say anything.
 *
 * A task that lives less than `minTaskTtlMs` because its client asked for that is charged when nothing was heard of it:
 * its server forgets it before anybody could hear. So is one that lives so long that its server's timer takes it for that.
 *
 * @param life `ttlMs` `null`: for ever
 */
export function taskTerms(
  { minTaskTtlMs, graceMs, maxHoldMs }: Pick<TaskSettings, 'minTaskTtlMs' | 'graceMs' | 'maxHoldMs'>,
  { onTaskExpiry }: Pick<Policy, 'onTaskExpiry'>,
  { ttlMs, byClient }: { readonly ttlMs: number | null; readonly byClient: boolean },
): TaskTerms {
  const lifeMs = ttlMs === null ? maxHoldMs : Math.max(ttlMs, minTaskTtlMs) + graceMs
  const isShort = byClient && ttlMs !== null && (ttlMs < minTaskTtlMs || ttlMs > LONGEST_TIMER_MS)
  return { ttlMs: Math.max(1, Math.min(lifeMs, maxHoldMs)), onExpire: isShort ? 'capture' : onTaskExpiry }
}
