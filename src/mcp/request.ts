import { BudgetError } from '../core/errors.js'
import { copyJson, isObject, type JsonObject } from '../core/json.js'
import { refuse, type Refusal } from '../core/refusal.js'
import { isRequestId, isToolsCall, META, objectAt, type RequestId } from './wire.js'
import type { CallAuth } from '../core/auth.js'
import type { Seat } from './seat.js'
import { newCall, type ToolCall } from '../core/call.js'

const RELATED_TASK = 'io.modelcontextprotocol/related-task'
const KEY = `${META}idempotency-key`

/** Reads the request of a call; a refusal for one that no server could answer as it stands. */
export function readCall(
  message: JsonObject,
  server: string | undefined,
  auth: CallAuth | undefined,
  now: number,
): ToolCall | Refusal {
  const params = objectAt(message, 'params')
  const { _meta: meta, idempotencyKey: key } = params
  // Where a proposal of the protocol puts it; only what the steps see has it in one place.
  const keyed = key === undefined || objectAt(params, '_meta')[KEY] !== undefined ? {} : { [KEY]: key }
  const seen = key === undefined ? meta : { ...objectAt(params, '_meta'), ...keyed }
  const about = { meta: isObject(seen) ? seen : undefined, server, auth }
  if (!isToolsCall(message)) return newCall({ tool: String(message.method), args: ownParams(params), ...about }, now)
  const { name, arguments: args } = params
  if (typeof name !== 'string') return refuse('', { error: 'invalid_params', reason: 'invalid_name' })
  if (args !== undefined && !isObject(args))
    return refuse(name, { error: 'invalid_params', reason: 'invalid_arguments' })
  // Its answer would come inside another request's, or never: the hold would outlive the call.
  if (isObject(meta) && meta[RELATED_TASK] !== undefined)
    return refuse(name, { error: 'invalid_params', reason: 'related_task' })
  return newCall({ tool: name, args, ...about }, now, params.task !== undefined)
}

/** The parameters of a request without those that every request may have. */
export function ownParams(params: JsonObject): JsonObject {
  const { _meta, requestState: _state, inputResponses: _responses, ...own } = params
  return own
}

/** The name of the tool that a request asks for, or nothing. */
export function toolOf(message: JsonObject): string {
  if (!isToolsCall(message)) return String(message.method)
  const { name } = objectAt(message, 'params')
  return typeof name === 'string' ? name : ''
}

/** The id of a call; one without would run, unanswered and unpaid, on a server that is not strict. */
export function requireId({ id }: JsonObject): RequestId {
  if (isRequestId(id)) return id
  throw invalidMessage('a call with an id, text or an integer')
}

/**
 * Whether a message is a call that the seat takes. One without an id is none in shadow mode, where nothing is kept from
 * passing.
 */
export function isCall({ method, id }: JsonObject, { governed, shadow }: Pick<Seat, 'governed' | 'shadow'>): boolean {
  return governed.has(method) && !(shadow && !isRequestId(id))
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
  const { args, meta, tool } = judged
  if (args === seen.args && tool === seen.tool && meta === seen.meta) return snapshot ?? message
  const params = objectAt(snapshot ?? message, 'params')
  const marked = meta === seen.meta ? params : { ...params, _meta: meta }
  const kept = args === seen.args
  const copy = kept ? undefined : args && copyJson(args, { freeze: false })
  const changed = isToolsCall(message)
    ? { ...marked, name: tool, arguments: kept ? params.arguments : copy }
    : { ...marked, ...copy }
  return { ...message, params: changed }
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
