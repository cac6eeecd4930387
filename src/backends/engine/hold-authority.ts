import { BudgetError } from '../../core/errors.js'
import type { LineRefusal } from './hold-lines.js'
import type { Authorities } from './authorities.js'
import type { Authority } from '../../budget/authority.js'
import type { HeldLine } from './hold-record.js'

/** Why the budget of a token does not pay for a hold: it is not registered as the token says, or takes no more calls. */
export function refusePayer(
  authorities: Authorities,
  authority: Authority | undefined,
  lines: readonly HeldLine[],
): LineRefusal | undefined {
  if (authority === undefined) return undefined
  const budget = lines[0]?.budget
  const payer = authorities.payer(authority)
  if (payer === undefined) return { reason: 'unknown_budget', budget: authority.budget, remaining: 0 }
  if (payer !== budget) {
    throw new BudgetError({
      code: 'invalid_request',
      message: `Expected the first line on the token's budget ${payer.id}, got ${budget?.id}`,
    })
  }
  const closed = lines.find((line) => line.budget.state !== 'open')
  return closed && { reason: 'closed', budget: closed.budget.id, remaining: 0 }
}

/** Why a token does not serve for a hold. */
export function refuseUse(
  authorities: Authorities,
  authority: Authority | undefined,
  lines: readonly HeldLine[],
  now: number,
): LineRefusal | undefined {
  if (authority === undefined) return undefined
  const { budget, amount } = lines[0] as HeldLine
  const used = authorities.refuse(authority, { amount, isCall: true }, now)
  return used && { ...used, budget: budget.id, remaining: used.reason === 'revoked' ? 0 : budget.available }
}
