import { COLUMNS, isBalanced } from '../conformance/invariants.js'
import { isCredits } from '../../core/credits.js'
import { insist, Violation } from './violation.js'
import { available, debt, net, type OracleBudget } from './oracle-book.js'
import type { BudgetView } from '../../budget/enforcer.js'
import type { BudgetTally } from './tally.js'
import type { Balance } from '../../budget/hold.js'
import type { EnforcerCall } from '../verbs.js'

/** Checks one budget after an event: the store's view against the oracle's, the ledger's and what was executed. */
export function checkBudget(
  view: BudgetView,
  wanted: OracleBudget,
  replayed: Readonly<Balance> | undefined,
  tally: BudgetTally,
): void {
  if (!isSameBudget(view, wanted)) throw explain(view, wanted)
  if (replayed !== undefined && !isSameBalance(view, replayed)) {
    throw new Violation('I13', `${view.budget} is ${show(view)}, and its ledger says ${show(replayed)}`)
  }
  const had = view.in + view.debt - view.out - view.burned
  insist(tally.executed <= had, 'I2', () => `${view.budget} had ${had}, and calls for ${tally.executed} were executed`)
  const { spent } = view
  insist(spent <= tally.chargeable, 'I3', () => `${view.budget} spent ${spent}, of ${tally.chargeable} chargeable`)
}

/** Compares an answer with what it must be; `isRepeat`: the request was answered before. */
export function checkAnswer(call: EnforcerCall, actual: unknown, wanted: unknown, isRepeat: boolean): void {
  if (isSameAnswer(actual, wanted)) return
  const message = `${call.verb} ${JSON.stringify(call.args)} answered ${JSON.stringify(actual)}, not ${JSON.stringify(wanted)}`
  if (isRepeat) throw new Violation('I5', message)
  switch (call.verb) {
    case 'hold':
    case 'spend':
      throw new Violation('I2', message)
    case 'capture':
    case 'release':
    case 'extend':
      throw new Violation('I4', message)
    case 'grant':
      throw new Violation('I10', message)
    default:
      throw new Violation('answer', message)
  }
}

function isSameAnswer(actual: unknown, wanted: unknown): boolean {
  if (typeof wanted !== 'object' || wanted === null) return actual === wanted
  if (typeof actual !== 'object' || actual === null) return false
  for (const key in wanted) {
    if ((actual as Record<string, unknown>)[key] !== (wanted as Record<string, unknown>)[key]) return false
  }
  return true
}

function isSameBalance(a: Readonly<Balance>, b: Readonly<Balance>): boolean {
  return (
    a.available === b.available &&
    a.held === b.held &&
    a.spent === b.spent &&
    a.debt === b.debt &&
    a.in === b.in &&
    a.out === b.out &&
    a.burned === b.burned
  )
}

// Column by column, because it runs after every event.
function isSameBudget(view: BudgetView, wanted: OracleBudget): boolean {
  const left = net(wanted)
  return (
    view.available - view.debt === left &&
    (view.available === 0 || view.debt === 0) &&
    view.held === wanted.held &&
    view.spent === wanted.spent &&
    view.in === wanted.in &&
    view.out === wanted.out &&
    view.burned === wanted.burned &&
    view.openHolds === wanted.openHolds &&
    view.state === wanted.state
  )
}

/** Which rule it is that a budget breaks. */
function explain(view: BudgetView, wanted: OracleBudget): Violation {
  const message = `${view.budget} is ${show(view)}, not ${show({ ...wanted, available: available(wanted), debt: debt(wanted) })}`
  if (COLUMNS.some((column) => !isCredits(view[column]))) return new Violation('I2', message)
  if (!isBalanced(view)) return new Violation('I1', message)
  if (view.in !== wanted.in) return new Violation('I10', message)
  if (view.held !== wanted.held || view.openHolds !== wanted.openHolds) return new Violation('I4', message)
  if (view.spent > wanted.spent) return new Violation('I3', message)
  if (view.spent < wanted.spent) return new Violation('I7', message)
  return new Violation('answer', message)
}

function show(balance: Readonly<Balance> & { readonly state?: string; readonly openHolds?: number }): string {
  const { state = '', openHolds = '' } = balance
  return `${COLUMNS.map((column) => `${column} ${balance[column]}`).join(', ')} ${state} ${openHolds}`.trim()
}
