import { parseSeconds } from './grammar.js'
import { skewOf } from '../request.js'
import type { CaveatKind } from '../caveat.js'

/** `nbf=<seconds>`: the token begins then. */
export const nbf: CaveatKind<number> = {
  name: 'nbf',
  reason: 'not_yet_valid',
  parse: parseSeconds,
  holds: (seconds, request) => request.now >= seconds * 1_000 - skewOf(request),
}
