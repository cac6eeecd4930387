import { budget as budgetKind } from './caveats/budget.js'
import { calls as callsKind } from './caveats/calls.js'
import { max } from './caveats/max.js'
import { exp } from './caveats/exp.js'
import { rate } from './caveats/rate.js'
import type { Authority, Prefix, PrefixLimit, Rate, Registration } from '../budget/authority.js'
import type { TokenIdentifier } from './identifier.js'
import type { Link } from './verified-token.js'

/** The authority of a token, of its links. */
export function authorityOf(identifier: TokenIdentifier, links: readonly Link[]): Authority {
  const { tenant, nonce, issuedAt } = identifier
  const registrations: Registration[] = []
  const calls: PrefixLimit[] = []
  const rates: Array<Rate & Prefix> = []
  const prefixIds: string[] = []
  let ceilings: PrefixLimit[] = []
  let expiry: { readonly expiresAt?: number } = {}
  let payer = `${tenant}/${identifier.budget}`
  for (const { prefixId, caveat } of links) {
    prefixIds.push(prefixId)
    const value = caveat?.value
    if (caveat?.kind === exp) {
      expiry = { expiresAt: Math.min(expiry.expiresAt ?? Infinity, (value as number) * 1_000) }
    } else if (caveat?.kind === budgetKind) {
      const budget = `${tenant}/${value as string}`
      registrations.push({ prefixId, budget, parent: payer })
      payer = budget
      // What came before was charged when this budget was made.
      ceilings = []
    } else if (caveat?.kind === max) {
      ceilings.push({ prefixId, ...expiry, limit: value as number })
    } else if (caveat?.kind === callsKind) {
      calls.push({ prefixId, ...expiry, limit: value as number })
    } else if (caveat?.kind === rate) {
      rates.push({ prefixId, ...expiry, ...(value as Rate) })
    }
  }
  return { tenant, budget: payer, registrations, prefixIds, nonce, issuedAt, ceilings, calls, rates }
}
