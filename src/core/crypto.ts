import type { MaybePromise } from './maybe-promise.js'

/** What the library needs of cryptography. `node:crypto` answers at once, WebCrypto later; `#crypto` picks one. */
export interface CryptoPort {
  /** SHA-256 of bytes, or of UTF-8 text: 32 bytes. */
  sha256(data: string | Uint8Array): MaybePromise<Uint8Array>
  /** HMAC-SHA256 of bytes, 32 bytes. The key is not empty. */
  hmacSha256(key: Uint8Array, data: Uint8Array): MaybePromise<Uint8Array>
}
