import { assertPlain, misconfigured } from '../core/settings.js'
import { describeValue } from '../core/errors.js'
import { isObject } from '../core/json.js'
import type { StandardSchemaV1 } from './standard-schema.js'

/** How a key of a record reads in a path: `costs.draw`, `costs["two words"]`. */
export function pathTo(parent: string, key: string): string {
  return /^[\w.*/-]{1,128}$/.test(key) ? `${parent}.${key}` : `${parent}[${JSON.stringify(key.slice(0, 128))}]`
}

/** The own entries of a record, none where it is not set. A `Map` would look like an empty one, so it must be a plain object. */
export function entriesOf(value: unknown, path: string): Array<[string, unknown]> {
  return value === undefined ? [] : Object.entries(assertPlain(value, path))
}

/** A schema, or `undefined` where none is set. It may be a function, as arktype's are. */
export function optionalSchema(value: unknown, path: string): StandardSchemaV1 | undefined {
  if (value === undefined) return undefined
  const { '~standard': standard } = Object(value) as { readonly '~standard'?: unknown }
  if (isObject(standard) && typeof standard['validate'] === 'function') return value as StandardSchemaV1
  throw misconfigured(path, 'a schema of Standard Schema v1', describeValue(value))
}
