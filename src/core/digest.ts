import { crypto } from '#crypto'
import { canonicalJson } from './json.js'
import { andThen, type MaybePromise } from './maybe-promise.js'
import type { ToolCall } from './call.js'

/**
 * What a call is, as 64 hex digits: SHA-256 over the canonical JSON (RFC 8785) of its name and arguments. Equal for
 * equal calls, whatever their order of keys, their id or their `_meta`. The one digest for approvals and retries.
 *
 * @throws BudgetError `invalid_request` when the arguments are no JSON, `too_large` when they are beyond the limits
 * @example if (approved.has(await callDigest(call))) …
 */
export function callDigest(call: Pick<ToolCall, 'tool' | 'args'>): MaybePromise<string> {
  return jsonDigest({ name: call.tool, arguments: call.args ?? {} })
}

/** SHA-256 over the canonical JSON of data, as 64 hex digits. @throws BudgetError as {@link canonicalJson} */
export function jsonDigest(data: unknown): MaybePromise<string> {
  return andThen(crypto.sha256(canonicalJson(data)), hex)
}

/** HMAC-SHA256 of UTF-8 text, as 64 hex digits. */
export function keyedDigest(key: Uint8Array, text: string): MaybePromise<string> {
  return andThen(crypto.hmacSha256(key, new TextEncoder().encode(text)), hex)
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
