import { andThen, type MaybePromise } from '../core/maybe-promise.js'
import { attemptOf, claimsOf, OPERATION_META } from './operation.js'
import { callRef } from '../core/events.js'
import { copyCall, type ToolCall } from '../core/call.js'
import { discountedPrice } from './retry-policy.js'
import { InMemoryTaskStore } from '../backends/memory/in-memory-task-store.js'
import { isUnreached, reach, type Unreached } from '../budget/reach.js'
import { lifeOf } from './task-evidence.js'
import { refuse, type Refusal } from '../core/refusal.js'
import { taskScreens } from './task-screens.js'
import { taskSettings, type TaskSettings, type TaskTrackingOptions } from './settings.js'
import { taskTerms } from './task-terms.js'
import { TaskTracker } from './task-tracker.js'
import type { Attempt, BeginResult, Failure } from './task-store.js'
import type { CallMiddleware, ObservedMessage, Peers } from '../core/middleware.js'
import type { CallOutcome } from '../core/outcome.js'
import type { Priced } from '../core/price.js'
import type { Tracked } from '../core/operation.js'
import type { TrackedAttempt, TrackedCall } from './kept-call.js'

/** The step that `withTaskTracking` makes. */
export interface TaskTrackingMiddleware extends CallMiddleware<Priced, Tracked> {
  /** Deals with all tasks whose time is up; that is done by itself too, now and then, while there are any. */
  sweep(): Promise<void>
}

/** For how long the key of a call counts as open of which nothing more is heard. */
const OPEN_MS = 600_000

/**
 * Tells retries and tasks from new work: which operation a call belongs to, which attempt it is, and what that costs;
 * and how the task ends that a call became, so that its hold ends with it (docs/reference/tasks.md). Needs a price, from
 * `withCostProfile`; put it before `withBudget`, which stays the only step that touches money.
 *
 * A discount is earned and not claimed: an attempt pays less only when an earlier one of the same budget, tool and
 * arguments was seen to fail here, and was paid for; each failure is consumed once.
 *
 * Refuses with `duplicate_request`, `idempotency_mismatch`, `invalid_params` (`invalid_key`, `unknown_task`),
 * `budget_unavailable` (`keys_full`).
 *
 * @throws BudgetError `invalid_config`
 * @example
 * ```ts
 * const tasks = new InMemoryTaskStore()
 * compose(
 *   withCostProfile({ costs: { render: 40 } }),
 *   withTaskTracking({ tasks, retryCostMode: 'reduced', retryRateBps: 2_500 }),
 *   withBudget({ enforcer, budget: 'agent-1' }),
 * )
 * ```
 */
export function withTaskTracking(options: TaskTrackingOptions): TaskTrackingMiddleware {
  return new TaskStep(options, false)
}

class TaskStep implements TaskTrackingMiddleware {
  readonly name = 'withTaskTracking'
  readonly needs = ['cost', 'price']
  readonly gives = ['operation']
  readonly extendEveryMs = OPEN_MS / 2
  readonly screens: NonNullable<CallMiddleware['screens']>
  readonly #options: TaskTrackingOptions
  readonly #settings: TaskSettings
  readonly #tracker: TaskTracker

