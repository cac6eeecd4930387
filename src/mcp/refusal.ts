import { entriesSent, isObject, type JsonObject } from '../core/json.js'
import { REFUSALS, type Refusal, type RefusalSlug } from '../core/refusal.js'
import { isToolsCall, META, type RequestId } from './wire.js'
import { eraOf, type Era } from './eras.js'
import type { Seat } from './seat.js'

/** The `_meta` key of a refusal that is an `isError` result. */
export const REFUSAL_META = `${META}refusal`

/** The data of a refusal on the wire. The discriminator is always `error`, whatever the JSON-RPC code. */
export interface RefusalData {
  readonly error: RefusalSlug
  readonly reason: string
  readonly tool: string
  readonly cost_credits?: number
  readonly remaining_credits?: number
  readonly token_id?: string
  readonly budget_id?: string
  readonly expected?: string
  readonly retryable: boolean
  readonly reset_at?: string
}

/** JSON-RPC codes to use instead of the table's, by slug. */
export type RefusalCodes = Readonly<Partial<Record<RefusalSlug, number>>>

/** A refusal as a JSON-RPC error answer, HTTP status 200: other statuses would cost the client the data. */
export function refusalError(id: RequestId, refusal: Refusal, era: Era, codes: RefusalCodes = {}): JsonObject {
  const code = codes[refusal.error] ?? REFUSALS[refusal.error][era]
  return { jsonrpc: '2.0', id, error: { code, message: refusalText(refusal), data: refusalData(refusal) } }
}

/** Slugs that are the protocol's own errors: never answered as a tool result. */
const PROTOCOL_ERRORS = new Set<RefusalSlug>(['invalid_request', 'invalid_params', 'invalid_request_state'])

/** The answer to a request that was refused, in the form that the seat's settings ask for. */
export function refusalAnswer(
  request: JsonObject,
  id: RequestId,
  refusal: Refusal,
  seat: Pick<Seat, 'refusal' | 'codes'>,
): JsonObject {
  const era = eraOf(request)
  const asResult = seat.refusal === 'result' && isToolsCall(request) && !PROTOCOL_ERRORS.has(refusal.error)
  if (asResult) return { jsonrpc: '2.0', id, result: refusalResult(refusal, era) }
  return refusalError(id, refusal, era, seat.codes)
}

/**
 * A refusal as a tool result, which a model is sure to see. Without `structuredContent`: a v1 client validates that
 * against the tool's schema even in errors.
 */
export function refusalResult(refusal: Refusal, era: Era): JsonObject {
  const result = {
    content: [{ type: 'text', text: refusalText(refusal) }],
    isError: true,
    _meta: { [REFUSAL_META]: refusalData(refusal) },
  }
  return era === 'modern' ? { resultType: 'complete', ...result } : result
}

/** One line that says what was refused and why, beginning with the slug in plain words: `Budget exhausted`. */
export function refusalText(refusal: Refusal): string {
  const words = refusal.error.replaceAll('_', ' ')
  const title = words.charAt(0).toUpperCase() + words.slice(1)
  const { tool, cost, remaining } = refusal
  const name = tool.length <= 128 ? tool : `${tool.slice(0, 128)}…`
  if (refusal.error === 'budget_exhausted' && cost !== undefined) {
    const left = remaining === undefined ? '' : `, ${remaining} remaining`
    return `${title}: tool '${name}' costs ${cost} credits${left}`
  }
  const hint = refusal.expected === undefined ? '' : `, expected ${refusal.expected}`
  return `${title}: tool '${name}' (${refusal.reason}${hint})`
}

/** The data of a refusal. Who has no authority over a budget learns neither its balance nor whether it exists. */
export function refusalData(refusal: Refusal): RefusalData {
  const { error, reason, tool, cost, remaining, tokenId, budget, expected, retryable, resetAt } = refusal
  const data: { readonly [Key in keyof Required<RefusalData>]: RefusalData[Key] | undefined } = {
    error,
    reason,
    tool,
    cost_credits: cost,
    remaining_credits: remaining,
    token_id: tokenId?.slice(0, 12),
    budget_id: budget,
    expected,
    retryable,
    // A step of the user's own may say any time; one that no date can show is left out.
    reset_at: Math.abs(resetAt ?? Infinity) <= 8.64e15 ? new Date(resetAt as number).toISOString() : undefined,
  }
  return Object.fromEntries(entriesSent(data)) as unknown as RefusalData
}

/**
 * The refusal in what an SDK client threw (`McpError`, `ProtocolError`) or returned (an `isError` result); `undefined`
 * when it is none of ours. Reads the data, never the code or the text.
 *
 * @example
 * ```ts
 * try { await client.callTool({ name: 'draw' }) } catch (e) {
 *   const refusal = refusalOf(e)
 *   if (refusal?.error === 'budget_exhausted') console.log(refusal.remaining_credits)
 * }
 * ```
 */
export function refusalOf(thrownOrResult: unknown): RefusalData | undefined {
  const { data, _meta } = Object(thrownOrResult) as { data?: unknown; _meta?: unknown }
  const found = isObject(_meta) && isObject(_meta[REFUSAL_META]) ? _meta[REFUSAL_META] : data
  if (!isObject(found) || typeof found.error !== 'string' || !Object.hasOwn(REFUSALS, found.error)) return undefined
  return typeof found.retryable === 'boolean' ? (found as unknown as RefusalData) : undefined
}
