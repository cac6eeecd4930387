import { BudgetError } from '../core/errors.js'
import { differing, type Account, type Difference } from './account.js'
import type { BookedView, StoreBooks } from '../ledger/books.js'
import type { BudgetId } from '../budget/budget-id.js'
import type { HoldingEnforcer } from '../budget/enforcer.js'
import type { MoneyCheck } from './money-check.js'
import type { MoneyEntry } from '../ledger/entry.js'
import type { Unbalanced, VerificationFault } from './verification.js'

/** Who says what the balances are; and, where it can, what else there is beside the ledger. */
export type BalanceSource = Pick<HoldingEnforcer, 'describe'> & { readonly books?: StoreBooks }

/** The chain that the balances were added up from. */
export interface Entries {
  readonly partition: string
  /** Adds what was written meanwhile, and tells of each entry. */
  readonly readOn: (heard: (entry: MoneyEntry) => void) => Promise<VerificationFault | undefined>
  /** The number of the last entry. */
  readonly last: () => number
}

/** The first budget of which the store says something else than its entries, among those that it was not asked about. */
export async function balanceFault(
  money: MoneyCheck,
  source: BalanceSource,
  entries: Entries,
): Promise<VerificationFault | undefined> {
  for (const budget of money.accounts.keys()) {
    if (money.accounts.get(budget)?.isSeen === true) continue
    const view = await viewOf(source, budget)
    // Asked for again each time: a budget that is made anew has another account.
    const unlike = (): Difference | undefined => differingFrom(money.accounts.get(budget) as Account, view)
    if (unlike() === undefined) continue
    // The store went on since the entries were read: what it said must be true after one of those that came since.
    let isTrue = false
    const fault = await entries.readOn((entry) => {
      isTrue ||= entry.budget === budget && unlike() === undefined
    })
    if (fault !== undefined) return fault
    const found = unlike()
    if (isTrue || found === undefined) continue
    const at = { partition: entries.partition, record: 'money', seq: entries.last(), budget } as const
    return { kind: 'equation', why: 'balance', ...at, ...found } satisfies Unbalanced
  }
  return undefined
}

// A store of one's own need not say what a budget was initialised with.
function differingFrom(account: Account, view: BookedView | undefined): Difference | undefined {
  if (view === undefined) return differing(account, view)
  const { allotment = account.allotment, ...rest } = view
  return differing(account, { ...rest, ...(allotment !== undefined && { allotment }) })
}

async function viewOf(source: BalanceSource, budget: BudgetId): Promise<BookedView | undefined> {
  try {
    return await source.describe(budget)
  } catch (error) {
    if (BudgetError.isInstance(error) && error.code === 'unknown_budget') return undefined
    throw error
  }
}
