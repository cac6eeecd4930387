import { compileMeter } from '../core/metered.js'
import { discountedPrice } from './retry-policy.js'
import { isObject, type JsonObject } from '../core/json.js'
import type { Attempt, Failure, TaskBinding } from './task-store.js'
import type { CallOutcome } from '../core/outcome.js'
import type { Credits } from '../core/credits.js'
import type { EventSink } from '../core/events.js'
import type { Held } from '../budget/call-hold.js'
import type { HoldLine } from '../budget/enforcer.js'
import type { Operation } from '../core/operation.js'
import type { Price, Priced, PriceMetering, PriceSource } from '../core/price.js'
import type { ToolCall } from '../core/call.js'

/** What an attempt is to this feature: its operation, and what its end is to be noted with. */
export interface TrackedAttempt extends Operation, Failure {
  readonly asked: Attempt
  /** What it costs, in basis points of its price. */
  readonly rateBps: number
  /** The price without the discount. */
  readonly fullPrice: Price
}

/** A call that withTaskTracking let through, and that is paid for. */
export type TrackedCall = ToolCall & Priced & Held & { readonly operation: TrackedAttempt }

/** What is kept of a call that became a task: all that any process needs to end it. As JSON, for the store. */
interface Kept {
  readonly tool: string
  readonly server: string | null
  readonly startedAt: number
  readonly round: number
  readonly hold: { readonly state: Held['hold']['state']; readonly lines: readonly HoldLine[]; readonly debt: Credits }
  readonly price: {
    readonly cost: Credits
    readonly source: PriceSource
    readonly ran: Credits
    readonly failed: Credits
    readonly unknown: Credits
    readonly metering: PriceMetering | null
  }
  readonly rateBps: number
  readonly attempt: Failure & { readonly asked: Attempt }
  readonly onExpire: 'capture' | 'release'
}

/** What is to be kept of a call; `onExpire`: what becomes of its hold in the end. */
export function keptCall(call: TrackedCall, onExpire: 'capture' | 'release'): JsonObject {
  const { tool, server = null, startedAt, round, hold, operation } = call
  const { operationId, attempt, discounts, paid, asked, rateBps, fullPrice } = operation
  const { cost, source, metering = null } = fullPrice
  // Without a result, so that nothing is read off it.
  const amount = (proves: 'ran' | 'failed' | 'unknown'): Credits =>
    fullPrice.charge({ kind: 'error', proves, code: undefined } as CallOutcome).amount
  const amounts = { ran: amount('ran'), failed: amount('failed'), unknown: amount('unknown') }
  // Windows are of the moment that the hold was placed in.
  const lines = hold.lines.map(({ window: _window, ...line }) => line)
  return {
    tool: tool.slice(0, 256),
    server,
    startedAt,
    round,
    hold: { state: hold.state, lines, debt: hold.debt },
    price: { cost, source, ...amounts, metering },
    rateBps,
    attempt: { operationId, attempt, discounts, paid, asked },
    onExpire,
  } satisfies Kept
}

/** What becomes of the hold of a bound task, when nothing is heard of it. */
export function expiryOf({ data }: TaskBinding): 'capture' | 'release' {
  return (data as unknown as Kept).onExpire
}

/** Whether its cost is read off its result. */
export function isMetered({ data }: TaskBinding): boolean {
  return isObject((data as unknown as Kept).price.metering)
}

/**
 * The call that a task was bound for, as far as it was kept.
 *
 * @param known its price, where this process still has it: one that is read by a function is nowhere else
 */
export function restoredCall(binding: TaskBinding, known: Price | undefined, events: EventSink): TrackedCall {
  const kept = binding.data as unknown as Kept
  const { tool, server, startedAt, round, hold, price, rateBps, attempt } = kept
  const call: ToolCall = {
    kind: 'call',
    id: binding.holdId,
    round,
    tool,
    args: undefined,
    meta: undefined,
    server: server ?? undefined,
    startedAt,
    asTask: true,
    auth: undefined,
  }
  const fullPrice = known ?? restoredPrice(price, call, events)
  const paid = rateBps === 10_000 ? fullPrice : discountedPrice(fullPrice, rateBps)
  const about = { id: attempt.operationId, task: undefined, rateBps, fullPrice, keep: () => keepNothing }
  // Without a key it has none, not one that is `undefined`: JSON leaves that out.
  const asked = { ...attempt.asked, key: attempt.asked.key }
  return {
    ...call,
    cost: paid.cost,
    price: paid,
    hold: { ...hold, remaining: undefined },
    operation: { ...attempt, ...about, asked },
  }
}

const keepNothing = { ttlMs: 1, onExpire: 'capture' } as const

function restoredPrice(kept: Kept['price'], call: ToolCall, events: EventSink): Price {
  const { cost, source, ran, failed, unknown, metering } = kept
  const read = metering?.metered && compileMeter(metering, 'kept', events)(call)
  return {
    cost,
    source,
    ...(metering && { metering }),
    charge(outcome) {
      if (outcome.proves === 'failed') return { amount: failed }
      if (outcome.proves === 'unknown') return { amount: unknown }
      const reported = outcome.kind === 'result' ? read?.(outcome.result, cost) : undefined
      return reported === undefined ? { amount: ran } : { amount: reported, reported }
    },
  }
}
