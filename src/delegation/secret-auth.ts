import { crypto } from '#crypto'
import { andThen, type MaybePromise } from '../core/maybe-promise.js'
import { assertKeys, misconfigured } from '../core/settings.js'
import { BudgetError } from '../core/errors.js'
import { BudgetEvents } from '../core/events.js'
import { budgetId, tenantOf, type BudgetId } from '../budget/budget-id.js'
import { copyCall, type ToolCall } from '../core/call.js'
import { equalBytes } from './bytes.js'
import { identifying } from './identifying.js'
import { refuse, type Refusal } from '../core/refusal.js'
import { presentedToken } from './presented.js'
import { unauthorized } from './refusal.js'
import type { CallMiddleware } from '../core/middleware.js'
import type { Identified, Principal } from '../budget/principal.js'

/** Settings of `withDelegation` at a seat that one secret opens, for one budget. */
export interface SecretAuthOptions {
  readonly keys?: undefined
  readonly auth: 'config'
  /**
   * The secret: 22 printable characters or more, without spaces. To be taken from `Authorization` or `_meta.token` it
   * must begin with `mcpb_`; what does not is somebody else's there.
   */
  readonly token: string
  /** Who pays. */
  readonly budget: BudgetId
  /** Hears `refused`. */
  readonly events?: BudgetEvents
}

/** The step that compares a secret. @throws BudgetError `invalid_config`, `invalid_budget_id` */
export function secretAuth(options: SecretAuthOptions): CallMiddleware<unknown, Identified> {
  assertKeys(options, ['auth', 'token', 'budget', 'events'], 'options')
  const { token, events = new BudgetEvents() } = options
  if (typeof token !== 'string' || !/^[\x21-\x7e]{22,8192}$/.test(token))
    throw misconfigured('token', '22 printable characters or more', undefined, 'something else')
  // The two may have been taken for each other.
  if (options.budget === token || !isBudget(options.budget))
    throw new BudgetError({
      code: 'invalid_budget_id',
      message: 'Expected `budget` to be a budget as `name` or `tenant/name`, got something else',
    })
  const budget = budgetId(options.budget)
  const principal: Principal = { tenant: tenantOf(budget), budget }
  // As hashes, which are equally long whatever was sent.
  const wanted = crypto.sha256(token)

  function judge(call: ToolCall): MaybePromise<(ToolCall & Identified) | Refusal> {
    const found = presentedToken(call, () => true)
    if (found.kind === 'ambiguous') return refuse(call.tool, { error: 'unauthorized', reason: 'ambiguous_credentials' })
    if (found.kind === 'none') return unauthorized(call.tool, 'no token')
    return andThen(wanted, (secret) =>
      andThen(crypto.sha256(found.text), (given) => {
        if (!equalBytes(given, secret)) return unauthorized(call.tool, 'another token')
        const known = copyCall(call)
        known.principal = principal
        return known as unknown as ToolCall & Identified
      }),
    )
  }

  return identifying(judge, events)
}

function isBudget(id: unknown): boolean {
  try {
    return budgetId(id as BudgetId) !== ''
  } catch {
    return false
  }
}
