import {
  assertAmend,
  assertBegin,
  assertBind,
  assertEnd,
  assertFinish,
  assertTaskName,
} from '../../tasks/task-requests.js'
import { assertKeys, integer } from '../../core/settings.js'
import { Attempts } from './attempts.js'
import { Deadlines } from './deadlines.js'
import { systemClock, type Clock } from '../../core/clock.js'
import { TASK_LIMITS } from '../../tasks/task-store.js'
import { TaskRecord } from './task-record.js'
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

/** Settings of {@link InMemoryTaskStore}. */
export interface InMemoryTaskStoreOptions {
  /** Where time comes from; the machine's clock by default. */
  readonly clock?: Clock
  /** How many tasks are kept, 100,000 by default. When there is no room for another, the oldest that ended goes. */
  readonly maxTasks?: number
}

/**
 * Tasks and attempts in this process's memory. Every verb answers at once, with a value. When the process ends they are
 * forgotten: holds end by themselves, and the next attempt is a first one.
 *
 * @example
 * ```ts
 * const tasks = new InMemoryTaskStore()
 * compose(withCostProfile({ defaultCost: 5 }), withTaskTracking({ tasks }), withBudget({ enforcer, budget: 'agent-1' }))
 * ```
 */
export class InMemoryTaskStore implements TaskStore {
  readonly #clock: Clock
  readonly #maxTasks: number
  readonly #attempts = new Attempts()
  /** The bindings of each task's name, one for each principal. */
  readonly #byName = new Map<string, TaskRecord[]>()
  /** Those that ended, the first ended first. */
  readonly #ended = new Set<TaskRecord>()
  readonly #deadlines: Deadlines
  /** Those that are due, the most overdue first. */
  readonly #due = new Set<TaskRecord>()
  #size = 0
  #now: number

  /** @throws BudgetError `invalid_config` */
  constructor(options: InMemoryTaskStoreOptions = {}) {
    assertKeys(options, ['clock', 'maxTasks'], 'options')
    this.#clock = options.clock ?? systemClock
    this.#maxTasks = integer(options.maxTasks, { least: 1, most: 10_000_000, otherwise: 100_000 }, 'maxTasks')
    this.#now = this.#clock.now()
    this.#deadlines = new Deadlines(this.#now)
  }

  /** How many bindings, keys and operations are kept. */
  get size(): number {
    return this.#size + this.#attempts.size
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
    this.#size++
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
    return { tasks, open: this.#size - this.#ended.size }
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
      if (this.#size < this.#maxTasks && now - task.endedAt < TASK_LIMITS.endedMs) break
      this.#forget(task)
    }
    return this.#size < this.#maxTasks
  }

  #forget(task: TaskRecord): void {
    const others = this.#named(task).filter((each) => each !== task)
    if (others.length > 0) this.#byName.set(nameOf(task), others)
    else this.#byName.delete(nameOf(task))
    this.#ended.delete(task)
    this.#size--
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

function nameOf({ upstream, taskId }: TaskName): string {
  // The id has no spaces.
  return `${taskId} ${upstream}`
}
