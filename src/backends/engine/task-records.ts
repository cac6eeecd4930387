import type { DeadlineTable } from './records.js'
import type { KeyRecord, NotedFailure } from './attempts.js'
import type { TaskRecord } from './task-record.js'

/** What the engine of tasks decides on: all that a store keeps, or as much of it as the requests of one step touch. */
export interface TaskRecords {
  /** The bindings of each task's name, one for each principal. */
  readonly byName: Map<string, readonly TaskRecord[]>
  /** Those that ended, the first ended first. */
  readonly ended: Set<TaskRecord>
  readonly deadlines: DeadlineTable
  /** By principal and key, the oldest first. */
  readonly keys: Map<string, KeyRecord>
  /** How many keys a principal has. */
  readonly counts: Map<string, number>
  /** By operation, the longest unchanged first. */
  readonly failures: Map<string, NotedFailure[]>
  /** How many there are beside these. */
  readonly elsewhere: { readonly tasks: number; readonly ended: number; readonly failures: number }
}
