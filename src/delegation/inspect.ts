import { andThen, type MaybePromise } from '../core/maybe-promise.js'
import { prefixId, shortId } from './mac-chain.js'
import { readToken } from './read-token.js'
import { textOf } from './bytes.js'
import type { BudgetId } from '../budget/budget-id.js'

/**
 * What a token says. Not proved: anybody can write a text that says so.
 *
 * @property tokenId the first twelve characters of its id, as in refusals; records have all 43, and a query takes both
 * @property kid which master key it names
 * @property budget who paid when it was minted; a `budget` caveat names another
 * @property issuedAt seconds since 1970
 * @property caveats in order, as they stand in it; what is not printable ASCII is shown as `?`
 */
export interface TokenView {
  readonly tokenId: string
  readonly kid: string
  readonly budget: BudgetId
  readonly issuedAt: number
  readonly caveats: readonly string[]
}

/**
 * What a token says, to show or to log: everything but its signature, which is the secret.
 *
 * @throws BudgetError `invalid_token`
 * @example console.log((await inspect(token)).caveats) // ['exp=1800000000', 'ops=call,balance', 'depth=0']
 */
export function inspect(token: string): MaybePromise<TokenView> {
  const { raw, identifier } = readToken(token)
  const { kid, tenant, budget, issuedAt } = identifier
  const caveats = raw.caveats.map((caveat) => textOf(caveat).replace(/[^\x20-\x7e]/g, '?'))
  return andThen(prefixId(raw.identifier, raw.signature), (id) => {
    return { tokenId: shortId(id), kid, budget: `${tenant}/${budget}`, issuedAt, caveats }
  })
}
