import { nameOf } from '../engine/task-engine.js'
import { TaskRecord } from '../engine/task-record.js'
import type { Columns } from './rows.js'
import type { KeyRecord, NotedFailure } from '../engine/attempts.js'
import type { TaskBinding } from '../../tasks/task-store.js'

/** A task and the hold that pays for it. `body` is JSON. */
export interface TaskRow {
  readonly name: string
  readonly principal: string
  readonly state: string
  readonly due_at: number
  readonly ended_at: number | null
  readonly body: string
}

/** An idempotency key of a principal. `body` is JSON. */
export interface KeyRow {
  readonly principal: string
  readonly key: string
  readonly at: number
  readonly body: string
}

/** How many keys a principal has. */
export interface KeyCountRow {
  readonly principal: string
  readonly size: number
}

/** Failures of an operation. `body` is JSON. */
export interface FailureRow {
  readonly operation: string
  readonly changed: number
  readonly body: string
}

/** How many there are of all. There is one row. */
export interface TotalRow {
  readonly id: string
  readonly tasks: number
  readonly ended: number
  readonly failures: number
}

/** What each table of tasks has. */
export interface TaskRows {
  readonly tasks: TaskRow
  readonly attempt_keys: KeyRow
  readonly key_counts: KeyCountRow
  readonly failures: FailureRow
  readonly task_totals: TotalRow
}

/** The name of a table of tasks. */
export type TaskTableName = keyof TaskRows

/** The key of each table, and its other columns. */
export const TASK_TABLES: { readonly [Name in TaskTableName]: Columns<keyof TaskRows[Name]> } = {
  tasks: { key: ['name', 'principal'], rest: ['state', 'due_at', 'ended_at', 'body'] },
  attempt_keys: { key: ['principal', 'key'], rest: ['at', 'body'] },
  key_counts: { key: ['principal'], rest: ['size'] },
  failures: { key: ['operation'], rest: ['changed', 'body'] },
  task_totals: { key: ['id'], rest: ['tasks', 'ended', 'failures'] },
}

interface TaskBody extends Pick<TaskRecord, 'upstream' | 'taskId' | 'holdId' | 'boundAt' | 'seen' | 'reopens'> {
  readonly end?: TaskRecord['end']
  readonly data: string
}

/** The row of a task. */
export function taskRow(task: TaskRecord): TaskRow {
  const { upstream, taskId, principal, holdId, boundAt, deadline, state, seen, reopens, endedAt, end, data } = task
  const body: TaskBody = { upstream, taskId, holdId, boundAt, seen, reopens, end, data }
  const ended = state === 'ended' ? endedAt : null
  return { name: nameOf(task), principal, state, due_at: deadline, ended_at: ended, body: JSON.stringify(body) }
}

/** The task of a row. */
export function taskOf({ principal, state, due_at: dueAt, ended_at: endedAt, body }: TaskRow): TaskRecord {
  const { upstream, taskId, holdId, boundAt, seen, reopens, end, data } = JSON.parse(body) as TaskBody
  const parsed = JSON.parse(data) as TaskBinding['data']
  const bound = { upstream, taskId, principal, holdId, key: undefined, lifeMs: 0, data: parsed }
  const task = new TaskRecord(bound, boundAt)
  task.state = state as TaskRecord['state']
  task.deadline = dueAt
  task.endedAt = endedAt ?? 0
  task.seen = seen
  task.reopens = reopens
  task.end = end
  return task
}

/** The row of a key, which is kept under its principal and its text. */
export function keyRow(id: string, { principal, at, ...rest }: KeyRecord): KeyRow {
  return { principal, key: id.slice(principal.length + 1), at, body: JSON.stringify(rest) }
}

/** The key of a row. */
export function keyOf({ principal, at, body }: KeyRow): KeyRecord {
  return { principal, at, ...(JSON.parse(body) as Omit<KeyRecord, 'principal' | 'at'>) }
}

/** The row of an operation's failures. */
export function failureRow(operation: string, noted: readonly NotedFailure[], changed: number): FailureRow {
  return { operation, changed, body: JSON.stringify(noted) }
}

/** The failures of a row. */
export function failuresOf({ body }: FailureRow): NotedFailure[] {
  const noted = JSON.parse(body) as NotedFailure[]
  // JSON leaves out what is not there.
  return noted.map((each) => ({ ...each, takenBy: each.takenBy }))
}
