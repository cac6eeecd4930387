import { expiryOf, isMetered, restoredCall, type TrackedCall } from './kept-call.js'
import { isUnreached, reach } from '../budget/reach.js'
import { mintChargeId } from '../core/ids.js'
import { taskTerms } from './task-terms.js'
import type { CallOutcome } from '../core/outcome.js'
import type { MaybePromise } from '../core/maybe-promise.js'
import type { Peers } from '../core/middleware.js'
import type { Policy } from './retry-policy.js'
import type { Price, PriceCharge } from '../core/price.js'
import type { TaskBinding, TaskEnd } from './task-store.js'
import type { TaskEndKind, TaskFate, TaskTerms } from '../core/operation.js'
import type { TaskEvidence } from './task-evidence.js'
import type { TaskSettings } from './settings.js'

/** For how long who claimed an end may take to deal with it. */
const LEASE_MS = 30_000

/** What is kept of an end, so that another can go on with it: JSON. */
interface Seen {
  /** What it costs. */
  readonly told: PriceCharge
  readonly outcome: { readonly kind: 'result' | 'error' | 'lost'; readonly code: number | null }
  /** Its time is up: the store of the budgets has ended the hold by itself. */
  readonly isOver: boolean
  readonly lateId: string
}

/**
 * Ends the holds of tasks, by what is heard of them and by what time it is: the rules of docs/reference/tasks.md. Each end
 * is claimed in the store of tasks first, dealt with by the steps, and then finished: exactly one deals with it, and what
 * one left undone another does again, which changes nothing twice.
 */
export class TaskEnds {
  readonly #settings: TaskSettings
  readonly #peers: () => Peers | undefined
  readonly #priceOf: (holdId: string) => Price | undefined

  constructor(settings: TaskSettings, peers: () => Peers | undefined, priceOf: (holdId: string) => Price | undefined) {
    this.#settings = settings
    this.#peers = peers
    this.#priceOf = priceOf
  }

  /** Deals with what was heard of a task. Answers whether the store of tasks could be reached. */
  async hear(binding: TaskBinding, evidence: TaskEvidence): Promise<boolean> {
    const { state, seen } = binding
    const isOpen = state === 'open'
    switch (evidence.kind) {
      case 'alive':
        return !isOpen || seen !== undefined || evidence.ttlMs === undefined || this.#prolong(binding, evidence.ttlMs)
      case 'cancelled':
        if (this.#policyOf(binding).onTaskCancel === 'capture')
          return this.#end(binding, 'cancelled', lost('cancelled'), false)
        return !isOpen || seen !== undefined || this.#stay(binding, 'cancelled', 'release')
      case 'cancelling':
        return !isOpen || seen !== undefined || this.#stay(binding, 'cancelled', this.#policyOf(binding).onTaskCancel)
      case 'gone':
        return !isOpen || seen !== undefined || this.#end(binding, 'expired', lost('timed-out'), false)
      case 'ended':
        if (!evidence.whole && evidence.as === 'completed' && isMetered(binding))
          return !isOpen || seen === 'completed' || this.#stay(binding, 'completed', 'capture')
        return this.#end(binding, evidence.as, evidence.outcome, false)
    }
  }

  /** Deals with a task that is due. Answers whether the store of tasks could be reached. */
  async due(binding: TaskBinding): Promise<boolean> {
    const { end, seen } = binding
    if (end !== undefined) return this.#again(binding, end)
    const outcome: CallOutcome =
      seen === 'completed'
        ? { kind: 'result', proves: 'ran', result: {} }
        : lost(seen === 'cancelled' ? 'cancelled' : 'timed-out')
    return this.#end(binding, seen ?? 'expired', outcome, true)
  }

  /** Charges a call at once whose task cannot be kept: nobody would end its hold. */
  chargeNow(call: TrackedCall, taskId: string): MaybePromise<unknown> {
    const fate = { kind: 'capture', onExpire: 'capture', lateId: undefined } as const
    return this.#tell(call, { id: taskId, end: 'expired', late: false, fate }, lost('closed'))
  }

  // A server may give a task more time than it said at first.
  async #prolong(binding: TaskBinding, ttlMs: number | null): Promise<boolean> {
    const terms = taskTerms(this.#settings, this.#policyOf(binding), { ttlMs, byClient: false })
    if (binding.boundAt + terms.ttlMs <= binding.dueAt) return true
    return this.#amend(binding, { lifeMs: terms.ttlMs }, expiryOf(binding))
  }

  // The end is not certain, or not whole: what is heard in the grace period counts, and then `onExpire` does.
  #stay(binding: TaskBinding, seen: 'cancelled' | 'completed', onExpire: 'capture' | 'release'): Promise<boolean> {
    return this.#amend(binding, { seen, withinMs: this.#settings.graceMs }, onExpire)
  }

