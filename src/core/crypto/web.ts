import type { CryptoPort } from '../crypto.js'

const HMAC = { name: 'HMAC', hash: 'SHA-256' }

/** WebCrypto takes no bytes that threads may share. */
type Bytes = Uint8Array<ArrayBuffer>

/** The port on WebCrypto, for workers and browsers: every answer is a promise. */
export const crypto: CryptoPort = {
  sha256: async (data) => {
    const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data
    return new Uint8Array(await globalThis.crypto.subtle.digest(HMAC.hash, bytes))
  },
  hmacSha256: async (key, data) => {
    const { subtle } = globalThis.crypto
    const imported = await subtle.importKey('raw', key as Bytes, HMAC, false, ['sign'])
    return new Uint8Array(await subtle.sign(HMAC.name, imported, data))
  },
}
