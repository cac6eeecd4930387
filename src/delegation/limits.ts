import { assertKeys, integer } from '../core/settings.js'

/**
 * How large a token may be. Beyond it a token is refused before anything is computed.
 *
 * @property text characters, the prefix included: 8,192 by default
 * @property caveats how many: 32 by default
 * @property caveat bytes of one caveat: 1,024 by default
 * @property identifier bytes of the identifier, and of a location: 256 by default
 */
export interface TokenLimits {
  readonly text: number
  readonly caveats: number
  readonly caveat: number
  readonly identifier: number
}

/** The limits where none are set. */
export const TOKEN_LIMITS: TokenLimits = { text: 8_192, caveats: 32, caveat: 1_024, identifier: 256 }

/** No token has more than this, whatever is set. */
const MOST = 2 ** 20

/** Limits, checked, with the default for each that is not set. @throws BudgetError `invalid_config` */
export function tokenLimits(given: Partial<TokenLimits> = {}): TokenLimits {
  const keys = Object.keys(TOKEN_LIMITS) as Array<keyof TokenLimits>
  assertKeys(given, keys, 'limits')
  const limit = (key: keyof TokenLimits): number =>
    integer(given[key], { least: 1, most: MOST, otherwise: TOKEN_LIMITS[key] }, `limits.${key}`)
  return { text: limit('text'), caveats: limit('caveats'), caveat: limit('caveat'), identifier: limit('identifier') }
}