  async #amend(
    binding: TaskBinding,
    change: { readonly lifeMs?: number; readonly withinMs?: number; readonly seen?: 'cancelled' | 'completed' },
    onExpire: 'capture' | 'release',
  ): Promise<boolean> {
    const amended = await this.#ask(() => this.#settings.tasks.amend({ ...refOf(binding), ...change }))
    if (isUnreached(amended)) return false
    if (amended === undefined) return true
    const ttlMs = Math.max(1, amended.dueAt - Math.max(this.#settings.clock.now(), amended.boundAt))
    await this.#keep(this.#restored(binding), binding.taskId, { ttlMs, onExpire })
    return true
  }

  async #end(binding: TaskBinding, as: TaskEndKind, outcome: CallOutcome, isOver: boolean): Promise<boolean> {
    const { tasks, clock } = this.#settings
    const call = this.#restored(binding)
    const kind = outcome.kind === 'result' || outcome.kind === 'error' ? outcome.kind : 'lost'
    const code = outcome.kind === 'error' ? (outcome.code ?? null) : null
    const lateId = mintChargeId(clock.now())
    const data: Seen = { told: call.price.charge(outcome), outcome: { kind, code }, isOver, lateId }
    const request = { ...refOf(binding), as, data: { ...data }, leaseMs: LEASE_MS }
    const answer = await this.#ask(() => tasks.end(request))
    if (isUnreached(answer)) return false
    return answer.kind === 'over' || this.#deal(answer.binding, false)
  }

  async #again(binding: TaskBinding, { as, data }: TaskEnd): Promise<boolean> {
    const request = { ...refOf(binding), as, data, leaseMs: LEASE_MS }
    const answer = await this.#ask(() => this.#settings.tasks.end(request))
    if (isUnreached(answer)) return false
    return answer.kind === 'over' || this.#deal(answer.binding, true)
  }

  async #deal(binding: TaskBinding & { readonly end: TaskEnd }, again: boolean): Promise<boolean> {
    const { as, late, data } = binding.end
    const { told, outcome: kept, isOver, lateId } = data as unknown as Seen
    const call = this.#restored(binding)
    const { kind, onExpire } = fateOf(binding, isOver, this.#policyOf(binding))
    // Who does it again cannot know whether the first debited it under the other id.
    const fate = { kind, onExpire, lateId: again || expiryOf(binding) === 'capture' ? undefined : lateId }
    if (kind === 'expired' && !isOver) await this.#keep(call, binding.taskId, { ttlMs: 1, onExpire })
    const outcome = outcomeOf(as, kept)
    const priced: TrackedCall = { ...call, price: { ...call.price, charge: () => told } }
    const ended = await this.#tell(priced, { id: binding.taskId, end: as, late, fate }, outcome)
    const { charged = 0, end = 'kept' } = ended.charge ?? {}
    const { hold, operation } = call
    // A simulation does not say what it charged; where nothing was held, all was paid before.
    const isCharged =
      hold.state === 'held'
        ? end !== 'released' && charged >= call.cost
        : hold.state !== 'simulated' || onExpire === 'capture'
    const paid = operation.paid || (isCharged && operation.rateBps === 10_000)
    const { operationId, attempt, discounts, asked } = operation
    const finished = await this.#ask(
      () =>
        this.#settings.tasks.finish({
          ...asked,
          end: as === 'completed' ? 'ran' : 'failed',
          failure: { operationId, attempt, discounts, paid },
          windowMs: this.#settings.retryWindowMs,
          task: refOf(binding),
          reopens: kind === 'expired' && onExpire === 'release',
        }) ?? undefined,
    )
    return !isUnreached(finished)
  }

  #keep(call: TrackedCall, id: string, terms: TaskTerms): MaybePromise<unknown> {
    const task = { id, end: undefined, late: false, fate: undefined }
    const operation = { ...call.operation, task, keep: () => terms }
    const outcome: CallOutcome = { kind: 'task', proves: 'unknown', taskId: id, result: {} }
    return this.#peers()?.task({ ...call, operation } as TrackedCall, outcome)
  }

  #tell(
    call: TrackedCall,
    task: { readonly id: string; readonly end: TaskEndKind; readonly late: boolean; readonly fate: TaskFate },
    outcome: CallOutcome,
  ): MaybePromise<CallOutcome> {
    const told: TrackedCall = { ...call, operation: { ...call.operation, task } }
    return this.#peers()?.task(told, outcome) ?? outcome
  }

  #restored(binding: TaskBinding): TrackedCall {
    return restoredCall(binding, this.#priceOf(binding.holdId), this.#settings.events)
  }

  #policyOf({ data }: TaskBinding): Policy {
    return this.#settings.policyOf(String(data.tool))
  }

  async #ask<Answer extends object | undefined>(ask: () => MaybePromise<Answer>) {
    const { storeTimeoutMs: timeoutMs, clock, events } = this.#settings
    const answer = await reach(ask, { timeoutMs, clock })
    if (isUnreached(answer)) events.emit('fault', { where: 'the store of tasks', error: answer.cause })
    return answer
  }
}

