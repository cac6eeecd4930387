import { AMOUNTS } from './conformance/amounts.js'
import { caseOf, type ConformanceCase, type EnforcerConformanceOptions } from './conformance/case.js'
import { CEILINGS } from './conformance/ceilings.js'
import { CLOSING } from './conformance/closing.js'
import { DEBT } from './conformance/debt.js'
import { DELEGATION } from './conformance/delegation.js'
import { ENDING } from './conformance/revoking.js'
import { ENDS } from './conformance/ends.js'
import { FOUR_VERBS } from './conformance/four-verbs.js'
import { HOLDS } from './conformance/holds.js'
import { LEDGER } from './conformance/ledger.js'
import { LEASES } from './conformance/leases.js'
import { MOVES } from './conformance/moves.js'
import { NAMES } from './conformance/names.js'
import { ROUNDS } from './conformance/rounds.js'
import { TIME } from './conformance/time.js'
import { WINDOWS } from './conformance/windows.js'
import type { HoldingEnforcer } from '../budget/enforcer.js'

/**
 * What every `HoldingEnforcer` must do, as cases without a test runner. After each case the kit also checks that
 * nothing is negative, that `in + debt = available + held + spent + out + burned` for every budget, and, where it is
 * given the `ledger`, that replaying the entries gives the same balances and that no sequence has a gap.
 *
 * @example
 * ```ts
 * const cases = enforcerConformance({ create: (clock) => new MyEnforcer({ clock }) })
 * for (const { name, run } of cases) test(name, run)
 * ```
 */
export function enforcerConformance<Store extends HoldingEnforcer>(
  options: EnforcerConformanceOptions<Store>,
): readonly ConformanceCase[] {
  const always = [
    ...FOUR_VERBS,
    ...HOLDS,
    ...ENDS,
    ...TIME,
    ...ROUNDS,
    ...MOVES,
    ...DEBT,
    ...CLOSING,
    ...AMOUNTS,
    ...NAMES,
  ]
  const windows = options.windows === false ? [] : WINDOWS
  const delegation = options.delegation === false ? [] : [...DELEGATION, ...ENDING]
  const ceilings = options.delegation === false || options.ceilings === false ? [] : CEILINGS
  const ledger = options.ledger === undefined ? [] : LEDGER
  const leases = options.leases === true ? LEASES : []
  return [...always, ...windows, ...delegation, ...ceilings, ...leases, ...ledger].map((rule) => caseOf(rule, options))
}
