/**
 * A store that does not keep the contract: what was wanted, and what it did.
 *
 * @example await expect(someCase.run()).rejects.toBeInstanceOf(ConformanceError)
 */
export class ConformanceError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'ConformanceError'
  }
}

/** Expects every key of `wanted`, with its value; further keys are the store's own business. */
export function expectMatch(actual: unknown, wanted: unknown, what: string): void {
  if (!matches(actual, wanted)) throw new ConformanceError(`${what}: wanted ${show(wanted)}, got ${show(actual)}`)
}

/** Expects the same data, key by key. */
export function expectSame(actual: unknown, wanted: unknown, what: string): void {
  if (!matches(actual, wanted) || !matches(wanted, actual)) {
    throw new ConformanceError(`${what}: wanted ${show(wanted)}, got ${show(actual)}`)
  }
}

/** Expects `holds` to be true. */
export function expectThat(holds: boolean, what: string): void {
  if (!holds) throw new ConformanceError(what)
}

function matches(actual: unknown, wanted: unknown): boolean {
  if (typeof wanted !== 'object' || wanted === null) return actual === wanted
  if (typeof actual !== 'object' || actual === null) return false
  if (Array.isArray(wanted) && (!Array.isArray(actual) || actual.length !== wanted.length)) return false
  return Object.entries(wanted).every(([key, value]) => matches((actual as Record<string, unknown>)[key], value))
}

function show(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => (typeof part === 'bigint' ? `${part}n` : part)) ?? String(value)
}
