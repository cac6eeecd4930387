import { BudgetError, describeValue } from './errors.js'

/** A JSON object as it came over the wire. */
export type JsonObject = Readonly<Record<string, unknown>>

/** How deep and how large arguments may be before a price or an approval reads them. */
export const JSON_LIMITS = { depth: 64, nodes: 100_000 } as const

/** Whether a value is an object with keys, and no array. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Whether a value is an object that is no instance of a class. */
export function isPlain(value: unknown): value is JsonObject {
  if (!isObject(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  // A plain object of another realm has a prototype of its own, above which there is nothing either.
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/**
 * A deep copy of JSON data, so that what is judged can be exactly what is forwarded.
 *
 * @param freeze whether the copy is frozen throughout
 * @throws BudgetError `invalid_request` when the value is no JSON, `too_large` when it is deeper than 64 or of more than
 * 100,000 nodes
 */
export function copyJson<T>(value: T, { freeze }: { freeze: boolean }): T {
  let nodes = 0
  // Recursive on purpose: the limit comes long before the end of the stack.
  const copy = (from: unknown, depth: number): unknown => {
    if (++nodes > JSON_LIMITS.nodes) throw tooLarge(`more than ${JSON_LIMITS.nodes} values`)
    if (depth > JSON_LIMITS.depth) throw tooLarge(`nesting deeper than ${JSON_LIMITS.depth}`)
    if (from === null || typeof from === 'string' || typeof from === 'boolean' || Number.isFinite(from)) return from
    const made = Array.isArray(from)
      ? Array.from(from, (each: unknown) => copy(each ?? null, depth + 1))
      : // Not by assignment: one to `__proto__` would set a prototype and drop the key.
        Object.fromEntries(entriesSent(checked(from)).map(([key, each]) => [key, copy(each, depth + 1)]))
    return freeze ? Object.freeze(made) : made
  }
  return copy(value, 0) as T
}

/**
 * The one text form of JSON data (RFC 8785): keys sorted by UTF-16 code units, no space, numbers and strings as
 * ECMAScript writes them. Equal data gives equal text.
 *
 * @throws BudgetError `invalid_request`, `too_large` as {@link copyJson}
 */
export function canonicalJson(value: unknown): string {
  return write(copyJson(value, { freeze: false }))
}

// Recursive on purpose: the copy has proved that the depth is bounded.
function write(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(write).join(',')}]`
  if (!isObject(value)) return JSON.stringify(value)
  const keys = Object.keys(value).sort()
  return `{${keys.map((key) => `${JSON.stringify(key)}:${write(value[key])}`).join(',')}}`
}

/** The entries of an object as JSON has them: a key without a value is not sent. */
export function entriesSent(object: object): Array<[string, unknown]> {
  return Object.entries(object).filter(([, value]) => value !== undefined)
}

function checked(from: unknown): object {
  if (isPlain(from)) return from
  throw new BudgetError({
    code: 'invalid_request',
    message: `Expected arguments of JSON data, got ${isObject(from) ? 'an instance of a class' : describeValue(from)}`,
  })
}

function tooLarge(what: string): BudgetError {
  return new BudgetError({ code: 'too_large', message: `Expected arguments within limits, got ${what}` })
}
