import { DueItems } from './due-items.js'
import { failureRow, failuresOf, keyOf, keyRow, taskOf, taskRow } from './task-rows.js'
import { nameOf, type TaskEngine } from '../engine/task-engine.js'
import type { FailureRow, KeyCountRow, KeyRow, TaskRow, TaskRows, TaskTableName, TotalRow } from './task-rows.js'
import type { KeyRecord, NotedFailure } from '../engine/attempts.js'
import type { TaskRecord } from '../engine/task-record.js'
import type { TaskRecords } from '../engine/task-records.js'

/** What the requests of one step touch of tasks. */
export interface TasksFound {
  readonly tasks: readonly TaskRow[]
  /** Those that are due, and those that ended first. */
  readonly due: readonly TaskRow[]
  readonly over: readonly TaskRow[]
  readonly keys: readonly KeyRow[]
  readonly oldKeys: readonly KeyRow[]
  readonly keyCounts: readonly KeyCountRow[]
  readonly failures: readonly FailureRow[]
  readonly oldFailures: readonly FailureRow[]
  readonly totals: readonly TotalRow[]
}

/** Rows to write, and rows to take away by their keys. */
export type TaskChanges = { readonly [Name in TaskTableName]: ReadonlyArray<TaskRows[Name]> } & {
  readonly goneTasks: ReadonlyArray<readonly [name: string, principal: string]>
  readonly goneKeys: ReadonlyArray<readonly [principal: string, key: string]>
  readonly goneFailures: readonly string[]
}

/** The row of all totals. */
const ALL = 'all'

/** What the requests of one step touch, as the records of the engine of tasks. */
export class TaskSet implements TaskRecords {
  readonly byName = new Map<string, readonly TaskRecord[]>()
  readonly ended: Set<TaskRecord>
  readonly deadlines = new DueItems()
  readonly keys = new Map<string, KeyRecord>()
  readonly counts = new Map<string, number>()
  readonly failures = new Map<string, NotedFailure[]>()
  readonly elsewhere: TaskRecords['elsewhere']
  readonly #tasks = new Map<string, TaskRow>()
  readonly #keys = new Map<string, KeyRow>()
  readonly #failures = new Map<string, FailureRow>()
  readonly #counts: ReadonlyMap<string, number>
  readonly #totals: TotalRow

  constructor(found: TasksFound) {
    const loaded: TaskRecord[] = []
    for (const row of [...found.tasks, ...found.due, ...found.over]) {
      const id = idOf(row.name, row.principal)
      if (this.#tasks.has(id)) continue
      this.#tasks.set(id, row)
      const task = taskOf(row)
      loaded.push(task)
      this.byName.set(row.name, [...(this.byName.get(row.name) ?? []), task])
    }
    this.ended = new Set(loaded.filter(({ state }) => state === 'ended').sort((a, b) => a.endedAt - b.endedAt))
    const isDue = new Set(found.due.map(({ name, principal }) => idOf(name, principal)))
    for (const task of loaded) if (isDue.has(idOf(nameOf(task), task.principal))) this.deadlines.put(task)
    for (const row of [...found.oldKeys, ...found.keys].sort((a, b) => a.at - b.at)) {
      const id = idOf(row.principal, row.key)
      this.#keys.set(id, row)
      this.keys.set(id, keyOf(row))
    }
    for (const row of [...found.oldFailures, ...found.failures].sort((a, b) => a.changed - b.changed)) {
      this.#failures.set(row.operation, row)
      this.failures.set(row.operation, failuresOf(row))
    }
    this.#counts = new Map(found.keyCounts.map(({ principal, size }) => [principal, size]))
    for (const [principal, size] of this.#counts) this.counts.set(principal, size)
    this.#totals = found.totals[0] ?? { id: ALL, tasks: 0, ended: 0, failures: 0 }
    this.elsewhere = {
      tasks: this.#totals.tasks - loaded.length,
      ended: this.#totals.ended - this.ended.size,
      failures: this.#totals.failures - this.failures.size,
    }
  }

  /** What is to be written; `undefined` where nothing has changed. */
  changes(engine: TaskEngine, now: number): TaskChanges | undefined {
    const tasks = [...this.byName.values()].flat().map(taskRow)
    const kept = new Set(tasks.map(({ name, principal }) => idOf(name, principal)))
    const keys = Array.from(this.keys, ([id, key]) => keyRow(id, key))
    const totals: TotalRow = {
      id: ALL,
      tasks: engine.bindings,
      ended: this.ended.size + this.elsewhere.ended,
      failures: this.failures.size + this.elsewhere.failures,
    }
    const changes: TaskChanges = {
      tasks: tasks.filter((row) => !isSame(this.#tasks.get(idOf(row.name, row.principal)), row)),
      attempt_keys: keys.filter((row) => !isSame(this.#keys.get(idOf(row.principal, row.key)), row)),
      key_counts: this.#changedCounts(),
      failures: Array.from(this.failures, ([operation, noted]) => failureRow(operation, noted, now)).filter(
        (row) => this.#failures.get(row.operation)?.body !== row.body,
      ),
      task_totals: isSame(this.#totals, totals) ? [] : [totals],
      goneTasks: [...this.#tasks].filter(([id]) => !kept.has(id)).map(([, row]) => [row.name, row.principal]),
      goneKeys: [...this.#keys].filter(([id]) => !this.keys.has(id)).map(([, row]) => [row.principal, row.key]),
      goneFailures: [...this.#failures.keys()].filter((operation) => !this.failures.has(operation)),
    }
    return Object.values(changes).some((rows) => rows.length > 0) ? changes : undefined
  }

  #changedCounts(): KeyCountRow[] {
    const principals = new Set([...this.#counts.keys(), ...this.counts.keys()])
    return Array.from(principals, (principal) => ({ principal, size: this.counts.get(principal) ?? 0 })).filter(
      ({ principal, size }) => (this.#counts.get(principal) ?? 0) !== size,
    )
  }
}

// As the engine names keys.
function idOf(first: string, second: string): string {
  return `${first} ${second}`
}

function isSame<Row extends object>(old: Row | undefined, row: Row): boolean {
  return old !== undefined && (Object.keys(row) as Array<keyof Row>).every((key) => old[key] === row[key])
}
