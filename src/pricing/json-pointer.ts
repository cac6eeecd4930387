import { describeValue } from '../core/errors.js'
import { misconfigured } from '../core/settings.js'

/** Reads one place of JSON data; `undefined` where there is nothing. */
export type JsonPointer = (value: unknown) => unknown

const POINTER = /^(?:\/(?:[^~/]|~[01])*)+$/

/**
 * Compiles a JSON pointer (RFC 6901), such as `/structuredContent/usage/0/credits`. It follows own properties only,
 * so that no result can lead it into a prototype.
 *
 * @throws BudgetError `invalid_config` when it is empty or no pointer
 */
export function compilePointer(pointer: unknown, path: string): JsonPointer {
  if (typeof pointer !== 'string' || !POINTER.test(pointer)) {
    throw misconfigured(path, 'a JSON pointer such as `/structuredContent/credits`', describeValue(pointer))
  }
  const keys = pointer
    .slice(1)
    .split('/')
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'))
  return (value) => keys.reduce(ownProperty, value)
}

/** An own property of an object, or an element of an array; `undefined` of anything else. */
export function ownProperty(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  // `length` is an own property of an array, but not of the JSON that it was.
  if (Array.isArray(value) && key === 'length') return undefined
  return Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined
}
