import { canonicalJson, isPlain, type JsonObject } from '../../core/json.js'
import { ownProperty, pointerKeys } from '../../core/json-pointer.js'
import { mayMatch, parsePattern, type ToolPattern } from './tool-pattern.js'
import { parseUint } from './grammar.js'
import type { CaveatKind } from '../caveat.js'

/** What an argument may be: text, an integer, true, false or null. */
export type ArgValue = string | number | boolean | null

/**
 * A rule for the arguments of the tools that `tool` matches. `at` is a JSON pointer (RFC 6901), and what it points to
 * must be there.
 *
 * - `eq`, `in`: it is this value, or one of these;
 * - `le`, `ge`: it is a number up to, or from, this integer;
 * - `pre`: it is a text that begins so;
 * - `len`: it is a text or a list of at most so many;
 * - `only`: the arguments have no other keys than these.
 *
 * @example
 * ```ts
 * { tool: 'db_*', at: '/table', eq: 'users' }
 * { tool: 'db_*', only: ['table', 'limit'] }
 * ```
 */
export type ArgRule =
  | ({ readonly tool: string; readonly at: string } & (
      | { readonly eq: ArgValue }
      | { readonly in: readonly ArgValue[] }
      | { readonly le: number }
      | { readonly ge: number }
      | { readonly pre: string }
      | { readonly len: number }
    ))
  | { readonly tool: string; readonly only: readonly string[] }

/** What an `arg` caveat demands, read. */
interface ArgCheck {
  readonly pattern: ToolPattern
  holds(args: JsonObject): boolean
}

type Test = (value: unknown) => boolean

/** `arg=<canonical JSON>`: a rule for the arguments of some tools. */
export const arg: CaveatKind<ArgCheck> = {
  name: 'arg',
  reason: 'argument_not_allowed',
  parse(value) {
    const rule: unknown = JSON.parse(value)
    return isPlain(rule) && canonicalJson(rule) === value ? checkOf(rule) : undefined
  },
  holds: (check, request) =>
    request.op !== 'call' || !mayMatch(check.pattern, request) || check.holds(request.args ?? {}),
}

/** A rule as it stands in a caveat. */
export function writeArgRule(rule: ArgRule): string {
  const { tool: t, at: p, ...rest } = rule as { tool: string; at?: string }
  return Object.entries(rest)
    .map(([op, v]) => canonicalJson(p === undefined ? { op, t, v } : { op, p, t, v }))
    .join()
}

function checkOf({ op, p, t, v, ...more }: JsonObject): ArgCheck | undefined {
  const pattern = typeof t === 'string' ? parsePattern(t) : undefined
  if (pattern === undefined || Object.keys(more).length > 0) return undefined
  if (op === 'only') {
    if (p !== undefined || !isList(v, (key) => typeof key === 'string')) return undefined
    return { pattern, holds: (args) => Object.keys(args).every((key) => v.includes(key)) }
  }
  const test = testOf(op, v)
  if (test === undefined) return undefined
  const keys = pointerKeys(p, 'p')
  return { pattern, holds: (args) => test(keys.reduce<unknown>(ownProperty, args)) }
}

function testOf(op: unknown, v: unknown): Test | undefined {
  switch (op) {
    case 'eq':
      return isArgValue(v) ? (value) => value === v : undefined
    case 'in':
      return isList(v, isArgValue) ? (value) => v.includes(value) : undefined
    case 'le':
      return isInteger(v) ? (value) => typeof value === 'number' && value <= v : undefined
    case 'ge':
      return isInteger(v) ? (value) => typeof value === 'number' && value >= v : undefined
    case 'pre':
      return typeof v === 'string' && v !== '' ? (value) => typeof value === 'string' && value.startsWith(v) : undefined
    case 'len':
      return parseUint(String(v)) === v
        ? (value) => (typeof value === 'string' || Array.isArray(value)) && value.length <= (v as number)
        : undefined
    default:
      return undefined
  }
}

function isArgValue(value: unknown): value is ArgValue {
  return value === null || typeof value === 'string' || typeof value === 'boolean' || isInteger(value)
}

function isInteger(value: unknown): value is number {
  return Number.isSafeInteger(value)
}

function isList(value: unknown, isItem: (item: unknown) => boolean): value is readonly unknown[] {
  return Array.isArray(value) && value.length > 0 && value.every(isItem)
}
