import { isObject, type JsonObject } from '../core/json.js'
import { codeOf, resultOutcome, type CallOutcome } from '../core/outcome.js'

/**
 * What a message proves of a task.
 *
 * - `alive`: it goes on, and lives `ttlMs` (`null`: for ever), where the message says so
 * - `cancelling`: it was asked to stop, which proves nothing yet
 * - `gone`: the server has no such task any more
 * - `ended`: judged by its result and not by the name of its status, for an error of a tool is `failed` on 2025-11-25 and
 *   `completed` on 2026-07-28. `whole`: the result, or the error, is there
 */
export type TaskEvidence =
  | { readonly kind: 'alive'; readonly ttlMs: number | null | undefined }
  | { readonly kind: 'cancelling' | 'gone' | 'cancelled' }
  | {
      readonly kind: 'ended'
      readonly as: 'completed' | 'failed'
      readonly whole: boolean
      readonly outcome: CallOutcome
    }

/** What is known of one task. */
export type EvidenceOf = readonly [taskId: string, evidence: TaskEvidence]

/** The requests about tasks, of both generations. */
export const TASK_METHODS = ['tasks/get', 'tasks/result', 'tasks/cancel', 'tasks/update', 'tasks/list'] as const

/** A request about tasks, as far as its answer is read by it. */
export interface TaskRequest {
  readonly method: string
  readonly taskId: string
  /** Whether it asks for a task and nothing else: any other may be refused for what else it asks. */
  readonly plain: boolean
}

/** Reads a request about tasks; `undefined` for any other. */
export function taskRequestOf(method: unknown, params: JsonObject): TaskRequest | undefined {
  if (!(TASK_METHODS as readonly unknown[]).includes(method)) return undefined
  const { taskId, _meta: meta, ...more } = params
  const plain = typeof taskId === 'string' && Object.keys(more).length === 0 && isMeta(meta)
  return { method: method as string, taskId: typeof taskId === 'string' ? taskId : '', plain }
}

// A server may refuse a request for what its `_meta` says, with the same code.
function isMeta(meta: unknown): boolean {
  if (meta === undefined) return true
  const { progressToken: token } = Object(meta) as JsonObject
  return isObject(meta) && (token === undefined || typeof token === 'string' || Number.isSafeInteger(token))
}

/** What the answer to a request about tasks proves. */
export function evidenceOfAnswer({ method, taskId, plain }: TaskRequest, answer: JsonObject): readonly EvidenceOf[] {
  const { error, result } = answer
  if (error !== undefined) {
    const evidence = evidenceOfError(method, plain, codeOf(error))
    return evidence === undefined ? [] : [[taskId, evidence]]
  }
  if (!isObject(result)) return []
  switch (method) {
    case 'tasks/result':
      return [[taskId, ended(result)]]
    case 'tasks/list':
      return Array.isArray(result.tasks) ? result.tasks.flatMap((task) => evidenceOfTask(task)) : []
    case 'tasks/cancel':
      // On 2026-07-28 it is only acknowledged.
      return typeof result.status === 'string' ? ofOne(taskId, result) : [[taskId, { kind: 'cancelling' }]]
    case 'tasks/get':
      return ofOne(taskId, result)
    default:
      return []
  }
}

/** What a notification about a task proves: `notifications/tasks/status` on 2025-11-25, `notifications/tasks` on 2026-07-28. */
export function evidenceOfNotification({ method, params }: JsonObject): readonly EvidenceOf[] {
  if (method !== 'notifications/tasks/status' && method !== 'notifications/tasks') return []
  return evidenceOfTask(params)
}

/** How long a task lives, as the answer that creates it says; `null`: for ever. `short`: as short as its client liked. */
export function lifeOf(result: JsonObject): { readonly ttlMs: number | null; readonly byClient: boolean } {
  const legacy = isObject(result.task)
  return { ttlMs: ttlOf(isObject(result.task) ? result.task : result) ?? null, byClient: legacy }
}

// An answer is about the task that was asked for, whatever it says.
function ofOne(taskId: string, task: JsonObject): readonly EvidenceOf[] {
  return task.taskId === undefined || task.taskId === taskId ? evidenceOfTask({ ...task, taskId }) : []
}

function evidenceOfTask(task: unknown): readonly EvidenceOf[] {
  if (!isObject(task) || typeof task.taskId !== 'string') return []
  const evidence = evidenceOfStatus(task)
  return evidence === undefined ? [] : [[task.taskId, evidence]]
}

function evidenceOfStatus(task: JsonObject): TaskEvidence | undefined {
  switch (task.status) {
    case 'working':
    case 'input_required':
      return { kind: 'alive', ttlMs: ttlOf(task) }
    case 'cancelled':
      return { kind: 'cancelled' }
    case 'completed':
      return isObject(task.result) ? ended(task.result) : { ...ended({}), whole: false }
    case 'failed':
      return { kind: 'ended', as: 'failed', whole: true, outcome: failed(codeOf(task.error)) }
    default:
      return undefined
  }
}

function evidenceOfError(method: string, plain: boolean, code: number | undefined): TaskEvidence | undefined {
  if (method !== 'tasks/get' && method !== 'tasks/result') return undefined
  if (code === -32602) return plain ? { kind: 'gone' } : undefined
  // The error of the call itself is what `tasks/result` answers with; what the protocol says of the request is none.
  const isOfCall = method === 'tasks/result' && code !== undefined && (code > -32600 || code < -32700)
  return isOfCall && code !== -32603 ? { kind: 'ended', as: 'failed', whole: true, outcome: failed(code) } : undefined
}

function ended(result: JsonObject): Extract<TaskEvidence, { kind: 'ended' }> {
  const outcome = resultOutcome(result, 'unknown')
  return { kind: 'ended', as: outcome.proves === 'failed' ? 'failed' : 'completed', whole: true, outcome }
}

function failed(code: number | undefined): CallOutcome {
  return { kind: 'error', proves: 'failed', code }
}

function ttlOf({ ttl, ttlMs = ttl }: JsonObject): number | null | undefined {
  if (ttlMs === null) return null
  if (typeof ttlMs !== 'number') return undefined
  // Less than nothing is none, and no life without end: a timer takes it for none.
  return Math.min(Math.max(0, Math.ceil(ttlMs) || 0), Number.MAX_SAFE_INTEGER)
}
