import { BudgetError, describeValue } from '../core/errors.js'
import { assertCredits, type Credits } from '../core/credits.js'
import { isObject } from '../core/json.js'
import type { StandardSchemaV1 } from './standard-schema.js'

/** A mistake in the price list. */
export function misconfigured(path: string, expected: string, got: string): BudgetError {
  return new BudgetError({ code: 'invalid_config', message: `Expected \`${path}\` to be ${expected}, got ${got}` })
}

/** How a key of a record reads in a path: `costs.draw`, `costs["two words"]`. */
export function pathTo(parent: string, key: string): string {
  return /^[\w.*/-]{1,128}$/.test(key) ? `${parent}.${key}` : `${parent}[${JSON.stringify(key.slice(0, 128))}]`
}

/** The own entries of a record. A `Map` would look like an empty one, so it must be a plain object. */
export function entriesOf(value: unknown, path: string): Array<[string, unknown]> {
  return Object.entries(assertPlain(value, path))
}

/** Checks that a record has own keys out of `known` only. */
export function assertKeys(value: unknown, known: readonly string[], path: string): void {
  for (const key of Object.keys(assertPlain(value, path))) {
    if (known.includes(key)) continue
    throw misconfigured(path, `an object with ${known.map((name) => `\`${name}\``).join(', ')}`, describeValue(key))
  }
}

/** An amount, or `undefined` where none is set. */
export function optionalCredits(value: unknown, path: string): Credits | undefined {
  return value === undefined ? undefined : credits(value, path)
}

/** An amount. @throws BudgetError `invalid_credits` */
export function credits(value: unknown, path: string): Credits {
  assertCredits(value, path)
  return value + 0 // -0 is an amount, and 0 is how it is kept
}

/** A text that is not empty, or `undefined` where none is set. */
export function optionalText(value: unknown, path: string): string | undefined {
  if (value === undefined || (typeof value === 'string' && value !== '')) return value
  throw misconfigured(path, 'a text', describeValue(value))
}

/** A schema, or `undefined` where none is set. It may be a function, as arktype's are. */
export function optionalSchema(value: unknown, path: string): StandardSchemaV1 | undefined {
  if (value === undefined) return undefined
  const { '~standard': standard } = Object(value) as { readonly '~standard'?: unknown }
  if (isObject(standard) && typeof standard['validate'] === 'function') return value as StandardSchemaV1
  throw misconfigured(path, 'a schema of Standard Schema v1', describeValue(value))
}

function assertPlain(value: unknown, path: string): object {
  if (isObject(value)) {
    const prototype: unknown = Object.getPrototypeOf(value)
    // A plain object of another realm has a prototype of its own, above which there is nothing either.
    if (prototype === null || Object.getPrototypeOf(prototype) === null) return value
    throw misconfigured(path, 'a plain object', 'an instance of a class')
  }
  throw misconfigured(path, 'an object', describeValue(value))
}
