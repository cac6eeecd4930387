import { createHash } from 'node:crypto'
import type { CryptoPort } from '../crypto.js'

/** The port on `node:crypto`: synchronous. */
export const crypto: CryptoPort = {
  sha256: (text) => createHash('sha256').update(text, 'utf8').digest(),
}
