import { isCredits, type Credits } from '../../core/credits.js'
import { parseUint } from './grammar.js'
import type { CaveatKind } from '../caveat.js'

/** `call=<credits>`: the most that is held for one call. */
export const call: CaveatKind<Credits> = {
  name: 'call',
  reason: 'call_cost_exceeded',
  readsCost: true,
  parse: parseUint,
  holds: (most, { op, cost }) => op !== 'call' || (isCredits(cost) && cost <= most),
}
