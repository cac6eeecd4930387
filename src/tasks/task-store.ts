import type { ChargeId } from '../core/ids.js'
import type { JsonObject } from '../core/json.js'
import type { MaybePromise } from '../core/maybe-promise.js'

/**
 * What tasks and retries need to have remembered, beside the money: which task a hold belongs to, which attempts failed,
 * and which idempotency keys were used. Every verb is one atomic step and answers with a value or a promise. A throw is
 * a fault or a misuse, and then nothing has changed. Whoever shares one shares the store of the budgets too: any of them
 * may end a task that another has created.
 *
 * No money is in it. When everything here is lost, each hold still ends by itself, in the store of the budgets.
 *
 * Ids are checked at the border by `src/tasks/task-requests.ts`; time is the store's own and never goes back. Proved by
 * the kit `taskStoreConformance` in `mcp-budget/testing`.
 */
export interface TaskStore {
  /**
   * An attempt begins: consumes its key, if it has one, and the failure of an earlier attempt, if there is one. The same
   * `chargeId` again gets the first answer, and keeps its key open. A refused attempt has changed nothing.
   */
  begin(request: BeginRequest): MaybePromise<BeginResult>
  /**
   * An attempt ended, or (with `task`) a task's end was dealt with: closes the key; notes a failure, once for each
   * `chargeId`; gives a consumed failure back where nothing ran; closes the binding that {@link end} has claimed.
   */
  finish(request: FinishRequest): MaybePromise<void>
  /**
   * Binds a task to the hold that pays for it. The same hold again gets the same answer. `taken`: another hold has that
   * name, and is not ended; `full`: there is no room, for nothing that is open is ever forgotten.
   */
  bind(request: BindRequest): MaybePromise<BindResult>
  /** All bindings of a task's id at one upstream, of whatever principal, ended ones too as long as they are kept. */
  find(name: TaskName): MaybePromise<readonly TaskBinding[]>
  /** Changes when an open binding is due, or what was heard of it; answers as it is then, `undefined` where none is open. */
  amend(request: AmendRequest): MaybePromise<TaskBinding | undefined>
  /**
   * Claims the end of a task, so that one of many deals with it: who is answered `claimed` does, and then calls
   * {@link finish}. Who does not within `leaseMs` loses the claim: the binding is due again, with the end that was first
   * seen. A binding that ended with `reopens` may be claimed once more, by an end that says what became of the work.
   */
  end(request: EndRequest): MaybePromise<EndResult>
  /**
   * Bindings that are due, the most overdue first: tasks whose time is up, and ends that were claimed and never finished.
   * Also how many bindings are not ended.
   */
  due(limit: number): MaybePromise<DueTasks>
}

/**
 * A task's id is unique within one upstream.
 *
 * @property upstream the server's name, as the seat's owner gave it; empty where it has none
 * @property taskId 1 to 128 visible ASCII characters
 */
export interface TaskName {
  readonly upstream: string
  readonly taskId: string
}

/** A task of one principal: equal names of two principals are two tasks. `principal` is a budget's full id. */
export interface TaskRef extends TaskName {
  readonly principal: string
}

/**
 * An idempotency key of a principal: 1 to 128 visible ASCII characters.
 *
 * @property digest what the call is, as 64 hex digits: the same key with another is a mismatch
 */
export interface AttemptKey {
  readonly key: string
  readonly digest: string
}

/**
 * One attempt.
 *
 * @property operation what is tried, as 64 hex digits: attempts with the same one are retries of each other
 * @property chargeId of the attempt
 */
export interface Attempt {
  readonly chargeId: ChargeId
  readonly principal: string
  readonly operation: string
  readonly key: AttemptKey | undefined
}

/**
 * An attempt that begins.
 *
 * @property again it has begun before, as an earlier round: answers with what was consumed then, and consumes nothing
 * @property openMs for how long its key counts as open if nothing more is heard of it; then as one whose end is unknown
 */
export interface BeginRequest extends Attempt {
  readonly again: boolean
  readonly openMs: number
}

/**
 * An end that an attempt came to, other than success.
 *
 * @property operationId how the operation is called in records: as its first attempt called it
 * @property attempt which it was, from 1
 * @property discounts how many attempts of the operation paid less, up to it
 * @property paid whether any attempt of the operation was charged in full, up to it
 */
