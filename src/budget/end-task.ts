import { andThen, type MaybePromise } from '../core/maybe-promise.js'
import type { Charge } from '../core/outcome.js'
import type { Credits } from '../core/credits.js'
import type { Gate } from './gate.js'
import type { Held } from './call-hold.js'
import type { Priced } from '../core/price.js'
import type { TaskFate } from '../core/operation.js'
import type { ToolCall } from '../core/call.js'

/** Ends the hold of a call that became a task, as its fate says. */
export function endTask(
  gate: Gate,
  call: ToolCall & Priced & Held,
  { kind, onExpire }: TaskFate,
  amount: Credits,
): MaybePromise<Charge> {
  const { hold, cost } = call
  const released: Charge = { held: cost, charged: 0, end: 'released' }
  if (kind === 'record') return released
  // Paid before the call, or posted after an outage: nothing is held that could end, and it is counted already.
  if (hold.state === 'spent' || hold.state === 'journaled') return { held: cost, charged: 0, end: 'captured' }
  if (kind !== 'expired') return gate.end(call, hold, kind, cost, amount)
  // The store has done it, or does it by its own clock; a simulation hears of it all the same.
  return andThen(gate.end(call, hold, 'keep', cost, amount), () =>
    onExpire === 'capture' ? { held: cost, charged: cost, end: 'captured' } : released,
  )
}
