import type { MaybePromise } from './maybe-promise.js'

/** What the library needs of cryptography. `node:crypto` answers at once, WebCrypto later; `#crypto` picks one. */
export interface CryptoPort {
  /** SHA-256 of UTF-8 text, 32 bytes. */
  sha256(text: string): MaybePromise<Uint8Array>
  /** HMAC-SHA256, 32 bytes. */
  hmacSha256(key: Uint8Array, data: Uint8Array): MaybePromise<Uint8Array>
}
