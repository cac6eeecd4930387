import { copyJson, isObject } from '../core/json.js'
import { refuseArguments, type Refusal } from '../core/refusal.js'
import type { ToolCall } from '../core/call.js'

/** The call with a deep-frozen copy of its arguments, so that a price can judge but not change what is forwarded. */
export function freezeArguments(call: ToolCall): ToolCall | Refusal {
  if (call.args === undefined) return call
  try {
    return { ...call, args: copyJson(call.args, { freeze: true }) }
  } catch (error) {
    return refuseArguments(call.tool, error)
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
