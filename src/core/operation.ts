import type { ChargeId } from './ids.js'
import type { TaskOutcome } from './outcome.js'

/** What is charged for an attempt that follows a failure: all, nothing, or a part. */
export type RetryCostMode = 'full' | 'first-only' | 'reduced'

/** Whether a method is about tasks that are there: somebody's, and not another's. */
export function isAboutTasks(method: string): boolean {
  return method.startsWith('tasks/') || method === 'subscriptions/listen'
}

/** How a task ended; `expired` also where the server says that it is gone. */
export type TaskEndKind = 'completed' | 'failed' | 'cancelled' | 'expired'

/** For how long a hold is kept for its task, and what becomes of it then. */
export interface TaskTerms {
  readonly ttlMs: number
  readonly onExpire: 'capture' | 'release'
}

/**
 * What becomes of the hold of a task.
 *
 * - `capture`, `release`: at once
 * - `expired`: its time was up, and the store has done with it what `onExpire` says
 * - `record`: nothing; that it ended so late is only written down
 */
export interface TaskFate {
  readonly kind: 'capture' | 'release' | 'expired' | 'record'
  readonly onExpire: 'capture' | 'release'
  /** Under which id to debit what a store has forgotten that gave it back. */
  readonly lateId: ChargeId | undefined
}

/** A call that became a task. */
export interface CallTask {
  /** As the server names it; the digest of that where it is no visible ASCII, or too long. */
  readonly id: string
  /** How it ended, once it has; `late` after its hold was given back. */
  readonly end: TaskEndKind | undefined
  readonly late: boolean
  readonly fate: TaskFate | undefined
}

/**
 * The same logical work over retries: what an attempt belongs to.
 *
 * @property id what all attempts share: as the caller calls it, or the charge id of the first
 * @property attempt which it is, from 1
 * @property keep on what terms the hold of a task is kept
 */
export interface Operation {
  readonly id: string
  readonly attempt: number
  readonly task: CallTask | undefined
  keep(outcome: TaskOutcome): TaskTerms
}

/** What `withTaskTracking` adds to a call; nothing where nobody pays for it. */
export interface Tracked {
  readonly operation?: Operation | undefined
}
