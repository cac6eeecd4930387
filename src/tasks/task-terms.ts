import type { Policy } from './retry-policy.js'
import type { TaskSettings } from './settings.js'
import type { TaskTerms } from '../core/operation.js'

/**
 * For how long the hold of a task is kept, and what becomes of it then: the task's time to live, and not less than
 * `minTaskTtlMs`, with the grace period, and not more than `maxHoldMs`. It is counted from when the task was seen here,
 * for its server's clock may say anything.
 *
 * A task that lives less than `minTaskTtlMs` because its client asked for that is charged when nothing was heard of it:
 * its server forgets it before anybody could hear.
 *
 * @param life `ttlMs` `null`: for ever
 */
export function taskTerms(
  { minTaskTtlMs, graceMs, maxHoldMs }: Pick<TaskSettings, 'minTaskTtlMs' | 'graceMs' | 'maxHoldMs'>,
  { onTaskExpiry }: Pick<Policy, 'onTaskExpiry'>,
  { ttlMs, byClient }: { readonly ttlMs: number | null; readonly byClient: boolean },
): TaskTerms {
  const lifeMs = ttlMs === null ? maxHoldMs : Math.max(ttlMs, minTaskTtlMs) + graceMs
  const isShort = byClient && ttlMs !== null && ttlMs < minTaskTtlMs
  return { ttlMs: Math.max(1, Math.min(lifeMs, maxHoldMs)), onExpire: isShort ? 'capture' : onTaskExpiry }
}
