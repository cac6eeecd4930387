import {
  assertAmend,
  assertBegin,
  assertBind,
  assertEnd,
  assertFinish,
  assertTaskName,
} from '../../tasks/task-requests.js'
import { assertKeys, integer } from '../../core/settings.js'
import { Batcher, type Told } from './batcher.js'
import { digitsOr, sound } from './step.js'
import { readPlace, type RedisPlace } from './options.js'
import { RedisConnection } from './redis-connection.js'
import { TASKS_SCRIPT } from './scripts.js'
import type {
  AmendRequest,
  AttemptKey,
  BeginRequest,
  BeginResult,
  BindRequest,
  BindResult,
  DueTasks,
  EndRequest,
  EndResult,
  Failure,
  FinishRequest,
  TaskBinding,
  TaskEnd,
  TaskName,
  TaskRef,
  TaskStore,
} from '../../tasks/task-store.js'

/** Settings of {@link RedisTaskStore}. */
export interface RedisTaskStoreOptions extends RedisPlace {
  /** How many tasks are kept, 100,000 by default. When there is no room for another, the oldest that ended goes. */
  readonly maxTasks?: number
}

/** The keys of the script, in the order in which it takes them. */
export const TASK_KEY_NAMES = [
  'bindings',
  'names',
  'due',
  'ended',
  'keys',
  'ages',
  'counts',
  'failures',
  'operations',
  'meta',
] as const

/**
 * Tasks and attempts in Redis or Valkey, shared by all processes that use the same keys: who sees the end of a task need
 * not be who has created it. Each verb is one script. All of it is in one hash slot.
 *
 * @example
 * ```ts
 * const tasks = new RedisTaskStore({ redis: ioredisPort(new Redis()) })
 * ```
 */
export class RedisTaskStore implements TaskStore {
  readonly #batcher: Batcher
  readonly #maxTasks: number

  /** @throws BudgetError `invalid_config` */
  constructor(options: RedisTaskStoreOptions) {
    assertKeys(options, ['redis', 'prefix', 'clock', 'maxTasks'], 'options')
    const { redis, prefix, clock } = readPlace(options)
    this.#maxTasks = integer(options.maxTasks, { least: 1, most: 10_000_000, otherwise: 100_000 }, 'maxTasks')
    const connection = new RedisConnection(redis)
    const keys = TASK_KEY_NAMES.map((name) => `${prefix}tasks:{all}:${name}`)
    const run = async (request: string): Promise<string> =>
      String(await connection.run(TASKS_SCRIPT, keys, [clock === undefined ? '' : String(clock.now()), request]))
    this.#batcher = new Batcher(run, { size: 1, lanes: 64 })
  }

  async begin(request: BeginRequest): Promise<BeginResult> {
    assertBegin(request)
    const { principal, chargeId, operation, key, again, openMs } = request
    const op = ['begin', principal, chargeId, operation, keyAsList(key), again, String(openMs)]
    const [kind, said] = await this.#ask(op)
    if (kind === 'begun') return { kind, after: said === false ? undefined : failureOf(said) }
    return { kind: 'refused', reason: said as Extract<BeginResult, { kind: 'refused' }>['reason'] }
  }

  async finish(request: FinishRequest): Promise<void> {
    assertFinish(request)
    const { principal, chargeId, operation, key, end, failure, windowMs, task, reopens } = request
    const noted = failure === undefined ? false : failureAsList(failure)
    const about = [principal, chargeId, operation, keyAsList(key), end, noted, String(windowMs)]
    await this.#ask(['finish', ...about, task === undefined ? false : refAsList(task), reopens])
  }

  async bind(request: BindRequest): Promise<BindResult> {
    assertBind(request)
    const { holdId, key, lifeMs, data } = request
    const rest = [holdId, keyAsList(key), String(lifeMs), JSON.stringify(data), String(this.#maxTasks)]
    const [kind] = await this.#ask(['bind', refAsList(request), ...rest])
    return { kind: kind as BindResult['kind'] }
  }

  async find(name: TaskName): Promise<readonly TaskBinding[]> {
    assertTaskName(name)
    const [, found] = await this.#ask(['find', sound(name.upstream), name.taskId])
    return bindingsOf(found)
  }

  async amend(request: AmendRequest): Promise<TaskBinding | undefined> {
    assertAmend(request)
    const { holdId, lifeMs, withinMs, seen } = request
    const op = ['amend', refAsList(request), holdId, digitsOr(lifeMs), digitsOr(withinMs), seen ?? false]
    const [kind, view] = await this.#ask(op)
    return kind === 'amended' ? bindingOf(view) : undefined
  }

  async end(request: EndRequest): Promise<EndResult> {
    assertEnd(request)
    const { holdId, as, data, leaseMs } = request
    const op = ['done', refAsList(request), holdId, as, JSON.stringify(data), String(leaseMs)]
    const [kind, view] = await this.#ask(op)
    if (kind !== 'claimed') return { kind: 'over' }
    return { kind, binding: bindingOf(view) as Extract<EndResult, { kind: 'claimed' }>['binding'] }
  }

  async due(limit: number): Promise<DueTasks> {
    const [, found, open] = await this.#ask(['due', String(limit)])
    return { tasks: bindingsOf(found), open: Number(open) }
  }

  #ask(op: unknown[]): Promise<Told> {
    return this.#batcher.ask({ op })
  }
}

function keyAsList(key: AttemptKey | undefined): unknown {
  return key !== undefined && [key.key, key.digest]
}

function refAsList({ upstream, taskId, principal }: TaskRef): unknown[] {
  return [sound(upstream), taskId, principal]
}

function failureAsList({ operationId, attempt, discounts, paid }: Failure): unknown[] {
  return [operationId, String(attempt), String(discounts), paid]
}

function failureOf(told: unknown): Failure {
  const [operationId, attempt, discounts, paid] = told as [string, string, string, boolean]
  return { operationId, attempt: Number(attempt), discounts: Number(discounts), paid }
}

function bindingsOf(found: unknown): TaskBinding[] {
  return Array.isArray(found) ? found.map(bindingOf) : []
}

type View = [
  ...ref: [upstream: string, taskId: string, principal: string],
  ...rest: [holdId: string, data: string, state: TaskBinding['state'], boundAt: string, dueAt: string],
  seen: NonNullable<TaskBinding['seen']> | false,
  end: [as: TaskEnd['as'], late: boolean, data: string] | false,
]

function bindingOf(view: unknown): TaskBinding {
  const [upstream, taskId, principal, holdId, data, state, boundAt, dueAt, seen, end] = view as View
  return {
    upstream,
    taskId,
    principal,
    holdId,
    data: JSON.parse(data) as TaskBinding['data'],
    state,
    boundAt: Number(boundAt),
    dueAt: Number(dueAt),
    seen: seen === false ? undefined : seen,
    end: end === false ? undefined : { as: end[0], late: end[1], data: JSON.parse(end[2]) as TaskEnd['data'] },
  }
}
