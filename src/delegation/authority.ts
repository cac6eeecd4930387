import { budget } from './caveats/budget.js'
import { calls } from './caveats/calls.js'
import { max } from './caveats/max.js'
import { rate, type Rate } from './caveats/rate.js'
import type { BudgetId } from '../budget/budget-id.js'
import type { CaveatKind } from './caveat.js'
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
  const root = `${tenant}/${identifier.budget}`
  const registrations: Registration[] = []
  for (const { prefixId, value } of of(budget, links)) {
    const parent = registrations.at(-1)?.budget ?? root
    registrations.push({ prefixId, budget: `${tenant}/${value}`, parent })
  }
  const last = links.findLastIndex(({ caveat }) => caveat?.kind === budget)
  return {
    tenant,
    budget: registrations.at(-1)?.budget ?? root,
    registrations,
    prefixIds: links.map(({ prefixId }) => prefixId),
    nonce,
    issuedAt,
    ceilings: limitsOf(max, links.slice(last + 1)),
    calls: limitsOf(calls, links),
    rates: of(rate, links).map(({ prefixId, value }) => ({ prefixId, ...value })),
  }
}

function limitsOf(kind: CaveatKind<number>, links: readonly Link[]): PrefixLimit[] {
  return of(kind, links).map(({ prefixId, value }) => ({ prefixId, limit: value }))
}

/** The caveats of one kind, each with the id of the prefix that it ends. */
function of<Value>(kind: CaveatKind<Value>, links: readonly Link[]): Array<{ prefixId: string; value: Value }> {
  return links.flatMap(({ prefixId, caveat }) =>
    caveat?.kind === kind ? [{ prefixId, value: caveat.value as Value }] : [],
  )
}
