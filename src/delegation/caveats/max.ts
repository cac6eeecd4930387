import { parseCounts } from './grammar.js'
import type { CaveatKind } from '../caveat.js'

/** `max=<credits>[/nonce]`: no more is spent through this prefix. Counted by the store. */
export const max: CaveatKind<number> = {
  name: 'max',
  parse: (value) => parseCounts(value, 1)?.[0],
  holds: () => true,
}
