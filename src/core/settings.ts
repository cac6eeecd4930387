import { assertCredits, type Credits } from './credits.js'
import { BudgetError, describeValue } from './errors.js'
import { isObject, isPlain } from './json.js'

/** A mistake in settings: which one, what was expected, what came. */
export function misconfigured(path: string, expected: string, value: unknown, got = describeValue(value)): BudgetError {
  return new BudgetError({ code: 'invalid_config', message: `Expected \`${path}\` to be ${expected}, got ${got}` })
}

/** Checks that settings are a plain object with own keys out of `known` only. A `Map` would look like an empty one. */
export function assertKeys(value: unknown, known: readonly string[], path: string): void {
  for (const key of Object.keys(assertPlain(value, path))) {
    if (known.includes(key)) continue
    const expected = `an object with ${known.map((name) => `\`${name}\``).join(', ')}`
    throw misconfigured(path, expected, key, `one with the key ${describeValue(key)}`)
  }
}

/** The value itself, or the first of the choices where none is set. */
export function oneOf<Value extends string | boolean>(
  value: Value | undefined,
  choices: readonly [Value, ...Value[]],
  path: string,
): Value {
  if (value === undefined) return choices[0]
  if (choices.includes(value)) return value
  throw misconfigured(path, `one of ${choices.map((each) => JSON.stringify(each)).join(', ')}`, value)
}

/** An integer within bounds, or `otherwise` where none is set. */
export function integer(
  value: unknown,
  { least, most, otherwise }: { readonly least: number; readonly most: number; readonly otherwise: number },
  path: string,
): number {
  if (value === undefined) return otherwise
  if (Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most) return value as number
  throw misconfigured(path, `an integer from ${least} to ${most}`, value)
}

/** An amount. @throws BudgetError `invalid_credits` */
export function credits(value: unknown, path: string): Credits {
  assertCredits(value, path)
  return value + 0 // -0 is an amount, and 0 is how it is kept
}

/** An amount, or `undefined` where none is set. */
export function optionalCredits(value: unknown, path: string): Credits | undefined {
  return value === undefined ? undefined : credits(value, path)
}

/** A text that is not empty, or `undefined` where none is set. */
export function optionalText(value: unknown, path: string): string | undefined {
  if (value === undefined || (typeof value === 'string' && value !== '')) return value
  throw misconfigured(path, 'a text', value)
}

/** An object that is no instance of a class. */
export function assertPlain(value: unknown, path: string): object {
  if (isPlain(value)) return value
  throw misconfigured(path, 'a plain object', value, isObject(value) ? 'an instance of a class' : undefined)
}

/** A mistake in a request: which part, what was expected, what came. */
export function invalid(what: string, expected: string, value: unknown): BudgetError {
  const message = `Expected \`${what}\` to be ${expected}, got ${describeValue(value)}`
  return new BudgetError({ code: 'invalid_request', message })
}

/** Whether a value is an integer, and at least so much. */
export function isCount(value: unknown, least: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least
}
