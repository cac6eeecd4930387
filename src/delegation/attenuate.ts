import { appendToMacaroon } from './macaroon.js'
import { assertKeys } from '../core/settings.js'
import { caveatKinds } from './caveats/kinds.js'
import { checkedToken } from './checked-token.js'
import { readToken } from './read-token.js'
import { writeCaveats, type Caveats } from './caveat-list.js'
import type { CaveatKind } from './caveat.js'

/**
 * Narrows a token, without a key and without asking anybody: what comes out may do what the token may, where the new
 * caveats hold too. It spends the same budget. Caveats that are wider than those before are without effect.
 *
 * `max`, `calls` and `rate` get a nonce, so that two tokens that were narrowed alike are counted apart.
 *
 * @param options `kinds`: kinds of caveats of your own, for what stands in `own`
 * @throws BudgetError `invalid_token`, `invalid_config`, `too_large`
 * @example
 * ```ts
 * const narrow = attenuate(token, { tool: ['web_search'], max: 50 })
 * ```
 */
export function attenuate(
  token: string,
  caveats: Caveats,
  options: { readonly kinds?: readonly CaveatKind[] } = {},
): string {
  assertKeys(options, ['kinds'], 'options')
  return checkedToken(appendToMacaroon(readToken(token).raw, writeCaveats(caveats, caveatKinds(options.kinds))))
}