export interface Failure {
  readonly operationId: string
  readonly attempt: number
  readonly discounts: number
  readonly paid: boolean
}

/**
 * The answer to {@link TaskStore.begin}: what the attempt follows, and consumed, if anything. A refusal is about its
 * key: an attempt with it is `in_flight`, or `already_ran`, or was another call (`idempotency_mismatch`); `full`: the
 * principal has {@link TASK_LIMITS.keys} already.
 */
export type BeginResult =
  | { readonly kind: 'begun'; readonly after: Failure | undefined }
  | { readonly kind: 'refused'; readonly reason: 'in_flight' | 'already_ran' | 'idempotency_mismatch' | 'full' }

/**
 * How an attempt ended.
 *
 * @property end `ran`: its key is used up; `failed`: also cancelled, expired and unknown; `not-run`
 * @property failure what to note when it failed
 * @property windowMs for how long a failure counts
 * @property task the binding that it was bound to, claimed before
 * @property reopens whether the hold was given back, so that an end that comes late still counts
 */
export interface FinishRequest extends Attempt {
  readonly end: 'ran' | 'failed' | 'not-run'
  readonly failure: Failure | undefined
  readonly windowMs: number
  readonly task: TaskRef | undefined
  readonly reopens: boolean
}

/**
 * What is bound to a task.
 *
 * @property holdId the charge id of the call that became the task
 * @property lifeMs when it is due, from now on: what the task has to live, and the grace
 * @property data what else is needed to end it, as JSON; no store reads it. At most 16,384 characters
 */
export interface BindRequest extends TaskRef {
  readonly holdId: ChargeId
  readonly key: AttemptKey | undefined
  readonly lifeMs: number
  readonly data: JsonObject
}

/** The answer to {@link TaskStore.bind}. */
export type BindResult = { readonly kind: 'bound' | 'taken' | 'full' }

/** How a task ended; `expired` also where the server says that it is gone. */
export type TaskEndKind = 'completed' | 'failed' | 'cancelled' | 'expired'

/** What was seen of a task's end. `late`: after its hold was given back. `data` is JSON that no store reads. */
export interface TaskEnd {
  readonly as: TaskEndKind
  readonly late: boolean
  readonly data: JsonObject
}

/**
 * A task and the hold that pays for it.
 *
 * @property state `ending`: somebody has claimed its end
 * @property boundAt, dueAt on the store's clock, milliseconds since 1970
 * @property seen an end that was heard of, and is not certain yet, or not whole: that it was to be cancelled, or that it is
 * completed, with the result still to come
 */
export interface TaskBinding extends TaskRef {
  readonly holdId: ChargeId
  readonly data: JsonObject
  readonly state: 'open' | 'ending' | 'ended'
  readonly boundAt: number
  readonly dueAt: number
  readonly seen: 'cancelled' | 'completed' | undefined
  readonly end: TaskEnd | undefined
}

/**
 * What changes of an open binding, all of it optional.
 *
 * @property lifeMs due no earlier than so long after it was bound
 * @property withinMs due no later than so long from now on
 * @property seen what was heard
 */
export interface AmendRequest extends TaskRef {
  readonly holdId: ChargeId
  readonly lifeMs?: number
  readonly withinMs?: number
  readonly seen?: 'cancelled' | 'completed'
}

/** An end to be claimed. `data` is at most 16,384 characters as JSON. */
export interface EndRequest extends TaskRef {
  readonly holdId: ChargeId
  readonly as: TaskEndKind
  readonly data: JsonObject
  readonly leaseMs: number
}

/** The answer to {@link TaskStore.end}; `over`: it was claimed or ended before, or there is no such binding. */
export type EndResult =
  { readonly kind: 'claimed'; readonly binding: TaskBinding & { readonly end: TaskEnd } } | { readonly kind: 'over' }

/** The answer to {@link TaskStore.due}. */
export interface DueTasks {
  readonly tasks: readonly TaskBinding[]
  readonly open: number
}

/**
 * What every task store keeps, and no more.
 *
 * - `keyMs`, `keys`: an idempotency key is kept for a day after its last attempt began, so many for each principal
 * - `endedMs`: an ended binding is kept for a day, or until the room is needed
 * - `failures`: unconsumed and consumed failures of one operation; more are not noted
 */
export const TASK_LIMITS = { keyMs: 86_400_000, keys: 100_000, endedMs: 86_400_000, failures: 100 } as const
