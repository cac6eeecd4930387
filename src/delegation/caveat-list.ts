import { assertKeys, misconfigured } from '../core/settings.js'
import { isObject } from '../core/json.js'
import { parseCaveat, type CaveatKind } from './caveat.js'
import { BUILT_IN } from './caveats/kinds.js'
import { toBase64url } from './base64url.js'
import { writeArgRule, type ArgRule } from './caveats/arg.js'
import type { Credits } from '../core/credits.js'
import type { Rate } from '../budget/authority.js'
import { TOKEN_OPS, type TokenOp } from './request.js'

/** What a token is to be narrowed to. Each key becomes one caveat, and what is left out does not narrow. */
export interface Caveats {
  /** When the token ends, seconds since 1970. */
  readonly exp?: number
  /** When the token begins, seconds since 1970. */
  readonly nbf?: number
  /** What it may be used for. */
  readonly ops?: readonly TokenOp[]
  /** How many times credits may be delegated, from 0 to 16. */
  readonly depth?: number
  /** The most that may be spent and delegated through it, in all. */
  readonly max?: Credits
  /** The most that may be held for one call. */
  readonly call?: Credits
  /** How many calls may be admitted through it, in all. */
  readonly calls?: number
  /** How fast calls may be admitted through it. */
  readonly rate?: Rate
  /** Only these tools: patterns `[server:]glob`, up to 32. */
  readonly tool?: readonly string[]
  /** None of these tools. */
  readonly deny?: readonly string[]
  /** Rules for the arguments of some tools. Each becomes a caveat. */
  readonly arg?: readonly ArgRule[]
  /** Only for this tenant. */
  readonly ten?: string
  /** Only at the gateway of this name. */
  readonly aud?: string
  /** Only for the work with this operation id. */
  readonly task?: string
  /** Only in the session whose id has this SHA-256, 43 characters of base64url. */
  readonly sid?: string
  /** Only with proof of the key that has this SHA-256, 43 characters of base64url. */
  readonly cnf?: string
  /** Caveats of kinds of your own, as `name=value`. */
  readonly own?: readonly string[]
}

/** Makes what keeps two limits apart that read alike: 12 characters of base64url. */
export type MakeNonce = (key: 'max' | 'calls' | 'rate') => string

type Writer = (value: never, nonce: string) => readonly string[]

const one = (value: string | number): string[] => [String(value)]
const list = (values: readonly string[]): string[] => [values.join(',')]
/** Two tokens with the same caveats would share one count, were it not for the nonce. */
const counted = (value: number, nonce: string): string[] => [`${value}/${nonce}`]

/** How each is written, in the order in which they stand in a token. */
const WRITERS: { readonly [Key in keyof Required<Caveats>]: Writer } = {
  exp: one,
  nbf: one,
  ops: list,
  depth: one,
  max: counted,
  call: one,
  calls: counted,
  rate: ({ calls, seconds }: Rate, nonce) => [`${calls}/${seconds}/${nonce}`],
  tool: list,
  deny: list,
  arg: (rules: readonly ArgRule[]) => rules.map(writeArgRule),
  ten: one,
  aud: one,
  task: one,
  sid: one,
  cnf: one,
  own: (lines: readonly string[]) => lines,
}

/** The keys of {@link Caveats}. */
export const CAVEAT_KEYS = Object.keys(WRITERS) as ReadonlyArray<keyof Caveats>

/**
 * Caveats as they stand in a token.
 *
 * @param kinds those that the gateway will know
 * @param makeNonce random by default
 * @throws BudgetError `invalid_config` for one that would make the token useless
 */
export function writeCaveats(
  caveats: Caveats,
  kinds: ReadonlyMap<string, CaveatKind>,
  makeNonce: MakeNonce = randomNonce,
): readonly string[] {
  assertKeys(caveats, CAVEAT_KEYS, 'caveats')
  return CAVEAT_KEYS.flatMap((key) => {
    const value = caveats[key]
    if (value === undefined) return []
    return written(key, value, makeNonce).map((line) => {
      const text = key === 'own' ? line : `${key}=${line}`
      const caveat = parseCaveat(text, kinds)
      if (typeof caveat === 'string')
        throw misconfigured(key, READABLE[key] ?? 'a caveat that a gateway can read', text)
      // A limit without a nonce, or a budget that no server has registered, would come in by this door.
      if (key === 'own' && BUILT_IN.includes(caveat.kind)) throw misconfigured(key, 'caveats of your own kinds', text)
      return text
    })
  })
}

/** What could be read, where that is a short list. */
const READABLE: Readonly<Record<string, string>> = { ops: `some of ${TOKEN_OPS.join(', ')}` }

const isText = (value: unknown): boolean => typeof value === 'string'
const isNumber = (value: unknown): boolean => Number.isSafeInteger(value)
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every(isText)

/** What each may be, for it may come over the wire: a text in place of a number would be written like one. */
const FITS: { readonly [Key in keyof Required<Caveats>]: (value: unknown) => boolean } = {
  exp: isNumber,
  nbf: isNumber,
  ops: isTexts,
  depth: isNumber,
  max: isNumber,
  call: isNumber,
  calls: isNumber,
  rate: (value) =>
    isObject(value) && Object.keys(value).sort().join() === 'calls,seconds' && Object.values(value).every(isNumber),
  tool: isTexts,
  deny: isTexts,
  arg: Array.isArray,
  ten: isText,
  aud: isText,
  task: isText,
  sid: isText,
  cnf: isText,
  own: isTexts,
}

function written(key: keyof Caveats, value: unknown, makeNonce: MakeNonce): readonly string[] {
  if (!FITS[key](value)) throw misconfigured(key, 'what docs/reference/caveats.md says', value)
  try {
    const nonce = key === 'max' || key === 'calls' || key === 'rate' ? makeNonce(key) : ''
    return WRITERS[key](value as never, nonce)
  } catch {
    throw misconfigured(key, 'what docs/reference/caveats.md says', value)
  }
}

/** 72 random bits. */
function randomNonce(): string {
  return toBase64url(globalThis.crypto.getRandomValues(new Uint8Array(9)))
}
