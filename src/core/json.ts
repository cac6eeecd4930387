import { BudgetError } from './errors.js'

/** A JSON object as it came over the wire. */
export type JsonObject = Readonly<Record<string, unknown>>

/** How deep and how large arguments may be before a price or an approval reads them. */
export const JSON_LIMITS = { depth: 64, nodes: 100_000 } as const

/** Whether a value is an object with keys, and no array. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * A deep copy of JSON data, so that what is judged can be exactly what is forwarded. Iterative: depth cannot
 * overflow the stack.
 *
 * @param freeze whether the copy is frozen throughout
 * @throws BudgetError `invalid_request` when the value is no JSON, `too_large` when it is deeper than 64 or of more than
 * 100,000 nodes
 */
export function copyJson<T>(value: T, options: { freeze: boolean }): T {
  const root: { value?: unknown } = {}
  const made: object[] = []
  const work: Array<{ from: unknown; into: object; key: string; depth: number }> = [
    { from: value, into: root, key: 'value', depth: 0 },
  ]
  let nodes = 0
  for (let item = work.pop(); item !== undefined; item = work.pop()) {
    const { from, into, key, depth } = item
    if (++nodes > JSON_LIMITS.nodes) throw tooLarge(`more than ${JSON_LIMITS.nodes} values`)
    if (depth > JSON_LIMITS.depth) throw tooLarge(`nesting deeper than ${JSON_LIMITS.depth}`)
    // defineProperty, because a plain assignment to `__proto__` would set a prototype and drop the key.
    const copy = shallowCopy(from)
    Object.defineProperty(into, key, { value: copy, enumerable: true, writable: true, configurable: true })
    if (typeof copy !== 'object' || copy === null) continue
    made.push(copy)
    // Backwards, because what is pushed last is made first: the copy has its keys in the same order.
    for (const child of Object.keys(from as object).reverse()) {
      const next = (from as Record<string, unknown>)[child]
      // As JSON does: a key without a value is not sent.
      if (next !== undefined) work.push({ from: next, into: copy, key: child, depth: depth + 1 })
    }
  }
  if (options.freeze) for (const object of made) Object.freeze(object)
  return root.value as T
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

function shallowCopy(from: unknown): unknown {
  if (from === null || typeof from === 'string' || typeof from === 'boolean') return from
  if (typeof from === 'number' && Number.isFinite(from)) return from
  if (Array.isArray(from)) return new Array(from.length).fill(null)
  if (typeof from === 'object' && isPlain(from)) return {}
  throw new BudgetError({
    code: 'invalid_request',
    message: `Expected arguments of JSON data, got a ${typeof from === 'object' ? 'class instance' : typeof from}`,
  })
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null || Object.getPrototypeOf(prototype) === null
}

function tooLarge(what: string): BudgetError {
  return new BudgetError({ code: 'too_large', message: `Expected arguments within limits, got ${what}` })
}
