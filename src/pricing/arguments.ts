import { copyJson, isObject, JSON_LIMITS, type JsonObject } from '../core/json.js'
import { refuse, type Refusal } from '../core/refusal.js'
import type { ToolCall } from '../core/call.js'

/** The call with a deep-frozen copy of its arguments, so that a price can judge but not change what is forwarded. */
export function freezeArguments(call: ToolCall): ToolCall | Refusal {
  if (call.args === undefined) return call
  try {
    return { ...call, args: copyJson(call.args, { freeze: true }) }
  } catch (error) {
    const reason = isTooLarge(call.args) ? 'too_large' : 'invalid_request'
    return refuse(call.tool, { error: 'invalid_request', reason, detail: { error } })
  }
}

/** Freezes what a schema made of the arguments: plain objects and arrays; a `Date` or the like stays as it is. */
export function freezeDeep<T>(value: T): T {
  const seen = new Set<unknown>()
  const work: unknown[] = [value]
  while (work.length > 0) {
    const item = work.pop()
    if (!isContainer(item) || seen.has(item)) continue
    seen.add(item)
    for (const child of Object.values(Object.freeze(item))) work.push(child)
  }
  return value
}

function isContainer(value: unknown): value is object {
  if (Array.isArray(value)) return true
  if (!isObject(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

// The walk of `copyJson` again, for refused calls only: its error does not say which of its rules was broken.
function isTooLarge(args: JsonObject): boolean {
  const work: Array<{ value: unknown; depth: number }> = [{ value: args, depth: 0 }]
  let nodes = 0
  for (let item = work.pop(); item !== undefined; item = work.pop()) {
    if (++nodes > JSON_LIMITS.nodes || item.depth > JSON_LIMITS.depth) return true
    if (typeof item.value !== 'object' || item.value === null) continue
    for (const value of Object.values(item.value)) work.push({ value, depth: item.depth + 1 })
  }
  return false
}
