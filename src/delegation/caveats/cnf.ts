import { parseHash } from './grammar.js'
import type { CaveatKind } from '../caveat.js'

/** `cnf=<hash>`: only with proof of the key that has this SHA-256. */
export const cnf: CaveatKind<string> = {
  name: 'cnf',
  reason: 'key_mismatch',
  parse: parseHash,
  holds: (wanted, { keyHash }) => wanted === keyHash,
}
