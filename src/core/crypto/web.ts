import type { CryptoPort } from '../crypto.js'

/** The port on WebCrypto, for workers and browsers: every answer is a promise. */
export const crypto: CryptoPort = {
  sha256: async (text) =>
    new Uint8Array(await globalThis.crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))),
  async hmacSha256(key, data) {
    const { subtle } = globalThis.crypto
    const hmac = { name: 'HMAC', hash: 'SHA-256' }
    const imported = await subtle.importKey('raw', new Uint8Array(key), hmac, false, ['sign'])
    return new Uint8Array(await subtle.sign('HMAC', imported, new Uint8Array(data)))
  },
}
