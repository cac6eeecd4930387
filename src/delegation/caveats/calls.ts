import { parseCounts } from './grammar.js'
import type { CaveatKind } from '../caveat.js'

/** `calls=<number>[/nonce]`: no more calls are admitted through this prefix. Counted by the store. */
export const calls: CaveatKind<number> = {
  name: 'calls',
  parse: (value) => parseCounts(value, 1)?.[0],
  holds: () => true,
}
