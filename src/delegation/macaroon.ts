import macaroon from 'macaroon'
import { bytesOf } from './bytes.js'
import { encodeBinary, encodeToken, type RawToken } from './codec.js'

/*
 * The only file that names the package `macaroon`: it mints and appends, for those who hold a key or a token. Nothing
 * that verifies loads it. Its `exportBinary` is never called: it fails from four caveats on, so the codec is ours.
 */

/** A new token with these caveats, as its text. */
export function mintMacaroon(rootKey: Uint8Array, identifier: string, caveats: readonly string[]): string {
  const made = macaroon.newMacaroon({ version: 2, rootKey, identifier: bytesOf(identifier) })
  return append(made, caveats, undefined)
}

/** A token with more caveats, as its text. No key is needed: the signature of a token is the key to append. */
export function appendToMacaroon(token: RawToken, caveats: readonly string[]): string {
  return append(macaroon.importMacaroon(encodeBinary(token)), caveats, token.location)
}

function append(
  made: ReturnType<typeof macaroon.newMacaroon>,
  more: readonly string[],
  location: Uint8Array | undefined,
): string {
  for (const caveat of more) made.addFirstPartyCaveat(bytesOf(caveat))
  const { identifier, signature } = made
  return encodeToken({ location, identifier, caveats: made.caveats.map((each) => each.identifier), signature })
}
