import { BudgetError } from '../core/errors.js'
import { COLUMNS, type MoneyCheck } from './money-check.js'
import { NO_CHANGE, type Balance } from '../budget/hold.js'
import type { BudgetId } from '../budget/budget-id.js'
import type { HoldingEnforcer } from '../budget/enforcer.js'
import type { MoneyEntry } from '../ledger/entry.js'
import type { Unbalanced, VerificationFault } from './verification.js'

/** Who says what the balances are. */
export type BalanceSource = Pick<HoldingEnforcer, 'describe'>

/** The chain that the balances were added up from. */
export interface Entries {
  readonly partition: string
  /** Adds what was written meanwhile, and tells of each entry. */
  readonly readOn: (heard: (entry: MoneyEntry) => void) => Promise<VerificationFault | undefined>
  /** The number of the last entry. */
  readonly last: () => number
}

/** The first budget whose balance is not what its entries say. */
export async function balanceFault(
  money: MoneyCheck,
  source: BalanceSource,
  entries: Entries,
): Promise<VerificationFault | undefined> {
  for (const [budget, balance] of money.balances) {
    const view = (await viewOf(source, budget)) ?? (money.initialised.has(budget) ? NO_CHANGE : undefined)
    if (differing(balance, view) === undefined) continue
    // The store went on since the entries were read: what it said must be true after one of those that came since.
    let isTrue = false
    const fault = await entries.readOn((entry) => {
      isTrue ||= entry.budget === budget && differing(balance, view) === undefined
    })
    if (fault !== undefined) return fault
    const column = differing(balance, view)
    if (isTrue || column === undefined) continue
    const at = { partition: entries.partition, record: 'money', seq: entries.last(), budget } as const
    const wrong: Unbalanced = {
      kind: 'equation',
      why: 'balance',
      ...at,
      column,
      expected: balance[column],
      got: view?.[column] ?? 0,
    }
    return wrong
  }
  return undefined
}

async function viewOf(source: BalanceSource, budget: BudgetId): Promise<Balance | undefined> {
  try {
    return await source.describe(budget)
  } catch (error) {
    if (BudgetError.isInstance(error) && error.code === 'unknown_budget') return undefined
    throw error
  }
}

// A budget that was delegated, and is closed, is forgotten after some time: then nothing is left in it.
function differing(balance: Balance, view: Balance | undefined): keyof Balance | undefined {
  if (view === undefined) return (['available', 'held'] as const).find((column) => balance[column] !== 0)
  return COLUMNS.find((column) => balance[column] !== view[column])
}