  constructor(options: TaskTrackingOptions, shadow: boolean) {
    this.#options = options
    this.#settings = taskSettings(options, shadow)
    this.#tracker = new TaskTracker(this.#settings)
    this.screens = taskScreens(this.#tracker)
  }

  sweep(): Promise<void> {
    return this.#tracker.sweep()
  }

  attach(peers: Peers): void {
    this.#tracker.peers = peers
  }

  // What is only simulated must not be met by those who enforce.
  inShadow(): CallMiddleware<Priced, Tracked> {
    return new TaskStep({ ...this.#options, tasks: new InMemoryTaskStore({ clock: this.#settings.clock }) }, true)
  }

  enter(call: ToolCall & Priced): MaybePromise<(ToolCall & Priced & Tracked) | Refusal> {
    this.#tracker.sweepNowAndThen()
    const named = this.#named(call)
    const claims = claimsOf(named)
    if ('error' in claims) return this.#refused(call, claims) ?? call
    // Where nobody can say who pays, withBudget says why.
    const principal = this.#tracker.peers?.payer(named)
    if (principal === undefined || principal === '') return named
    return andThen(attemptOf(named, principal, claims), (asked) =>
      andThen(this.#begin(asked, call.round > 0), (answer) => this.#begun(named, asked, claims.operationId, answer)),
    )
  }

  leave(call: ToolCall & Priced & Tracked, outcome: CallOutcome): MaybePromise<CallOutcome> {
    const { operation } = call as Partial<TrackedCall>
    if (operation === undefined) return outcome
    if (outcome.kind === 'task') return andThen(this.#tracker.bind(call as TrackedCall, outcome), () => outcome)
    const goesOn = outcome.kind === 'input-required' && outcome.waitMs !== undefined
    // A round that was used before, or cannot be paid: what the rounds before it began is not over.
    if (goesOn || (outcome.kind === 'refused' && call.round > 0)) return outcome
    const finished = this.#finish(call as TrackedCall, outcome)
    // The next attempt comes when this one has been answered: by then it must be noted.
    return outcome.proves === 'ran' ? outcome : andThen(finished, () => outcome)
  }

  extend(call: ToolCall & Priced & Tracked): void {
    const { operation } = call as Partial<TrackedCall>
    if (operation?.asked.key !== undefined) void this.#begin(operation.asked, true)
  }

  observe(message: ObservedMessage): void {
    this.#tracker.sweepNowAndThen()
    this.#tracker.observe(message)
  }

  #named<Call extends ToolCall>(call: Call): Call {
    const { operationId } = this.#settings
    if (operationId === undefined || call.meta?.[OPERATION_META] !== undefined) return call
    const id = operationId(call)
    if (id === undefined) return call
    const named = copyCall(call)
    named.meta = { ...call.meta, [OPERATION_META]: id }
    return named
  }

  #begin(asked: Attempt, again: boolean): MaybePromise<BeginResult | Unreached> {
    const { tasks, storeTimeoutMs: timeoutMs, clock } = this.#settings
    return reach(() => tasks.begin({ ...asked, again, openMs: OPEN_MS }), { timeoutMs, clock })
  }

  #begun(
    call: ToolCall & Priced,
    asked: Attempt,
    operationId: string | undefined,
    answer: BeginResult | Unreached,
  ): (ToolCall & Priced & Tracked) | Refusal {
    const refusal = refusalOf(call, asked, answer)
    if (refusal !== undefined) return this.#refused(call, refusal) ?? call
    const after = 'after' in answer ? answer.after : undefined
    const operation = this.#operationOf(call, asked, operationId, after)
    const tracked = copyCall(call)
    if (operation.rateBps < 10_000) {
      tracked.price = discountedPrice(call.price, operation.rateBps)
      tracked.cost = tracked.price.cost
    }
    tracked.operation = operation
    return tracked
  }

  #operationOf(
    call: ToolCall & Priced,
    asked: Attempt,
    operationId: string | undefined,
    after: Failure | undefined,
  ): TrackedAttempt {
    const policy = this.#settings.policyOf(call.tool)
    const { attempt = 0, discounts = 0, paid = false } = after ?? {}
    const isDiscounted = paid && policy.rateBps < 10_000 && discounts < this.#settings.maxDiscountedRetries
    const id = operationId ?? after?.operationId ?? call.id
    return {
      id,
      operationId: id,
      attempt: attempt + 1,
      discounts: discounts + (isDiscounted ? 1 : 0),
      paid,
      asked,
      rateBps: isDiscounted ? policy.rateBps : 10_000,
      fullPrice: call.price,
      task: undefined,
      keep: ({ result }) => taskTerms(this.#settings, policy, lifeOf(result)),
    }
  }

  #finish({ operation, hold, cost }: TrackedCall, outcome: CallOutcome): MaybePromise<unknown> {
    const { asked, operationId, attempt, discounts, rateBps } = operation
    const { tasks, retryWindowMs: windowMs, storeTimeoutMs: timeoutMs, clock, events } = this.#settings
    const end = outcome.proves === 'unknown' ? 'failed' : outcome.proves
    const isNoted = end === 'failed' || asked.key !== undefined || (end === 'not-run' && attempt > 1)
    if (!isNoted) return undefined
    const paid = operation.paid || (rateBps === 10_000 && isPaid(outcome, hold?.state, cost))
    const failure = end === 'failed' ? { operationId, attempt, discounts, paid } : undefined
    const request = { ...asked, end, failure, windowMs, task: undefined, reopens: false } as const
    const told = reach(() => andThen(tasks.finish(request), () => undefined), { timeoutMs, clock })
    return andThen(told, (answer) => {
      if (isUnreached(answer)) events.emit('fault', { where: 'the store of tasks', error: answer.cause })
    })
  }

  // Nothing is refused where it only watches.
  #refused(call: ToolCall, refusal: Refusal): Refusal | undefined {
    const { events, shadow } = this.#settings
    events.emit('refused', { call: callRef(call), refusal, enforced: !shadow })
    return shadow ? undefined : refusal
  }
}

/** Why an attempt may not begin. Without the store no key can be checked; all other calls pay in full. */
function refusalOf(call: ToolCall, { key }: Attempt, answer: BeginResult | Unreached): Refusal | undefined {
  const { tool } = call
  if (isUnreached(answer)) {
    const about = { error: 'budget_unavailable', reason: 'budget_backend_error', detail: answer.cause } as const
    return key === undefined ? undefined : refuse(tool, about)
  }
  if (answer.kind === 'begun') return undefined
  switch (answer.reason) {
    case 'in_flight':
      return refuse(tool, { error: 'duplicate_request', reason: 'in_flight', retryable: true })
    case 'already_ran':
      return refuse(tool, { error: 'duplicate_request', reason: 'already_ran' })
    case 'idempotency_mismatch':
      return refuse(tool, { error: 'idempotency_mismatch', reason: 'idempotency_mismatch' })
    case 'full':
      return refuse(tool, { error: 'budget_unavailable', reason: 'keys_full' })
  }
}

/** Whether an attempt was charged all that it was to cost, or will be when its hold's time is up. */
function isPaid({ charge }: CallOutcome, state: string | undefined, cost: number): boolean {
  if (charge === undefined) return false
  if (state === 'simulated') return true
  if (charge.end === 'kept') return charge.onExpire === 'capture'
  return charge.end !== 'released' && charge.charged >= cost
}
