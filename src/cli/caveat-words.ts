import { momentOf } from './when.js'
import { printable } from './columns.js'

type Words = (value: string, now: number) => string | undefined

const list = (value: string): string => value.split(',').join(', ')
/** Without the nonce that keeps equal limits apart. */
const [first, second] = [0, 1].map((at) => (value: string) => value.split('/')[at] ?? '?') as [Part, Part]
type Part = (value: string) => string
const USES: Readonly<Record<string, string>> = {
  call: 'call tools',
  balance: 'ask for the balance',
  delegate: 'delegate credits',
  transfer: 'transfer credits',
  close: 'close budgets below',
  revoke: 'revoke tokens made of it',
}

/** What each kind of caveat means, for people. */
export const WORDS: Readonly<Record<string, Words>> = {
  exp: (value, now) => `${Number(value) * 1_000 < now ? 'ended' : 'ends'} ${momentOf(Number(value) * 1_000, now)}`,
  nbf: (value, now) => `${Number(value) * 1_000 < now ? 'began' : 'begins'} ${momentOf(Number(value) * 1_000, now)}`,
  budget: (value) => `from here on the budget ${value} pays, which a server delegated`,
  max: (value) => `spends and delegates at most ${first(value)} credits in all`,
  call: (value) => `at most ${first(value)} credits for one call`,
  calls: (value) => `at most ${first(value)} calls in all`,
  rate: (value) => `at most ${first(value)} calls in ${second(value)} seconds`,
  tool: (value) => `only the tools ${list(value)}`,
  deny: (value) => `none of the tools ${list(value)}`,
  arg: argWords,
  ops: (value) =>
    `may ${list(
      value
        .split(',')
        .map((op) => USES[op] ?? op)
        .join(','),
    )}`,
  depth: (value) =>
    value === '0' ? 'its credits cannot be delegated' : `its credits may be delegated ${value} times in a row`,
  ten: (value) => `only for the tenant ${value}`,
  aud: (value) => `only at the gateway ${value}`,
  task: (value) => `only for the operation ${value}`,
  sid: () => 'only in one session',
  cnf: () => 'only with proof of one key',
}

/**
 * What a caveat means.
 *
 * @param text as it stands in a token, `name=value`
 */
export function caveatInWords(text: string, now: number): string {
  const at = text.indexOf('=')
  const [name, value] = [text.slice(0, at), text.slice(at + 1)]
  const words = Object.hasOwn(WORDS, name) ? WORDS[name]?.(value, now) : undefined
  return printable(words ?? 'a gateway that does not know it refuses the token')
}

const TESTS: Readonly<Record<string, string>> = {
  eq: 'be',
  in: 'be one of',
  le: 'be a number up to',
  ge: 'be a number from',
  pre: 'begin with',
  len: 'be no longer than',
}

function argWords(value: string): string | undefined {
  try {
    const { op, p, t, v } = JSON.parse(value) as Readonly<Record<string, unknown>>
    const tools = `arguments of ${String(t)}:`
    if (op === 'only') return `${tools} no others than ${(v as string[]).join(', ')}`
    return `${tools} ${String(p)} must ${TESTS[String(op)] ?? String(op)} ${JSON.stringify(v)}`
  } catch {
    return undefined
  }
}
