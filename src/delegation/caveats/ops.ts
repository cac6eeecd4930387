import { TOKEN_OPS, type TokenOp } from '../request.js'
import type { CaveatKind } from '../caveat.js'

/** `ops=<op>,…`: what the token may be used for. */
export const ops: CaveatKind<readonly TokenOp[]> = {
  name: 'ops',
  reason: 'op_not_allowed',
  parse(value) {
    const listed = value.split(',')
    const known = TOKEN_OPS.filter((op) => listed.includes(op))
    return known.length === listed.length ? known : undefined
  },
  holds: (listed, { op }) => listed.includes(op),
}
