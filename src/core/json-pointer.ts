import { misconfigured } from './settings.js'

const POINTER = /^(\/([^~/]|~[01])*)+$/

/**
 * The keys that a JSON pointer (RFC 6901) goes through, such as `/structuredContent/usage/0/credits`.
 *
 * @throws BudgetError `invalid_config` when it is empty or no pointer
 */
export function pointerKeys(pointer: unknown, path: string): string[] {
  if (typeof pointer === 'string' && POINTER.test(pointer)) {
    const keys = pointer.slice(1).split('/')
    return keys.map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'))
  }
  throw misconfigured(path, 'a JSON pointer such as `/usage/credits`', pointer)
}

/**
 * An own property of an object, or an element of an array; `undefined` of anything else, so that no result can lead a
 * pointer into a prototype.
 */
export function ownProperty(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  // `length` is an own property of an array, but not of the JSON that it was.
  if (Array.isArray(value) && key === 'length') return undefined
  return Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined
}
