import type { CryptoPort } from '../crypto.js'

/** The port on WebCrypto, for workers and browsers: every answer is a promise. */
export const crypto: CryptoPort = {
  sha256: async (text) =>
    new Uint8Array(await globalThis.crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))),
}
