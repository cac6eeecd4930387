import {
  assertAmend,
  assertBegin,
  assertBind,
  assertEnd,
  assertFinish,
  assertTaskName,
} from '../../tasks/task-requests.js'
import { Attempts } from './attempts.js'
import { TASK_LIMITS } from '../../tasks/task-store.js'
import { TaskRecord } from './task-record.js'
import type { Clock } from '../../core/clock.js'
import type { TaskRecords } from './task-records.js'
import type {
  AmendRequest,
  BeginRequest,
  BeginResult,
  BindRequest,
  BindResult,
  DueTasks,
  EndRequest,
  EndResult,
  FinishRequest,
  TaskBinding,
  TaskName,
  TaskRef,
  TaskStore,
} from '../../tasks/task-store.js'

/** Where an engine of tasks has its time from, and how many it has room for. */
export interface TaskEngineOptions {
  readonly clock: Pick<Clock, 'now'>
  readonly maxTasks: number
}

/** The rules of a task store: every verb decides on the records it is given, at once and whole. */
export class TaskEngine implements TaskStore {
  readonly #clock: Pick<Clock, 'now'>
  readonly #maxTasks: number
  readonly #attempts: Attempts
  readonly #byName: TaskRecords['byName']
  readonly #ended: TaskRecords['ended']
  readonly #endedElsewhere: number
  readonly #deadlines: TaskRecords['deadlines']
  /** Those that are due, the most overdue first. */
  readonly #due = new Set<TaskRecord>()
  #bindings: number
  #now: number

  constructor(records: TaskRecords, { clock, maxTasks }: TaskEngineOptions) {
    this.#clock = clock
    this.#now = clock.now()
    this.#maxTasks = maxTasks
    this.#attempts = new Attempts(records)
    this.#byName = records.byName
    this.#ended = records.ended
    this.#endedElsewhere = records.elsewhere.ended
    this.#deadlines = records.deadlines
    this.#bindings = records.elsewhere.tasks
    for (const tasks of records.byName.values()) this.#bindings += tasks.length
  }

  /** How many bindings are kept. */
  get bindings(): number {
    return this.#bindings
  }

  /** How many bindings, keys and operations are kept. */
  get size(): number {
    return this.#bindings + this.#attempts.size
  }

  begin(request: BeginRequest): BeginResult {
    assertBegin(request)
    return this.#attempts.begin(request, this.#tick())
  }

  finish(request: FinishRequest): void {
    assertFinish(request)
    const now = this.#tick()
    this.#attempts.finish(request, now)
    const task = request.task && this.#get(request.task, request.chargeId)
    if (task?.state !== 'ending') return
    this.#unschedule(task)
    task.state = 'ended'
    task.reopens = request.reopens
    task.endedAt = now
    this.#ended.add(task)
  }

  bind(request: BindRequest): BindResult {
    assertBind(request)
    const now = this.#tick()
    const known = this.#named(request).find(({ principal }) => principal === request.principal)
    if (known?.holdId === request.holdId) return { kind: 'bound' }
    if (known !== undefined && known.state !== 'ended') return { kind: 'taken' }
    if (known !== undefined) this.#forget(known)
    if (!this.#hasRoom(now)) return { kind: 'full' }
    const task = new TaskRecord(request, now)
    this.#byName.set(nameOf(request), [...this.#named(request), task])
    this.#bindings++
    this.#deadlines.add(task)
    this.#attempts.keepOpen(request, request.holdId, task.deadline)
    return { kind: 'bound' }
  }

  find(name: TaskName): readonly TaskBinding[] {
    assertTaskName(name)
    this.#tick()
    return this.#named(name).map((task) => task.view())
  }

  amend(request: AmendRequest): TaskBinding | undefined {
    assertAmend(request)
    const now = this.#tick()
    const task = this.#get(request, request.holdId)
    if (task?.state !== 'open') return undefined
    const { lifeMs = 0, withinMs = Infinity, seen = task.seen } = request
    task.seen = seen
    this.#schedule(task, Math.min(Math.max(task.deadline, task.boundAt + lifeMs), now + withinMs))
    return task.view()
  }

  end(request: EndRequest): EndResult {
    assertEnd(request)
    const now = this.#tick()
    const { as, data, leaseMs } = request
    const task = this.#get(request, request.holdId)
    if (task === undefined || !isClaimable(task, as, now)) return { kind: 'over' }
    const late = task.state === 'ended'
    // Whoever takes up what another left goes on with what was seen first.
    if (task.state !== 'ending') task.end = { as, late, data: JSON.stringify(data) }
    task.state = 'ending'
    task.reopens = false
    this.#ended.delete(task)
    this.#schedule(task, now + leaseMs)
    return { kind: 'claimed', binding: task.view() as Extract<EndResult, { kind: 'claimed' }>['binding'] }
  }

  due(limit: number): DueTasks {
    this.#tick()
    const tasks: TaskBinding[] = []
    for (const task of this.#due) {
      if (tasks.length >= limit) break
      tasks.push(task.view())
    }
    return { tasks, open: this.#bindings - this.#ended.size - this.#endedElsewhere }
  }

  #named(name: TaskName): readonly TaskRecord[] {
    return this.#byName.get(nameOf(name)) ?? []
  }

  #get(ref: TaskRef, holdId: string): TaskRecord | undefined {
    return this.#named(ref).find((task) => task.is(ref, holdId))
  }

  #schedule(task: TaskRecord, deadline: number): void {
    this.#unschedule(task)
    task.deadline = deadline
    this.#deadlines.add(task)
  }

  #unschedule(task: TaskRecord): void {
    this.#deadlines.remove(task)
    this.#due.delete(task)
  }

  #hasRoom(now: number): boolean {
    for (const task of this.#ended) {
      if (this.#bindings < this.#maxTasks && now - task.endedAt < TASK_LIMITS.endedMs) break
      this.#forget(task)
    }
    return this.#bindings < this.#maxTasks
  }

  #forget(task: TaskRecord): void {
    const others = this.#named(task).filter((each) => each !== task)
    if (others.length > 0) this.#byName.set(nameOf(task), others)
    else this.#byName.delete(nameOf(task))
    this.#ended.delete(task)
    this.#bindings--
  }

  // The store's own clock never goes back: what is due stays due.
  #tick(): number {
    const now = this.#clock.now()
    if (now > this.#now) this.#now = now
    if (this.#deadlines.size > 0) this.#deadlines.turn(this.#now, (item) => void this.#due.add(item as TaskRecord))
    return this.#now
  }
}

/** Whether an end may be claimed: once; again when who claimed it left it; and late, where the hold was given back. */
function isClaimable({ state, deadline, reopens }: TaskRecord, as: EndRequest['as'], now: number): boolean {
  if (state === 'open') return true
  if (state === 'ending') return deadline <= now
  return reopens && (as === 'completed' || as === 'failed')
}

/** A task's name as one text. */
export function nameOf({ upstream, taskId }: TaskName): string {
  // The id has no spaces.
  return `${taskId} ${upstream}`
}
