import { assertPlain, misconfigured } from '../core/settings.js'
import type { StandardSchemaV1 } from './standard-schema.js'

/**
 * The own entries of a record, each with its path, such as `costs.draw` or `costs["two words"]`; none where it is not
 * set. A `Map` would look like an empty one, so it must be a plain object.
 */
export function entriesOf(record: unknown, path: string): Array<[key: string, value: unknown, path: string]> {
  return Object.entries(record === undefined ? {} : assertPlain(record, path)).map(([key, value]) => {
    const name = /^[\w./*-]{1,128}$/.test(key) ? `.${key}` : `[${JSON.stringify(key.slice(0, 128))}]`
    return [key, value, path + name]
  })
}

/** A schema, or `undefined` where none is set. It may be a function, as arktype's are. */
export function optionalSchema(value: unknown, path: string): StandardSchemaV1 | undefined {
  if (value === undefined) return undefined
  const schema: { readonly '~standard'?: { readonly validate?: unknown } | null } | null = value
  if (typeof schema?.['~standard']?.validate === 'function') return value as StandardSchemaV1
  throw misconfigured(path, 'a schema of Standard Schema v1', value)
}
