import { parseCounts } from './grammar.js'
import type { CaveatKind } from '../caveat.js'
import type { Rate } from '../../budget/authority.js'

/** A leap year: what is counted over longer is no rate, and milliseconds of it stay exact. */
const MOST_SECONDS = 31_622_400

/** `rate=<calls>/<seconds>[/nonce]`: how fast calls pass through this prefix. Counted by the store. */
export const rate: CaveatKind<Rate> = {
  name: 'rate',
  parse(value) {
    const [calls = 0, seconds = 0] = parseCounts(value, 2) ?? []
    return calls > 0 && seconds > 0 && seconds <= MOST_SECONDS ? { calls, seconds } : undefined
  },
  holds: () => true,
}
