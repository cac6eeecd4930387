import { assertKeys } from '../core/settings.js'
import type { CallMiddleware } from '../core/middleware.js'

/** Settings of `withDelegation` at a seat where anybody may call: whoever `withBudget` names pays. */
export interface NoAuthOptions {
  readonly keys?: undefined
  readonly auth: 'none'
}

/** The step that asks for no token: the seat has taken away whatever came. @throws BudgetError `invalid_config` */
export function noAuth(options: NoAuthOptions): CallMiddleware {
  assertKeys(options, ['auth'], 'options')
  return { name: 'withDelegation', enter: (call) => call }
}
