import { assertKeys, integer, misconfigured, oneOf } from '../core/settings.js'
import { systemClock, type Clock } from '../core/clock.js'
import { caveatKinds } from './caveats/kinds.js'
import { KeyRing } from './key-ring.js'
import { tokenLimits, type TokenLimits } from './limits.js'
import type { CaveatKind } from './caveat.js'

/** Settings of a `TokenVerifier`. */
export interface TokenVerifierOptions {
  /** The keys that tokens may be made with. */
  readonly keys: KeyRing
  /** How large a token may be. */
  readonly limits?: Partial<TokenLimits>
  /** `true` refuses a token that has a location. `false` by default: nothing reads it. */
  readonly strictLocation?: boolean
  /** Kinds of caveats of your own. A token with a caveat of no known kind is refused. */
  readonly kinds?: readonly CaveatKind[]
  /** How many verified tokens, and how many prefixes, are remembered: 10,000 by default, 0 for none. */
  readonly remember?: number
  readonly clock?: Clock
}

/** Settings of a verifier, checked. */
export interface VerifierSettings {
  readonly keys: KeyRing
  readonly limits: TokenLimits
  readonly strictLocation: boolean
  readonly kinds: ReadonlyMap<string, CaveatKind>
  readonly remember: number
  readonly clock: Clock
}

const KEYS = ['keys', 'limits', 'strictLocation', 'kinds', 'remember', 'clock']

/** @throws BudgetError `invalid_config` */
export function readVerifierOptions(options: TokenVerifierOptions): VerifierSettings {
  assertKeys(options, KEYS, 'options')
  const { keys, limits, strictLocation, kinds, remember, clock = systemClock } = options
  if (!(keys instanceof KeyRing)) throw misconfigured('keys', 'a KeyRing', undefined, 'something else')
  return {
    keys,
    limits: tokenLimits(limits),
    strictLocation: oneOf(strictLocation, [false, true], 'strictLocation'),
    kinds: caveatKinds(kinds),
    remember: integer(remember, { least: 0, most: 1_000_000, otherwise: 10_000 }, 'remember'),
    clock,
  }
}
