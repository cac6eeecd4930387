import { BudgetError, describeValue } from '../core/errors.js'

/** Names a budget: `<tenant>/<name>`, each 1 to 64 of `A–Z a–z 0–9 _ -`. A bare name belongs to tenant `default`. */
export type BudgetId = string

const PART = '[A-Za-z0-9_-]{1,64}'
const FULL = new RegExp(`^${PART}/${PART}$`)
const BARE = new RegExp(`^${PART}$`)

/**
 * The full form of a budget's name.
 *
 * @throws BudgetError `invalid_budget_id`
 * @example budgetId('agent-1') // 'default/agent-1'
 */
export function budgetId(id: BudgetId): BudgetId {
  if (typeof id === 'string') {
    if (FULL.test(id)) return id
    if (BARE.test(id)) return `default/${id}`
  }
  throw new BudgetError({
    code: 'invalid_budget_id',
    message: `Expected a budget as \`name\` or \`tenant/name\`, each 1 to 64 letters, digits, _ or -, got ${describeValue(id)}`,
  })
}

/** The tenant of a full budget id. */
export function tenantOf(id: BudgetId): string {
  return id.slice(0, id.indexOf('/'))
}
