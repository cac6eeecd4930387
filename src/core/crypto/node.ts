import { crypto as web } from './web.js'
import type { CryptoPort } from '../crypto.js'

/**
 * The port on `node:crypto`: synchronous. The module is loaded with the first digest, for most programs need none. A
 * Node before 20.16 or 22.3 cannot load it in the middle of a call, and answers as a browser does.
 */
export const crypto: CryptoPort = {
  // In one go, which costs half of making a hash, feeding it and ending it.
  sha256: (data) => builtin()?.hash('sha256', data, 'buffer') ?? web.sha256(data),
  hmacSha256: (key, data) => builtin()?.createHmac('sha256', key).update(data).digest() ?? web.hmacSha256(key, data),
}

function builtin() {
  const { getBuiltinModule } = process as Partial<Pick<typeof process, 'getBuiltinModule'>>
  return getBuiltinModule?.('node:crypto')
}
