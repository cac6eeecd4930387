import { budget as budgetKind } from './caveats/budget.js'
import { calls as callsKind } from './caveats/calls.js'
import { max } from './caveats/max.js'
import { rate, type Rate } from './caveats/rate.js'
import type { BudgetId } from '../budget/budget-id.js'
import type { TokenIdentifier } from './identifier.js'
import type { Link } from './verified-token.js'

/** A limit that the store counts against, under the id of a prefix: whatever has that prefix shares the count. */
export interface PrefixLimit {
  readonly prefixId: string
  readonly limit: number
}

/** A budget that a server has delegated: it must be registered at exactly this prefix, under exactly this parent. */
export interface Registration {
  readonly prefixId: string
  readonly budget: BudgetId
  readonly parent: BudgetId
}

/**
 * What a token brings to the one atomic step of the store: what is revoked, registered, used up and left is judged
 * there, and all at once. Made of what the MAC proves, the same for every request.
 *
 * @property budget who pays: the last budget that the token names, and never another
 * @property registrations of all budgets after the first, in order
 * @property prefixIds of all prefixes, the identifier's first: the token is denied when one of them is revoked
 * @property nonce of the minted token, to revoke it with all that was made of it
 * @property issuedAt when it was minted, seconds since 1970, to revoke what is older
 * @property ceilings how much may be spent or delegated through a prefix; those before the last `budget` are not among
 * them, for they were charged when it was delegated
 * @property calls how many calls may be admitted through a prefix
 * @property rates how fast calls may be admitted through a prefix
 */
export interface Authority {
  readonly tenant: string
  readonly budget: BudgetId
  readonly registrations: readonly Registration[]
  readonly prefixIds: readonly string[]
  readonly nonce: string
  readonly issuedAt: number
  readonly ceilings: readonly PrefixLimit[]
  readonly calls: readonly PrefixLimit[]
  readonly rates: ReadonlyArray<Rate & { readonly prefixId: string }>
}

/** The authority of a token, of its links. */
export function authorityOf(identifier: TokenIdentifier, links: readonly Link[]): Authority {
  const { tenant, nonce, issuedAt } = identifier
  const registrations: Registration[] = []
  const calls: PrefixLimit[] = []
  const rates: Array<Rate & { readonly prefixId: string }> = []
  const prefixIds: string[] = []
  let ceilings: PrefixLimit[] = []
  let payer = `${tenant}/${identifier.budget}`
  for (const { prefixId, caveat } of links) {
    prefixIds.push(prefixId)
    const value = caveat?.value
    if (caveat?.kind === budgetKind) {
      const budget = `${tenant}/${value as string}`
      registrations.push({ prefixId, budget, parent: payer })
      payer = budget
      // What came before was charged when this budget was made.
      ceilings = []
    } else if (caveat?.kind === max) {
      ceilings.push({ prefixId, limit: value as number })
    } else if (caveat?.kind === callsKind) {
      calls.push({ prefixId, limit: value as number })
    } else if (caveat?.kind === rate) {
      rates.push({ prefixId, ...(value as Rate) })
    }
  }
  return { tenant, budget: payer, registrations, prefixIds, nonce, issuedAt, ceilings, calls, rates }
}
