import { crypto } from '#crypto'
import { andThen, type MaybePromise } from '../core/maybe-promise.js'
import { BoundedMap } from './bounded-map.js'
import { INVALID_TOKEN, verifyText } from './verify-token.js'
import { PrefixCache } from './prefix-cache.js'
import { readVerifierOptions, type TokenVerifierOptions, type VerifierSettings } from './verifier-options.js'
import { TOKEN_PREFIX } from './codec.js'
import { textOf } from './bytes.js'
import type { TokenRefusal, VerifiedToken } from './verified-token.js'

/**
 * Verifies tokens, and remembers what it has proved: a token that comes again costs one hash, and one that was
 * attenuated since costs its new caveats. What is remembered is a pure function of the text and the keys: no balance,
 * no revocation, no time. Refusals are not remembered.
 *
 * @example
 * ```ts
 * const verifier = new TokenVerifier({ keys })
 * const token = await verifier.verify(text)
 * if (token.kind === 'verified') console.log(token.tenant, token.authority.budget)
 * ```
 */
export class TokenVerifier {
  readonly #settings: VerifierSettings
  readonly #tokens: BoundedMap<string, VerifiedToken>
  readonly #prefixes: PrefixCache

  /** @throws BudgetError `invalid_config` */
  constructor(options: TokenVerifierOptions) {
    this.#settings = readVerifierOptions(options)
    this.#tokens = new BoundedMap(this.#settings.remember)
    this.#prefixes = new PrefixCache(this.#settings.remember)
  }

  /** How much is remembered. */
  get size(): { readonly tokens: number; readonly prefixes: number } {
    return { tokens: this.#tokens.size, prefixes: this.#prefixes.size }
  }

  /**
   * Verifies one token. A value where cryptography answers at once, as on Node; never throws, and never rejects.
   *
   * @param text the token
   * @param options `bare`: whether the prefix `mcpb_` may be missing, as in our own `_meta` key
   */
  verify(
    text: unknown,
    { bare = false }: { readonly bare?: boolean } = {},
  ): MaybePromise<VerifiedToken | TokenRefusal> {
    const { keys, limits, clock, remember } = this.#settings
    if (typeof text !== 'string' || text.length > limits.text) return INVALID_TOKEN
    if (remember === 0 || !(bare || text.startsWith(TOKEN_PREFIX))) return verifyText(text, this.#settings, { bare })
    // By its hash, so that no secret is kept and none is compared letter by letter.
    return andThen(crypto.sha256(text), (digest) => {
      const hash = textOf(digest)
      const known = this.#tokens.get(hash)
      if (known !== undefined) return keys.accepts(known.kid, clock.now()) ? known : INVALID_TOKEN
      return andThen(verifyText(text, this.#settings, { bare, prefixes: this.#prefixes }), (answer) => {
        if (answer.kind === 'verified') this.#tokens.set(hash, answer)
        return answer
      })
    })
  }
}

/**
 * Verifies one token without remembering anything, as {@link TokenVerifier} does.
 *
 * @throws BudgetError `invalid_config` for the options, never for the token
 */
export function verifyToken(
  text: unknown,
  options: Omit<TokenVerifierOptions, 'remember'>,
): MaybePromise<VerifiedToken | TokenRefusal> {
  return new TokenVerifier({ ...options, remember: 0 }).verify(text)
}
