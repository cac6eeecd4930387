import { applyChange, NO_CHANGE, type Balance } from '../budget/hold.js'
import { isBirth, isClose, type LedgerRecord } from './entry.js'
import type { BudgetId } from '../budget/budget-id.js'

/**
 * Works out every budget's balance from the ledger alone. What it gives equals what the store says, or one of them is
 * wrong. A budget that was closed, forgotten and made anew begins with nothing.
 *
 * @example replay(ledger.entries()).get('default/agent-1')?.spent
 */
export function replay(records: Iterable<LedgerRecord>): Map<BudgetId, Balance> {
  const balances = new Map<BudgetId, Balance>()
  const closed = new Set<BudgetId>()
  for (const record of records) {
    if (record.kind !== 'money') continue
    const { budget } = record
    const isNew = closed.has(budget) && isBirth(record)
    const balance = (isNew ? undefined : balances.get(budget)) ?? { ...NO_CHANGE }
    if (isNew) closed.delete(budget)
    if (isClose(record)) closed.add(budget)
    applyChange(balance, record)
    balances.set(budget, balance)
  }
  return balances
}
