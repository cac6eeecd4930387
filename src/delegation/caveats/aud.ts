import { parseWord } from './grammar.js'
import type { CaveatKind } from '../caveat.js'

/** `aud=<name>`: only at the gateway of that name. */
export const aud: CaveatKind<string> = {
  name: 'aud',
  reason: 'audience_mismatch',
  parse: parseWord,
  holds: (wanted, { audiences }) => audiences?.includes(wanted) ?? false,
}
