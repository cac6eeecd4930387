import { expectMatch, expectThat } from '../conformance/check.js'
import { mintChargeId, type ChargeId } from '../../core/ids.js'
import type { TestClock } from '../conformance/subject.js'
import type {
  BeginRequest,
  BindRequest,
  EndRequest,
  Failure,
  FinishRequest,
  TaskBinding,
  TaskRef,
  TaskStore,
} from '../../tasks/task-store.js'

/** How long a claim lasts in the kit. */
export const LEASE_MS = 30_000
/** How long a failure counts in the kit. */
export const WINDOW_MS = 600_000

/** The store under test, and the handful of things that cases do with it. */
export class TaskSubject {
  constructor(
    readonly store: TaskStore,
    readonly clock: TestClock,
  ) {}

  /** A charge id that was not used before, as the library mints it. */
  charge(): ChargeId {
    return mintChargeId(this.clock.now())
  }

  /** An attempt at `operation`, or as `more` says. */
  begin(more: Partial<BeginRequest> = {}): BeginRequest {
    const attempt = { chargeId: this.charge(), principal: 'default/main', operation: digest('a'), key: undefined }
    return { ...attempt, again: false, openMs: 60_000, ...more }
  }

  /** How an attempt ended: it failed, and was the first that was paid for, or as `more` says. */
  finish(attempt: BeginRequest, more: Partial<FinishRequest> = {}): FinishRequest {
    const { chargeId, principal, operation, key } = attempt
    const failure = { operationId: 'op', attempt: 1, discounts: 0, paid: true }
    const about = { end: 'failed', failure, windowMs: WINDOW_MS, task: undefined, reopens: false } as const
    return { chargeId, principal, operation, key, ...about, ...more }
  }

  /** Begins an attempt that must pass; answers with what it follows. */
  async begun(request: BeginRequest): Promise<Failure | undefined> {
    const answer = await this.store.begin(request)
    expectMatch(answer, { kind: 'begun' }, 'begin')
    return answer.kind === 'begun' ? answer.after : undefined
  }

  /** A binding of the task `task-1`, or as `more` says. */
  binding(more: Partial<BindRequest> = {}): BindRequest {
    const ref = { upstream: 'studio', principal: 'default/main', taskId: 'task-1' }
    return { ...ref, holdId: this.charge(), key: undefined, lifeMs: 300_000, data: { tool: 'draw' }, ...more }
  }

  /** Binds, which must succeed. */
  async bound(more: Partial<BindRequest> = {}): Promise<BindRequest> {
    const request = this.binding(more)
    expectMatch(await this.store.bind(request), { kind: 'bound' }, 'bind')
    return request
  }

  /** The claim of an end. */
  end(bound: TaskRef & { readonly holdId: string }, as: EndRequest['as'] = 'completed'): EndRequest {
    const { upstream, principal, taskId, holdId } = bound
    return { upstream, principal, taskId, holdId, as, data: { said: as }, leaseMs: LEASE_MS }
  }

  /** Ends a binding whole: claims its end and finishes it. */
  async ended(bound: BindRequest, as: EndRequest['as'], reopens = false): Promise<void> {
    expectMatch(await this.store.end(this.end(bound, as)), { kind: 'claimed' }, `end as ${as}`)
    const attempt = this.begin({ chargeId: bound.holdId, principal: bound.principal })
    await this.store.finish(this.finish(attempt, { task: bound, reopens }))
  }

  /** Expects the one binding of a name, and of its principal. */
  async expect(ref: TaskRef, wanted: Partial<TaskBinding>): Promise<void> {
    const found = await this.store.find(ref)
    const own = found.filter(({ principal }) => principal === ref.principal)
    expectThat(own.length === 1, `find: wanted one binding of ${ref.principal}, got ${own.length}`)
    expectMatch(own[0], wanted, 'find')
  }

  /** Expects which tasks are due, by id and in order, and how many are open. */
  async expectDue(taskIds: readonly string[], open: number): Promise<void> {
    const due = await this.store.due(100)
    expectMatch({ ids: due.tasks.map(({ taskId }) => taskId), open: due.open }, { ids: taskIds, open }, 'due')
  }
}

/** A digest of 64 hex digits. */
export function digest(letter: string): string {
  return letter.repeat(64)
}
