import type { BudgetId } from './budget-id.js'
import type { Credits } from '../core/credits.js'
import type { Refusal } from '../core/refusal.js'

/**
 * Who pays for a call: the budget of its token, or of a secret of the configuration.
 *
 * @property tenant whose budget it is
 * @property budget pays on the first line of the hold
 * @property tokenId the id of the token, 43 characters, of which the first twelve are for people; a secret has none
 * @property denies why the token does not allow a call of this cost, asked once the price is known
 * @property refusal in shadow mode, why hard mode would have refused it: then nobody is to pay
 */
export interface Principal {
  readonly tenant: string
  readonly budget: BudgetId
  readonly tokenId?: string
  readonly denies?: (cost: Credits) => Refusal | undefined
  readonly refusal?: Refusal
}

/** What a step gives that knows who pays. */
export interface Identified {
  readonly principal: Principal
}
