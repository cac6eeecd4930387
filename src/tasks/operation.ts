import { andThen, type MaybePromise } from '../core/maybe-promise.js'
import { callDigest, jsonDigest } from '../core/digest.js'
import { isTaskText } from './task-requests.js'
import { refuse, type Refusal } from '../core/refusal.js'
import type { Attempt } from './task-store.js'
import type { ToolCall } from '../core/call.js'

/** The `_meta` key of an operation's id: what an agent wants done once, however often it tries. */
export const OPERATION_META = 'dev.mcp-budget/operation-id'
/** The `_meta` key of an idempotency key: of all attempts with it at most one runs to success. */
export const KEY_META = 'dev.mcp-budget/idempotency-key'

/** What a call says of itself: claims, which name an operation and earn nothing. */
export interface Claims {
  readonly operationId: string | undefined
  readonly key: string | undefined
}

/** Reads what a call claims, or refuses one whose claims are no ids. */
export function claimsOf({ tool, meta }: Pick<ToolCall, 'tool' | 'meta'>): Claims | Refusal {
  const operationId = meta?.[OPERATION_META]
  const key = meta?.[KEY_META]
  const isId = (value: unknown): value is string | undefined => value === undefined || isTaskText(value)
  if (isId(operationId) && isId(key)) return { operationId, key }
  return refuse(tool, { error: 'invalid_params', reason: 'invalid_key' })
}

/**
 * What an attempt is, to the store: which operation it belongs to, by what it claims or else by what it does. Always of
 * one principal, server, tool and arguments, so that no claim reaches beyond them.
 */
export function attemptOf(call: ToolCall, principal: string, { operationId, key }: Claims): MaybePromise<Attempt> {
  return andThen(digestOf(call), (digest) => {
    const { id: chargeId, server = null } = call
    const claim = operationId === undefined ? (key === undefined ? [] : ['key', key]) : ['id', operationId]
    return andThen(jsonDigest([principal, server, digest, ...claim]), (operation) => ({
      chargeId,
      principal,
      operation,
      key: key === undefined ? undefined : { key, digest },
    }))
  })
}

// Arguments that are no JSON, as an in-memory transport may carry, are like no others.
function digestOf(call: ToolCall): MaybePromise<string> {
  try {
    return callDigest(call)
  } catch {
    return jsonDigest({ name: call.tool.slice(0, 256), charge: call.id })
  }
}
