import type { Account } from './account.js'
import type { BudgetId } from '../budget/budget-id.js'
import type { MoneyEntry } from '../ledger/entry.js'

/** A hold that was not ended, or a lease that was forfeited: what it put aside of each budget. */
export interface OpenHold {
  readonly isLease: boolean
  readonly lines: Map<BudgetId, number>
  /** Whether the store was asked about it. */
  isSeen: boolean
}

/** What an entry should have said of a hold. */
export interface HoldDifference {
  readonly expected: number
  readonly got: number
}

const ENDS: readonly string[] = ['capture', 'release', 'expire', 'settle', 'forfeit']

/** The holds that the entries of a partition have placed and not ended, and the leases that were forfeited. */
export class HoldCheck {
  readonly open = new Map<string, OpenHold>()
  /** Until they are reconciled. */
  readonly forfeited = new Map<string, OpenHold>()

  /** Takes the next entry, of the budget with this account: what is wrong with it, if something is. */
  add(entry: MoneyEntry, account: Account): HoldDifference | undefined {
    const { op, held } = entry
    if (op === 'hold' || op === 'lease') return this.#place(entry, account)
    if (ENDS.includes(op)) return this.#end(entry, account)
    if (op === 'reconcile') return this.#reconcile(entry, account)
    return held === 0 || op === 'opening' ? undefined : { expected: 0, got: held }
  }

  #place({ op, id, budget, held }: MoneyEntry, account: Account): HoldDifference | undefined {
    const isLease = op === 'lease'
    const hold = this.open.get(id) ?? { isLease, lines: new Map<BudgetId, number>(), isSeen: false }
    if (held < 0 || hold.lines.has(budget) || hold.isLease !== isLease) return { expected: 0, got: held }
    hold.lines.set(budget, held)
    this.open.set(id, hold)
    count(account, hold, held, 1)
    return undefined
  }

  #end({ op, id, budget, held }: MoneyEntry, account: Account): HoldDifference | undefined {
    const hold = this.open.get(id)
    const amount = hold?.lines.get(budget)
    // Who folded its beginning, cannot tell.
    if (amount === undefined && account.isFolded) return undefined
    const isOfLease = op === 'settle' || op === 'forfeit'
    if (hold === undefined || amount !== 0 - held || hold.isLease !== isOfLease)
      return { expected: amount ?? 0, got: 0 - held }
    hold.lines.delete(budget)
    if (hold.lines.size === 0) this.open.delete(id)
    count(account, hold, amount, -1)
    if (op !== 'forfeit') return undefined
    this.forfeited.set(id, { isLease: true, lines: new Map([[budget, amount]]), isSeen: false })
    account.forfeited += amount
    return undefined
  }

  // What was not used of it came back: not more than it had.
  #reconcile({ id, budget, spent, held }: MoneyEntry, account: Account): HoldDifference | undefined {
    const amount = this.forfeited.get(id)?.lines.get(budget)
    if (amount === undefined && account.isFolded) return undefined
    if (amount === undefined || 0 - spent > amount || held !== 0) return { expected: amount ?? 0, got: 0 - spent }
    this.forfeited.delete(id)
    account.forfeited -= amount
    return undefined
  }
}

function count(account: Account, { isLease }: OpenHold, amount: number, sign: 1 | -1): void {
  account.openHolds += sign
  if (!isLease) return
  account.leases += sign
  account.leased += sign * amount
}
