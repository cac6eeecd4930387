import { andThen, type MaybePromise } from '../core/maybe-promise.js'
import { copyCall, type ToolCall } from '../core/call.js'
import { delegationMethods } from './methods.js'
import { identifying } from './identifying.js'
import { isAboutTasks } from '../core/operation.js'
import { isRefusal, type Refusal } from '../core/refusal.js'
import { tokenAuthSettings, type TokenAuthOptions } from './options.js'
import { TokenGate } from './token-gate.js'
import type { Authorized } from '../budget/authority.js'
import type { CallMiddleware } from '../core/middleware.js'
import type { Identified } from '../budget/principal.js'
import type { TokenOp } from './request.js'

type Known = Identified & Authorized

/** What a token must be good for to ask for a method; for any other it must be good for a call of that name. */
const OPS: ReadonlyMap<string, TokenOp> = new Map<string, TokenOp>([
  ['budget/balance', 'balance'],
  ['satgate/budget', 'balance'],
  ['budget/delegate', 'delegate'],
  ['satgate/delegate', 'delegate'],
  ['budget/close', 'close'],
  ['budget/revoke', 'revoke'],
])

/** The step that verifies the token of each call and method. @throws BudgetError `invalid_config`, `invalid_credits` */
export function tokenAuth(options: TokenAuthOptions): CallMiddleware<unknown, Known> {
  const settings = tokenAuthSettings(options)
  const gate = new TokenGate(settings)
  const judge = (call: ToolCall, op: TokenOp, isCall = true): MaybePromise<(ToolCall & Known) | Refusal> =>
    andThen(gate.identify(call, op, isCall), (identity) => {
      if (isRefusal(identity)) return identity
      const known = copyCall(call)
      known.principal = identity.principal
      known.authority = identity.authority
      return known as unknown as ToolCall & Known
    })
  return identifying<Known>((call) => judge(call, 'call'), settings.events, {
    gives: ['principal', 'authority'],
    // About a task asks who may call; which tool it was, its call has shown.
    admit: (request) => judge(request, OPS.get(request.tool) ?? 'call', !isAboutTasks(request.tool)),
    methods: delegationMethods(settings, gate),
  })
}
