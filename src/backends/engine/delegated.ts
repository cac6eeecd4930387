import type { Authority } from '../../budget/authority.js'
import type { NewBudget } from '../../budget/moves.js'
import type { BudgetRecord } from './budget-record.js'
import type { Timed } from './timed.js'

/** What the store keeps of the token that a budget was delegated with. */
export type Origin = Pick<Authority, 'prefixIds' | 'nonce' | 'issuedAt'>

/** What a budget has that was created for a token, and its end, which is on the wheel if it is its own. */
export class Delegated implements Timed {
  slot = -1
  next: Timed | undefined = undefined
  previous: Timed | undefined = undefined

  constructor(
    readonly budget: BudgetRecord,
    readonly terms: NewBudget,
    /** The request that created it. */
    readonly by: string,
    readonly origin: Origin | undefined,
    /** `Infinity` for none. */
    public deadline: number,
  ) {}
}

/** When a budget ends by itself; `Infinity` for never. */
export function endOf(budget: BudgetRecord | undefined): number {
  for (let each = budget; each !== undefined; each = each.parent) {
    if (each.delegated !== undefined) return each.delegated.deadline
  }
  return Infinity
}

/** Whether a budget is below another. */
export function isBelow(budget: BudgetRecord, above: BudgetRecord): boolean {
  let each = budget.parent
  while (each !== undefined && each !== above) each = each.parent
  return each !== undefined
}

/** A budget and all below it. */
export function subtree(roots: Iterable<BudgetRecord>): Set<BudgetRecord> {
  const found = new Set(roots)
  for (const each of found) for (const child of each.children ?? []) found.add(child)
  return found
}
