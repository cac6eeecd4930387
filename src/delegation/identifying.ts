import { andThen, type MaybePromise } from '../core/maybe-promise.js'
import { callRef, type BudgetEvents } from '../core/events.js'
import { copyCall, type ToolCall } from '../core/call.js'
import { isRefusal, type Refusal } from '../core/refusal.js'
import type { CallMiddleware } from '../core/middleware.js'
import type { Identified, Principal } from '../budget/principal.js'

/** A step that says who pays, or refuses; in shadow mode it only tells of what it would refuse. */
export function identifying<Gives extends Identified>(
  judge: (call: ToolCall) => MaybePromise<(ToolCall & Gives) | Refusal>,
  events: BudgetEvents,
  more: Pick<CallMiddleware, 'admit' | 'methods'> & { readonly gives?: readonly string[] } = {},
): CallMiddleware<unknown, Gives> {
  const step = (enforced: boolean): CallMiddleware<unknown, Gives> => ({
    name: 'withDelegation',
    gives: ['principal'],
    ...more,
    admit: (request) =>
      andThen((more.admit ?? judge)(request), (judged) => {
        if (isRefusal(judged)) events.emit('refused', { call: callRef(request), refusal: judged, enforced: true })
        return judged
      }),
    ...(enforced && { inShadow: () => step(false) }),
    enter: (call) =>
      andThen(judge(call), (judged) => {
        if (!isRefusal(judged)) return judged
        events.emit('refused', { call: callRef(call), refusal: judged, enforced })
        return enforced ? judged : unpaid(call, judged)
      }),
  })
  return step(true)
}

function unpaid<Gives extends Identified>(call: ToolCall, refusal: Refusal): ToolCall & Gives {
  const told = copyCall(call)
  told.principal = { tenant: '', budget: '', refusal } satisfies Principal
  return told as unknown as ToolCall & Gives
}
