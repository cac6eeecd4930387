import { concatBytes } from './bytes.js'
import { fromBase64url, toBase64url } from './base64url.js'
import { PacketReader, packet, VERSION, EOS, IDENTIFIER, LOCATION, SIGNATURE } from './packets.js'
import type { TokenLimits } from './limits.js'

/** What a token's text begins with, so that a scanner for secrets can find one. */
export const TOKEN_PREFIX = 'mcpb_'

/**
 * A token as it is written: a macaroon of libmacaroons, version 2. Nothing in it is proved.
 *
 * @property location a hint of others; not authenticated, so nothing reads it
 * @property signature the MAC over all before it: a secret, for it is the key that attenuates
 */
export interface RawToken {
  readonly location: Uint8Array | undefined
  readonly identifier: Uint8Array
  readonly caveats: readonly Uint8Array[]
  readonly signature: Uint8Array
}

/** How the text of a token is read. */
export interface DecodeOptions {
  readonly limits: TokenLimits
  /** Whether a token with a location is refused. */
  readonly strictLocation?: boolean
  /** Whether the prefix may be missing, as in our own `_meta` key and header. */
  readonly bare?: boolean
}

/** The text of a token. */
export function encodeToken(token: RawToken): string {
  return TOKEN_PREFIX + toBase64url(encodeBinary(token))
}

/**
 * Reads the text of a token, where that is the one text that the token has: the same token is written again as the
 * same text. `undefined` for any other text, and for one beyond the limits. Never throws.
 */
export function decodeToken(text: unknown, { limits, strictLocation, bare }: DecodeOptions): RawToken | undefined {
  if (typeof text !== 'string' || text.length > limits.text) return undefined
  const prefixed = text.startsWith(TOKEN_PREFIX)
  if (!prefixed && !bare) return undefined
  const bytes = fromBase64url(prefixed ? text.slice(TOKEN_PREFIX.length) : text)
  const token = bytes && decodeBinary(bytes, limits)
  return strictLocation && token?.location !== undefined ? undefined : token
}

/** The binary form: version, location, identifier, end; then each caveat and an end; an end; the signature. */
export function encodeBinary({ location, identifier, caveats, signature }: RawToken): Uint8Array {
  return concatBytes(
    VERSION,
    ...(location === undefined ? [] : packet(LOCATION, location)),
    ...packet(IDENTIFIER, identifier),
    EOS,
    ...caveats.flatMap((caveat) => [...packet(IDENTIFIER, caveat), EOS]),
    EOS,
    ...packet(SIGNATURE, signature),
  )
}

/** Reads the binary form, strictly. A caveat of a third party, which has a location or a key id, is none of ours. */
export function decodeBinary(bytes: Uint8Array, limits: TokenLimits): RawToken | undefined {
  const reader = new PacketReader(bytes)
  if (!reader.takes(VERSION)) return undefined
  const located = reader.sees(LOCATION)
  const location = reader.packet(LOCATION, limits.identifier)
  // Where there is none, none is written.
  if (located && !location?.length) return undefined
  const identifier = reader.packet(IDENTIFIER, limits.identifier)
  if (identifier === undefined || !reader.takes(EOS)) return undefined
  const caveats: Uint8Array[] = []
  while (!reader.takes(EOS)) {
    const caveat = reader.packet(IDENTIFIER, limits.caveat)
    if (caveat === undefined || !reader.takes(EOS) || caveats.length === limits.caveats) return undefined
    caveats.push(caveat)
  }
  const signature = reader.packet(SIGNATURE, 32)
  if (signature?.length !== 32 || !reader.isAtEnd()) return undefined
  return { location, identifier, caveats, signature }
}
