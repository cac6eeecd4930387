import { authorityOf } from './authority.js'
import type { Authority } from '../budget/authority.js'
import { budget as budgetKind } from './caveats/budget.js'
import type { Caveat, TokenReason } from './caveat.js'
import type { TokenIdentifier } from './identifier.js'

/**
 * A token whose MAC is proved and whose caveats were read. It says nothing yet of what may be done: `clear` does, for
 * one request. No signature is in it.
 *
 * @property tokenId the id of the whole token, 43 characters; its first twelve are for people
 * @property caveats in order; `budgetsAfter` counts the `budget` caveats that come later
 * @property authority what the store judges, the same for every request
 */
export interface VerifiedToken extends TokenIdentifier {
  readonly kind: 'verified'
  readonly tokenId: string
  readonly caveats: ReadonlyArray<Caveat & { readonly budgetsAfter: number }>
  readonly authority: Authority
}

/**
 * A token that does not serve.
 *
 * @property caveat which caveat it was, from 0; nothing where it was none
 */
export interface TokenRefusal {
  readonly kind: 'refused'
  readonly reason: TokenReason
  readonly caveat?: number
}

/** One prefix of a token whose MAC is proved: the identifier, or a caveat with all before it. */
export interface Link {
  readonly signature: Uint8Array
  readonly prefixId: string
  /** The caveat at its end; nothing for the identifier. */
  readonly caveat: Caveat | undefined
}

/** A verified token of its links. */
export function verifiedToken(identifier: TokenIdentifier, links: readonly Link[]): VerifiedToken {
  const { kid, tenant, budget, issuedAt, nonce } = identifier
  const authority = authorityOf(identifier, links)
  const tokenId = authority.prefixIds.at(-1) as string
  const caveats: Array<VerifiedToken['caveats'][number]> = []
  let budgetsAfter = authority.registrations.length
  for (const { caveat } of links) {
    if (caveat === undefined) continue
    const { text, kind, value } = caveat
    if (kind === budgetKind) budgetsAfter--
    caveats.push({ text, kind, value, budgetsAfter })
  }
  return { kind: 'verified', kid, tenant, budget, issuedAt, nonce, tokenId, caveats, authority }
}
