import { BudgetError } from '../core/errors.js'
import { copyJson, isObject, type JsonObject } from '../core/json.js'
import { refuse, type Refusal } from '../core/refusal.js'
import { isRequestId, objectAt, type RequestId } from './wire.js'
import { newCall, type ToolCall } from '../core/call.js'

const RELATED_TASK = 'io.modelcontextprotocol/related-task'

/** Reads a `tools/call` request; a refusal for one that no server could answer as it stands. */
export function readCall(message: JsonObject, server: string | undefined, now: number): ToolCall | Refusal {
  const params = objectAt(message, 'params')
  const { name, arguments: args, _meta: meta } = params
  if (typeof name !== 'string') return refuse('', { error: 'invalid_params', reason: 'invalid_name' })
  if (args !== undefined && !isObject(args))
    return refuse(name, { error: 'invalid_params', reason: 'invalid_arguments' })
  // Its answer would come inside another request's, or never: the hold would outlive the call.
  if (isObject(meta) && meta[RELATED_TASK] !== undefined)
    return refuse(name, { error: 'invalid_params', reason: 'related_task' })
  return newCall({ tool: name, args, meta: isObject(meta) ? meta : undefined, server }, now, params.task !== undefined)
}

/** The name of the tool that a request asks for, or nothing. */
export function toolOf(message: JsonObject): string {
  const { name } = objectAt(message, 'params')
  return typeof name === 'string' ? name : ''
}

/** The id of a request; a notification named tools/call would run, unanswered and unpaid, on a server that is not strict. */
export function requireId({ id }: JsonObject): RequestId {
  if (isRequestId(id)) return id
  throw invalidMessage('a tools/call with an id, text or an integer')
}

/** What cannot be sent as it is. */
export function invalidMessage(expected: string): BudgetError {
  return new BudgetError({ code: 'invalid_request', message: `Expected ${expected}` })
}

/**
 * The message to forward: as it came, but where a step changed the call, or where the decision took time in which the
 * sender could have changed the message. What is forwarded is exactly what was judged.
 */
export function forwardable(
  message: JsonObject,
  seen: ToolCall,
  judged: ToolCall,
  snapshot: JsonObject | undefined,
): JsonObject {
  if (judged.args === seen.args && judged.tool === seen.tool) return snapshot ?? message
  const params = objectAt(snapshot ?? message, 'params')
  const kept = judged.args === seen.args
  const args = kept ? params.arguments : judged.args && copyJson(judged.args, { freeze: false })
  return { ...message, params: { ...params, name: judged.tool, arguments: args } }
}

/** The message as it is now, for a decision that takes time. */
export function snapshotOf(message: JsonObject): JsonObject {
  const params = Object.entries(objectAt(message, 'params')).map(([key, value]) => [key, copyOf(value)] as const)
  return { ...message, params: Object.fromEntries(params) }
}

// An in-memory transport may carry what is no JSON; nothing has read it, so it goes on as it is.
function copyOf(value: unknown): unknown {
  try {
    return copyJson(value, { freeze: false })
  } catch {
    return value
  }
}
