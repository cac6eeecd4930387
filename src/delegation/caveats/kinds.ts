import { misconfigured } from '../../core/settings.js'
import { arg } from './arg.js'
import { aud } from './aud.js'
import { budget } from './budget.js'
import { call } from './call.js'
import { calls } from './calls.js'
import { cnf } from './cnf.js'
import { deny } from './deny.js'
import { depth } from './depth.js'
import { exp } from './exp.js'
import { max } from './max.js'
import { nbf } from './nbf.js'
import { ops } from './ops.js'
import { rate } from './rate.js'
import { sid } from './sid.js'
import { task } from './task.js'
import { ten } from './ten.js'
import { tool } from './tool.js'
import type { CaveatKind } from '../caveat.js'

/** The kinds that every token may have. */
export const BUILT_IN: readonly CaveatKind[] = [
  exp,
  nbf,
  budget,
  max,
  call,
  calls,
  rate,
  tool,
  deny,
  arg,
  ops,
  depth,
  ten,
  aud,
  task,
  sid,
  cnf,
]

const NAME = /^[a-z]{2,8}$/

/**
 * The kinds by name: ours, and a user's own.
 *
 * @throws BudgetError `invalid_config` for a kind that is none, or whose name is taken
 */
export function caveatKinds(own: readonly CaveatKind[] = []): ReadonlyMap<string, CaveatKind> {
  const kinds = new Map(BUILT_IN.map((kind) => [kind.name, kind]))
  if (!Array.isArray(own)) throw misconfigured('kinds', 'a list of kinds of caveats', own)
  own.forEach((kind: Partial<CaveatKind> | null, i) => {
    const path = `kinds[${i}]`
    const { name, parse, holds } = kind ?? {}
    if (typeof name !== 'string' || !NAME.test(name)) {
      throw misconfigured(`${path}.name`, '2 to 8 letters from a to z', name)
    }
    if (kinds.has(name)) throw misconfigured(`${path}.name`, 'a name of its own', name)
    if (typeof parse !== 'function') throw misconfigured(`${path}.parse`, 'a function', parse)
    if (typeof holds !== 'function') throw misconfigured(`${path}.holds`, 'a function', holds)
    kinds.set(name, kind as CaveatKind)
  })
  return kinds
}
