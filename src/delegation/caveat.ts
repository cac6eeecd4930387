import { isPromise } from '../core/maybe-promise.js'
import type { ClearRequest } from './request.js'

/**
 * Why a token does not serve. `invalid_token` is all that is ever said of one whose MAC is not proved.
 */
export type TokenReason =
  | 'invalid_token'
  | 'malformed_caveat'
  | 'unknown_caveat'
  | 'expired'
  | 'not_yet_valid'
  | 'tenant_mismatch'
  | 'audience_mismatch'
  | 'task_mismatch'
  | 'session_mismatch'
  | 'key_mismatch'
  | 'op_not_allowed'
  | 'depth_exceeded'
  | 'tool_not_allowed'
  | 'argument_not_allowed'
  | 'call_cost_exceeded'
  | 'custom_caveat'

/**
 * Where a caveat stands.
 *
 * @property tenant whose token it is, as the identifier says
 * @property budgetsAfter how many `budget` caveats come later in the token
 */
export interface CaveatPlace {
  readonly tenant: string
  readonly budgetsAfter: number
}

/**
 * A kind of caveat: one name, and what it demands. A caveat can only narrow: it holds or it does not, and a token
 * serves when all of its caveats hold.
 *
 * @example
 * ```ts
 * const plan: CaveatKind<string> = {
 *   name: 'plan',
 *   parse: (value) => (value === 'gold' || value === 'silver' ? value : undefined),
 *   holds: (wanted, request) => planOf(request.tenant) === wanted,
 * }
 * ```
 */
export interface CaveatKind<Value = unknown> {
  /** 2 to 8 letters from a to z. */
  readonly name: string
  /** Why a token is refused where it does not hold; `custom_caveat` by default. */
  readonly reason?: TokenReason
  /**
   * Whether it looks at what a call costs: then it is asked once the price is known, and before that nothing. `false` by
   * default.
   */
  readonly readsCost?: boolean
  /** Reads the value; `undefined`, or a throw, where it is none: then the whole token is refused. */
  parse(value: string): Value | undefined
  /** Whether it holds. Anything but `true` is a no: nothing, a promise, a throw. */
  holds(value: Value, request: ClearRequest, place: CaveatPlace): boolean
}

/** A caveat that was read. */
export interface Caveat {
  readonly text: string
  readonly kind: CaveatKind
  readonly value: unknown
}

const CAVEAT = /^([a-z]{2,8})=([\x20-\x7e]+)$/

/**
 * Reads a caveat, `name=value`.
 *
 * @returns the caveat, or why the token that has it is refused
 */
export function parseCaveat(
  text: string,
  kinds: ReadonlyMap<string, CaveatKind>,
): Caveat | 'malformed_caveat' | 'unknown_caveat' {
  const [, name, value] = CAVEAT.exec(text) ?? []
  if (name === undefined || value === undefined) return 'malformed_caveat'
  const kind = kinds.get(name)
  if (kind === undefined) return 'unknown_caveat'
  const parsed = parsedBy(kind, value)
  return parsed === undefined ? 'malformed_caveat' : { text, kind, value: parsed }
}

function parsedBy(kind: CaveatKind, value: string): unknown {
  try {
    const parsed = kind.parse(value)
    // What comes later cannot be judged now.
    return isPromise(parsed) ? undefined : parsed
  } catch {
    return undefined
  }
}

/** Whether a caveat holds. Never throws. */
export function caveatHolds({ kind, value }: Caveat, request: ClearRequest, place: CaveatPlace): boolean {
  try {
    return kind.holds(value, request, place) === true
  } catch {
    return false
  }
}
