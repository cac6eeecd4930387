import { BudgetRecord } from '../engine/budget-record.js'
import { Delegated, endOf, type Origin } from '../engine/delegated.js'
import type { BudgetId } from '../../budget/budget-id.js'
import type { BudgetRow, PrefixRow } from './rows.js'
import type { NewBudget } from '../../budget/moves.js'

/** What a budget has that was created for a token; no `deadline` for never. */
interface Kept {
  readonly terms: NewBudget
  readonly by: string
  readonly origin?: Origin | undefined
  readonly deadline?: number | undefined
}

/** The row of a budget. */
export function budgetRow(budget: BudgetRecord, { born, closedAt }: { born: number; closedAt: number }): BudgetRow {
  const { id, partition, parent, state, available, held, spent, debt, out, burned, window, delegated } = budget
  const endsAt = delegated !== undefined && delegated.deadline < endOf(parent) ? delegated.deadline : null
  return {
    id,
    partition,
    parent: parent?.id ?? null,
    state,
    available,
    held,
    spent,
    debt,
    in: budget.in,
    out,
    burned,
    open_holds: budget.openHolds,
    leases: budget.leases,
    leased: budget.leased,
    forfeited: budget.forfeited,
    live_children: budget.liveChildren,
    is_parent: budget.children === undefined ? 0 : 1,
    initial: budget.initial ?? null,
    window_start: window?.[0] ?? null,
    window_end: window?.[1] ?? null,
    delegated: delegated === undefined ? null : JSON.stringify(kept(delegated)),
    nonce: delegated?.origin?.nonce ?? null,
    ends_at: endsAt,
    closed_at: delegated !== undefined && state === 'closed' ? closedAt : null,
    born,
  }
}

/** By what a budget can be found when it is revoked. */
export function prefixRows({ id, delegated }: BudgetRecord): PrefixRow[] {
  if (delegated === undefined) return []
  const prefixes = new Set([delegated.terms.registration, ...(delegated.origin?.prefixIds ?? [])])
  return Array.from(prefixes, (prefix) => ({ prefix, budget: id }))
}

/** The budget of a row, whose parent is among `budgets` if there is one. */
export function budgetOf(row: BudgetRow, budgets: ReadonlyMap<BudgetId, BudgetRecord>): BudgetRecord {
  const parent = row.parent === null ? undefined : budgets.get(row.parent)
  const budget = new BudgetRecord(row.id, row.partition, row.initial ?? undefined, parent)
  budget.in = row.in
  budget.available = row.available
  budget.held = row.held
  budget.spent = row.spent
  budget.debt = row.debt
  budget.out = row.out
  budget.burned = row.burned
  budget.openHolds = row.open_holds
  budget.leases = row.leases
  budget.leased = row.leased
  budget.forfeited = row.forfeited
  budget.state = row.state as BudgetRecord['state']
  budget.liveChildren = row.live_children
  if (row.is_parent === 1) budget.children = new Set()
  if (row.window_start !== null && row.window_end !== null) budget.window = [row.window_start, row.window_end]
  if (row.delegated !== null) budget.delegated = delegatedOf(budget, JSON.parse(row.delegated) as Kept)
  parent?.children?.add(budget)
  return budget
}

function kept({ terms, by, origin, deadline }: Delegated): Kept {
  return { terms, by, origin, ...(deadline < Infinity && { deadline }) }
}

function delegatedOf(budget: BudgetRecord, { terms, by, origin, deadline = Infinity }: Kept): Delegated {
  return new Delegated(budget, terms, by, origin, deadline)
}
