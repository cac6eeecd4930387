import { applyChange, NO_CHANGE, type Balance } from '../budget/hold.js'
import type { BudgetId } from '../budget/budget-id.js'
import type { LedgerRecord } from './entry.js'

/**
 * Works out every budget's balance from the ledger alone. What it gives equals what the store says, or one of them is
 * wrong.
 *
 * @example replay(ledger.entries()).get('default/agent-1')?.spent
 */
export function replay(records: Iterable<LedgerRecord>): Map<BudgetId, Balance> {
  const balances = new Map<BudgetId, Balance>()
  for (const record of records) {
    if (record.kind !== 'money') continue
    const balance = balances.get(record.budget) ?? { ...NO_CHANGE }
    applyChange(balance, record)
    balances.set(record.budget, balance)
  }
  return balances
}