/** What becomes of the hold of a task that ended. */
function fateOf({ end, data: _, ...binding }: TaskBinding, isOver: boolean, policy: Policy): Omit<TaskFate, 'lateId'> {
  const expiry = expiryOf({ ...binding, end, data: _ })
  const { as = 'expired', late = false } = end ?? {}
  const capture = { kind: 'capture', onExpire: 'capture' } as const
  if (late) {
    const isCharged = policy.lateCompletion === 'debit' && (as === 'completed' || policy.onTaskFailure === 'capture')
    return isCharged ? capture : { kind: 'record', onExpire: 'release' }
  }
  switch (as) {
    case 'completed':
      return isOver ? { kind: 'expired', onExpire: 'capture' } : capture
    case 'failed':
      return { kind: policy.onTaskFailure, onExpire: policy.onTaskFailure }
    case 'cancelled':
      return isOver ? { kind: 'expired', onExpire: policy.onTaskCancel } : capture
    case 'expired':
      return isOver || expiry === 'release' ? { kind: 'expired', onExpire: expiry } : capture
  }
}

function outcomeOf(as: TaskEndKind, { kind, code }: Seen['outcome']): CallOutcome {
  if (kind === 'lost') return lost(as === 'cancelled' ? 'cancelled' : 'timed-out')
  if (kind === 'error') return { kind, proves: 'failed', code: code ?? undefined }
  return { kind, proves: as === 'failed' ? 'failed' : 'ran', result: {} }
}

function lost(cause: 'cancelled' | 'timed-out' | 'closed'): CallOutcome {
  return { kind: 'lost', cause, proves: 'unknown' }
}

function refOf({
  upstream,
  principal,
  taskId,
  holdId,
}: TaskBinding): Pick<TaskBinding, 'upstream' | 'principal' | 'taskId' | 'holdId'> {
  return { upstream, principal, taskId, holdId }
}
