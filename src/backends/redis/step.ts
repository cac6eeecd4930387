import type { Authority } from '../../budget/authority.js'

/** What is asked of a partition: a request of the script, see lua/partition.lua. */
export interface Step {
  readonly op: unknown[]
  /** The token, and where in the request its number stands. */
  readonly authority?: readonly [at: number, authority: Authority] | undefined
  /** Lines as lists, and where in the request their number stands. */
  readonly lines?: readonly [at: number, lines: unknown[][]] | undefined
}

/** The requests of one script, with the tokens and the lines that they name, each once. */
export function stepsAsJson(steps: readonly Step[]): string {
  const tokens = new Map<Authority, number>()
  const lists: unknown[] = []
  const numbers = new Map<string, number>()
  for (const { op, authority, lines } of steps) {
    if (authority !== undefined)
      op[authority[0]] = numberOf(tokens, authority[1], (token) => lists.push(authorityAsList(token)))
    // Calls of one tool pay alike: what would be read over and over is read once.
    if (lines !== undefined) op[lines[0]] = numberOf(numbers, JSON.stringify(lines[1]), () => numbers.size + 1)
  }
  return `[${JSON.stringify(lists)},[${[...numbers.keys()].join(',')}],${JSON.stringify(steps.map(({ op }) => op))}]`
}

function numberOf<Key>(numbers: Map<Key, number>, key: Key, make: (key: Key) => number): number {
  let number = numbers.get(key)
  if (number === undefined) numbers.set(key, (number = make(key)))
  return number
}

function authorityAsList(authority: Authority): unknown[] {
  const { budget, prefixIds, nonce, issuedAt, registrations, ceilings, calls, rates } = authority
  const limit = ({ prefixId, limit, expiresAt }: Authority['ceilings'][number]): unknown[] => [
    prefixId,
    String(limit),
    digitsOr(expiresAt),
  ]
  return [
    full(budget),
    full(registrations[0]?.parent ?? budget),
    prefixIds.at(-1),
    prefixIds,
    nonce,
    String(issuedAt),
    registrations.map((each) => [each.prefixId, full(each.budget), full(each.parent)]),
    ceilings.map(limit),
    calls.map(limit),
    rates.map(({ prefixId, calls: n, seconds, expiresAt }) => [
      prefixId,
      String(n),
      String(seconds),
      digitsOr(expiresAt),
    ]),
  ]
}

// What a token says is no name of ours until it is found.
function full(budget: string): string {
  return budget.includes('/') ? budget : `default/${budget}`
}

/** A number as text, or `false` where there is none. */
export function digitsOr(value: number | undefined): string | false {
  return value === undefined ? false : String(value)
}

/** Text as the script can read it: half of a character, which is none, would stop the whole script. */
export function sound(text: string): string
export function sound(text: string | undefined): string | false
export function sound(text: string | undefined): string | false {
  return text === undefined ? false : text.replace(/\p{Surrogate}/gu, '\ufffd')
}
