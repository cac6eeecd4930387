import { parseUint } from './grammar.js'
import type { CaveatKind } from '../caveat.js'

/** `depth=<number>`: how many times credits may be delegated from here on. */
export const depth: CaveatKind<number> = {
  name: 'depth',
  reason: 'depth_exceeded',
  parse(value) {
    const most = parseUint(value)
    return most === undefined || most > 16 ? undefined : most
  },
  holds: (most, { op }, { budgetsAfter }) => budgetsAfter + (op === 'delegate' ? 1 : 0) <= most,
}
