import { parseSeconds } from './grammar.js'
import { skewOf } from '../request.js'
import type { CaveatKind } from '../caveat.js'

/** `exp=<seconds>`: the token ends then. */
export const exp: CaveatKind<number> = {
  name: 'exp',
  reason: 'expired',
  parse: parseSeconds,
  holds: (seconds, request) => request.now < seconds * 1_000 + skewOf(request),
}
