import { invalid, isCount } from '../core/settings.js'
import type {
  AmendRequest,
  Attempt,
  BeginRequest,
  BindRequest,
  EndRequest,
  FinishRequest,
  TaskName,
  TaskRef,
} from './task-store.js'

/** The longest time that a request may name. */
export const LONGEST_MS = 86_400_000
/** The most that a binding keeps beside its ids, as JSON. */
export const MOST_DATA = 16_384

const VISIBLE = /^[\x21-\x7e]{1,128}$/
const DIGEST = /^[0-9a-f]{64}$/

/** Whether a text can be a task's id, an operation's id or an idempotency key: 1 to 128 visible ASCII characters. */
export function isTaskText(value: unknown): value is string {
  return typeof value === 'string' && VISIBLE.test(value)
}

/** Checks a request at a store's border. @throws BudgetError `invalid_request` */
export function assertBegin(request: BeginRequest): void {
  assertAttempt(request)
  assertMs(request.openMs, 'openMs')
}

/** Checks a request at a store's border. @throws BudgetError `invalid_request` */
export function assertFinish(request: FinishRequest): void {
  const { end, failure, task, windowMs } = request
  assertAttempt(request)
  assertMs(windowMs, 'windowMs')
  if (!['ran', 'failed', 'not-run'].includes(end)) throw invalid('end', '`ran`, `failed` or `not-run`', end)
  if (failure !== undefined) {
    assertText(failure.operationId, 'failure.operationId')
    if (!isCount(failure.attempt, 1)) throw invalid('failure.attempt', 'an integer from 1', failure.attempt)
    if (!isCount(failure.discounts, 0)) throw invalid('failure.discounts', 'an integer from 0', failure.discounts)
  }
  if (task !== undefined) assertTaskRef(task)
}

/** Checks a request at a store's border. @throws BudgetError `invalid_request` */
export function assertBind(request: BindRequest): void {
  const { key, lifeMs, data } = request
  assertTaskRef(request)
  assertText(request.holdId, 'holdId')
  assertKey(key)
  assertMs(lifeMs, 'lifeMs')
  assertData(data)
}

/** Checks a request at a store's border. @throws BudgetError `invalid_request` */
export function assertAmend(request: AmendRequest): void {
  const { lifeMs, withinMs, seen } = request
  assertTaskRef(request)
  assertText(request.holdId, 'holdId')
  if (lifeMs !== undefined) assertMs(lifeMs, 'lifeMs')
  if (withinMs !== undefined) assertMs(withinMs, 'withinMs')
  if (![undefined, 'cancelled', 'completed'].includes(seen)) throw invalid('seen', '`cancelled` or `completed`', seen)
}

/** Checks a request at a store's border. @throws BudgetError `invalid_request` */
export function assertEnd(request: EndRequest): void {
  const { as, data, leaseMs } = request
  assertTaskRef(request)
  assertText(request.holdId, 'holdId')
  assertMs(leaseMs, 'leaseMs')
  assertData(data)
  if (!['completed', 'failed', 'cancelled', 'expired'].includes(as)) throw invalid('as', 'an end of a task', as)
}

/** Checks the name of a task at a store's border. @throws BudgetError `invalid_request` */
export function assertTaskName({ upstream, taskId }: TaskName): void {
  assertText(taskId, 'taskId')
  if (typeof upstream !== 'string' || upstream.length > 256)
    throw invalid('upstream', 'text of at most 256 characters', upstream)
}

function assertTaskRef(ref: TaskRef): void {
  assertTaskName(ref)
  assertPrincipal(ref.principal)
}

function assertAttempt({ chargeId, principal, operation, key }: Attempt): void {
  assertText(chargeId, 'chargeId')
  assertPrincipal(principal)
  assertDigest(operation, 'operation')
  assertKey(key)
}

function assertKey(key: Attempt['key']): void {
  if (key === undefined) return
  assertText(key.key, 'key.key')
  assertDigest(key.digest, 'key.digest')
}

function assertText(value: unknown, what: string): void {
  if (!isTaskText(value)) throw invalid(what, '1 to 128 visible ASCII characters', value)
}

function assertPrincipal(value: unknown): void {
  const isText = typeof value === 'string' && value.length <= 129 && /^[\w/-]+$/.test(value)
  if (!isText) throw invalid('principal', 'the full id of a budget', value)
}

function assertDigest(value: unknown, what: string): void {
  if (typeof value !== 'string' || !DIGEST.test(value)) throw invalid(what, '64 hex digits', value)
}

function assertMs(value: unknown, what: string): void {
  if (!isCount(value, 0) || value > LONGEST_MS) throw invalid(what, `an integer from 0 to ${LONGEST_MS}`, value)
}

function assertData(data: unknown): void {
  const text = JSON.stringify(data)
  if (typeof text !== 'string' || text.length > MOST_DATA)
    throw invalid('data', `JSON of at most ${MOST_DATA} characters`, data)
}
