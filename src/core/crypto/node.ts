import type { CryptoPort } from '../crypto.js'

/** The port on `node:crypto`: synchronous. The module is loaded with the first digest, for most programs need none. */
export const crypto: CryptoPort = {
  sha256: (text) => process.getBuiltinModule('node:crypto').createHash('sha256').update(text).digest(),
}
