import type { BudgetId } from '../../budget/budget-id.js'
import type { Credits } from '../../core/credits.js'
import type { HoldLine } from '../../budget/enforcer.js'
import type { Overage } from '../../budget/hold.js'

/** One simulated call, from its caller's side. */
export interface SimulatedCall {
  readonly id: string
  readonly lines: readonly HoldLine[]
  /** What was put aside. */
  readonly cost: Credits
  /** What the call turned out to cost. */
  readonly amount: Credits
  readonly overage: Overage
  /** The tool ran, or is running. */
  isExecuted: boolean
  /** Its cost is counted among what budgets must have put aside, or paid. */
  isCovered: boolean
  /** The most that may be charged for it; `undefined` while nothing may. */
  chargeable: Credits | undefined
}

/** What happened for one budget, counted apart from all books. */
export interface BudgetTally {
  /** Executed calls that the store let through, up to what was held; without those that policy gave back. */
  executed: Credits
  /** The most that may be charged: what executed calls cost, and what policy charges for calls nobody knows of. */
  chargeable: Credits
}

/** Executed work and what may be charged for it: the side effects, not the books. */
export class Tally {
  /** How many tools ran. */
  executed = 0
  readonly #budgets = new Map<BudgetId, BudgetTally>()

  of(budget: BudgetId): BudgetTally {
    let tally = this.#budgets.get(budget)
    if (tally === undefined) this.#budgets.set(budget, (tally = { executed: 0, chargeable: 0 }))
    return tally
  }

  /** The tool runs. `isCovered`: the store let it through, and answers for it. */
  execute(call: SimulatedCall, isCovered: boolean): void {
    call.isExecuted = true
    this.executed++
    this.allow(call, call.overage === 'cap' ? Math.min(call.amount, call.cost) : call.amount)
    if (isCovered) this.cover(call)
  }

  /** The store answers for a call that ran: its cost is put aside, or charged. */
  cover(call: SimulatedCall): void {
    if (call.isCovered) return
    call.isCovered = true
    for (const line of call.lines) this.of(line.budget).executed += coveredBy(call, line)
  }

  /** Policy gave back what was held for a call that ran. */
  uncover(call: SimulatedCall): void {
    if (!call.isCovered) return
    call.isCovered = false
    for (const line of call.lines) this.of(line.budget).executed -= coveredBy(call, line)
  }

  /** Up to this much may be charged for a call. */
  allow(call: SimulatedCall, amount: Credits): void {
    const known = call.chargeable
    if (known !== undefined && known >= amount) return
    call.chargeable = amount
    for (const line of call.lines) {
      if (isMoney(line)) this.of(line.budget).chargeable += amount - (known ?? 0)
      else if (known === undefined) this.of(line.budget).chargeable += line.amount
    }
  }
}

function coveredBy(call: SimulatedCall, line: HoldLine): Credits {
  return isMoney(line) ? Math.min(call.amount, line.amount) : line.amount
}

function isMoney(line: HoldLine): boolean {
  return line.unit === undefined || line.unit === 'credits'
}
