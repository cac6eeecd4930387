import { copyJson, isPlain } from '../core/json.js'
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
  const found = new Set<unknown>([value])
  for (const each of found) {
    if (!Array.isArray(each) && !isPlain(each)) continue
    for (const child of Object.values(Object.freeze(each))) found.add(child)
  }
  return value
}
