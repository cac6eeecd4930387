import { andThen, type MaybePromise } from '../core/maybe-promise.js'
import { equalBytes, textOf } from './bytes.js'
import { decodeToken, type RawToken } from './codec.js'
import { inOrder } from './in-order.js'
import { macChain, prefixId } from './mac-chain.js'
import { parseCaveat, type Caveat } from './caveat.js'
import { readIdentifier, type TokenIdentifier } from './identifier.js'
import { verifiedToken, type Link, type TokenRefusal, type VerifiedToken } from './verified-token.js'
import type { PrefixCache } from './prefix-cache.js'
import type { VerifierSettings } from './verifier-options.js'

/** The one answer for every token whose MAC is not proved: it tells nothing of what is wrong. */
export const INVALID_TOKEN: TokenRefusal = Object.freeze({ kind: 'refused', reason: 'invalid_token' })

/**
 * Verifies the text of a token: its size, its form, its identifier, the MAC of every prefix. Only then are its caveats
 * read. What they demand of a request is judged by `clear`.
 *
 * @param prefixes what is known of prefixes, and learns from what is verified here
 */
export function verifyText(
  text: unknown,
  settings: VerifierSettings,
  { bare = false, prefixes }: { readonly bare?: boolean; readonly prefixes?: PrefixCache | undefined },
): MaybePromise<VerifiedToken | TokenRefusal> {
  const token = decodeToken(text, { ...settings, bare })
  const identifier = token && readIdentifier(token.identifier)
  if (token === undefined || identifier === undefined) return INVALID_TOKEN
  const { keys, clock } = settings
  const written = textOf(token.identifier)
  const caveats = token.caveats.map(textOf)
  const known = prefixes?.find(written, caveats) ?? []
  return andThen(signaturesOf(token, identifier, known, settings), (signatures) => {
    const last = signatures.at(-1) as Uint8Array
    // Both are always asked, so that an unknown key takes as long as a wrong signature.
    const proved = equalBytes(last, token.signature)
    if (!keys.accepts(identifier.kid, clock.now()) || !proved) return INVALID_TOKEN
    const read = caveats.map((caveat, i) => known[i + 1]?.caveat ?? parseCaveat(caveat, settings.kinds))
    const refusal = refusalOf(read)
    if (refusal !== undefined) return refusal
    const unknown = signatures.slice(known.length)
    return andThen(
      inOrder(unknown, (signature) => prefixId(token.identifier, signature)),
      (ids) => {
        const links = signatures.map((signature, i): Link => {
          const caveat = read[i - 1] as Caveat | undefined
          return known[i] ?? { signature, prefixId: ids[i - known.length] as string, caveat }
        })
        prefixes?.keep(written, caveats, links)
        return verifiedToken(identifier, links)
      },
    )
  })
}

/** The signatures of all prefixes; those that are known are not computed again. */
function signaturesOf(
  token: RawToken,
  { kid, tenant }: TokenIdentifier,
  known: readonly Link[],
  { keys }: VerifierSettings,
): MaybePromise<readonly Uint8Array[]> {
  const before = known.map(({ signature }) => signature)
  const key = before.at(-1) ?? andThen(keys.keysOf(kid, tenant), ({ chain }) => chain)
  const messages = [token.identifier, ...token.caveats].slice(before.length)
  return andThen(
    andThen(key, (known) => macChain(known, messages)),
    (more) => [...before, ...more],
  )
}

function refusalOf(read: ReadonlyArray<Caveat | 'malformed_caveat' | 'unknown_caveat'>): TokenRefusal | undefined {
  const caveat = read.findIndex((each) => typeof each === 'string')
  const reason = read[caveat]
  return typeof reason === 'string' ? { kind: 'refused', reason, caveat } : undefined
}
