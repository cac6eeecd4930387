import { isObject, type JsonObject } from '../core/json.js'
import { codeOf, resultOutcome, type CallOutcome, type LostOutcome } from '../core/outcome.js'

/** The only JSON-RPC codes that prove that a call did not run: parse, request, method, params, header mismatch. */
const NOT_RUN = new Set<unknown>([-32700, -32600, -32601, -32602, -32020])

/** The node error codes of a connection that was never made. */
const NEVER_CONNECTED = new Set<unknown>([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])

/**
 * What an answer proves.
 *
 * @param asTask whether the call asked for a task: then even a −32602 may come after the tool ran
 */
export function outcomeOfResponse(response: JsonObject, asTask: boolean): CallOutcome {
  const { error, result } = response
  if (error !== undefined) {
    const code = codeOf(error)
    const notRun = NOT_RUN.has(code) && !asTask
    return { kind: 'error', proves: notRun ? 'not-run' : 'failed', code }
  }
  const answer = isObject(result) ? result : {}
  const taskId = taskIdOf(answer)
  if (taskId !== undefined) return { kind: 'task', proves: 'unknown', taskId, result: answer }
  return resultOutcome(answer, 'unknown')
}

/** The task that a call became: `result.task.taskId` on 2025-11-25, `resultType: 'task'` on 2026-07-28. */
function taskIdOf(result: JsonObject): string | undefined {
  const task = result.resultType === 'task' ? result : result.task
  return isObject(task) && typeof task.taskId === 'string' ? task.taskId : undefined
}

/**
 * What a failed `send` proves. Only what cannot have reached the server counts as not run: it was never connected,
 * the message could not be written, or the server refused it whole with a 4xx status.
 *
 * @param message what was to be sent
 * @param usable whether the transport was started and not yet closed when it was asked to send
 */
export function outcomeOfSendFailure(error: unknown, message: unknown, usable: boolean): LostOutcome {
  const thrown = Object(error) as Thrown
  if (thrown.name === 'AbortError') return { kind: 'lost', cause: 'cancelled', proves: 'unknown' }
  const notSent =
    !usable || neverConnected(thrown) || refusedByStatus(thrown) || isUnauthorized(thrown) || !isWritable(message)
  return { kind: 'lost', cause: notSent ? 'not-sent' : 'closed', proves: notSent ? 'not-run' : 'unknown' }
}

// Asked of the message and not of the error: what fetch throws in a browser looks the same before and after sending.
function isWritable(message: unknown): boolean {
  try {
    JSON.stringify(message)
    return true
  } catch {
    return false
  }
}

function neverConnected({ code, cause }: Thrown, depth = 0): boolean {
  return NEVER_CONNECTED.has(code) || (depth < 4 && neverConnected(Object(cause) as Thrown, depth + 1))
}

// 408 and 499 say that somebody stopped waiting, not that nothing ran.
function refusedByStatus({ status, data, code }: Thrown): boolean {
  const found = [status, (Object(data) as Thrown).status, code].find((each) => typeof each === 'number')
  return found !== undefined && found >= 400 && found < 499 && found !== 408
}

// What both SDKs throw after a 401 or 403: it carries no status. v2 brands it; of v1 only the class's name is left.
function isUnauthorized({ constructor }: Thrown): boolean {
  return constructor?.mcpBrand === 'mcp.UnauthorizedError' || constructor?.name === 'UnauthorizedError'
}

/** What may be read of anything that was thrown. */
interface Thrown {
  readonly constructor?: { readonly name?: unknown; readonly mcpBrand?: unknown }
  readonly name?: unknown
  readonly code?: unknown
  readonly status?: unknown
  readonly data?: unknown
  readonly cause?: unknown
}
