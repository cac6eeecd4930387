import { crypto } from '#crypto'
import { andThen, type MaybePromise } from '../core/maybe-promise.js'
import { bytesOf, concatBytes } from './bytes.js'
import { inOrder } from './in-order.js'
import { toBase64url } from './base64url.js'
import { varint } from './packets.js'

const GENERATOR = bytesOf('macaroons-key-generator')
const ID_TAG = bytesOf('tid1\0')

/** The key of the first MAC, made of a root key as libmacaroons makes it. */
export function chainKey(rootKey: Uint8Array): MaybePromise<Uint8Array> {
  return crypto.hmacSha256(GENERATOR, rootKey)
}

/**
 * The signature of each prefix of a token: each is the key of the next, so whoever has a token can append to it, and
 * nobody can take away.
 *
 * @param key that of the first message: of {@link chainKey} for the identifier, else the signature before it
 * @param messages the identifier and the caveats, or the caveats that are new
 */
export function macChain(key: Uint8Array, messages: readonly Uint8Array[]): MaybePromise<readonly Uint8Array[]> {
  return inOrder(messages, (message, before: Uint8Array = key) => crypto.hmacSha256(before, message))
}

/**
 * The id of a prefix: SHA-256 over a tag, the identifier with its length, and the signature of that prefix; 43
 * characters of base64url. Safe to write down: it tells nothing of the signature. The id of the whole token is that of
 * its last prefix.
 */
export function prefixId(identifier: Uint8Array, signature: Uint8Array): MaybePromise<string> {
  return andThen(crypto.sha256(concatBytes(ID_TAG, varint(identifier.length), identifier, signature)), toBase64url)
}

/** The first twelve characters of an id, for people to read. */
export function shortId(id: string): string {
  return id.slice(0, 12)
}
