import { parseHash } from './grammar.js'
import type { CaveatKind } from '../caveat.js'

/** `sid=<hash>`: only in the session whose id has this SHA-256. */
export const sid: CaveatKind<string> = {
  name: 'sid',
  reason: 'session_mismatch',
  parse: parseHash,
  holds: (wanted, { sessionHash }) => wanted === sessionHash,
}
