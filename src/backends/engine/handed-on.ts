import { applyChange, fits, incomingChange, NO_CHANGE, outgoingChange, type Balance } from '../../budget/hold.js'
import type { BudgetChange } from './book.js'
import type { BudgetRecord } from './budget-record.js'
import type { Credits } from '../../core/credits.js'

/**
 * What budgets that close hand to the nearest open ancestor, or burn, when `changes` have been made. One that has nothing
 * changes nothing, and has an entry all the same: the ledger alone must say that it was closed.
 */
export function handedOn(closing: ReadonlySet<BudgetRecord>, changes: readonly BudgetChange[]): BudgetChange[] {
  const balances = new Map<BudgetRecord, Balance>()
  const made: BudgetChange[] = []
  const after = (budget: BudgetRecord): Balance => {
    const balance = balances.get(budget) ?? { ...budget }
    balances.set(budget, balance)
    return balance
  }
  for (const { budget, change } of changes) applyChange(after(budget), change)
  for (const budget of closing) {
    const amount = after(budget).available
    if (amount === 0) {
      if (budget.state === 'open') made.push({ budget, change: NO_CHANGE, op: 'close' })
      continue
    }
    let heir = budget.parent
    while (heir !== undefined && (heir.state !== 'open' || closing.has(heir))) heir = heir.parent
    // An heir that is full to 2^53−1 cannot take it, and neither a close nor an expiry can be refused for that.
    if (heir !== undefined && fits(after(heir), incomingChange(after(heir), amount))) {
      const [out, incoming] = transferChanges(budget, heir, amount, after(heir))
      applyChange(after(heir), incoming.change)
      made.push({ ...out, op: 'close' }, { ...incoming, op: 'close' })
    } else {
      made.push({ budget, change: { ...NO_CHANGE, available: -amount, burned: amount }, op: 'close' })
    }
  }
  return made
}

/** What a transfer changes; `balance` is the receiver's, if it has changed by then. */
export function transferChanges(from: BudgetRecord, to: BudgetRecord, amount: Credits, balance: Balance = to) {
  return [
    { budget: from, change: outgoingChange(amount), counter: to.id },
    { budget: to, change: incomingChange(balance, amount), counter: from.id },
  ] as const
}
