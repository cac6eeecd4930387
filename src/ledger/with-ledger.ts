import { assertKeys } from '../core/settings.js'
import { systemClock, type Clock } from '../core/clock.js'
import { isPromise } from '../core/maybe-promise.js'
import { BudgetEvents } from '../core/events.js'
import type { CallMiddleware } from '../core/middleware.js'
import type { CallOutcome } from '../core/outcome.js'
import type { Held } from '../budget/call-hold.js'
import type { Identified } from '../budget/principal.js'
import type { Priced } from '../core/price.js'
import type { Tracked } from '../core/operation.js'
import type { ToolCall } from '../core/call.js'
import type { CallRecord } from './entry.js'
import type { Ledger } from './ledger.js'

/**
 * Writes a {@link CallRecord} of every call that comes to the steps, refused ones too; put it first, so that it sees what
 * later steps refuse. The money entries are the store's own, in the same ledger when both are given it, linked by the
 * charge id. A ledger that fails changes no call: it is a `fault` event.
 *
 * @throws BudgetError `invalid_config` for an unknown setting
 * @example
 * ```ts
 * const ledger = new MemoryLedger()
 * compose(withLedger({ ledger }), withCostProfile({ defaultCost: 5 }), withBudget({ enforcer, budget }))
 * ```
 */
export function withLedger(options: {
  readonly ledger: Ledger
  readonly events?: BudgetEvents
  readonly clock?: Clock
}): CallMiddleware {
  assertKeys(options, ['ledger', 'events', 'clock'], 'options')
  const { ledger, events = new BudgetEvents(), clock = systemClock } = options
  const fault = (error: unknown): void => events.emit('fault', { where: 'withLedger', error })
  const write = (call: ToolCall, outcome: CallOutcome): CallOutcome => {
    try {
      const written = ledger.append([recordOf(call, outcome, clock.now())])
      if (isPromise(written)) written.then(undefined, fault)
    } catch (error) {
      fault(error)
    }
    return outcome
  }
  return {
    name: 'withLedger',
    // What a seat begins anew has a record of its own.
    leave: (call, outcome) =>
      outcome.kind === 'refused' && outcome.refusal.reason === 'round_used' ? outcome : write(call, outcome),
    // That a task goes on is not worth a record.
    task: (call, outcome) => (outcome.kind === 'task' ? outcome : write(call, outcome)),
  }
}

function recordOf(
  call: ToolCall & Partial<Priced & Held & Identified & Tracked>,
  outcome: CallOutcome,
  now: number,
): CallRecord {
  const refusal = outcome.kind === 'refused' ? outcome.refusal : undefined
  const { operation } = call
  const task = operation?.task
  return {
    kind: 'call',
    chargeId: call.id,
    at: call.startedAt,
    durationMs: now - call.startedAt,
    tool: call.tool,
    server: call.server,
    tokenId: call.principal?.tokenId ?? refusal?.tokenId,
    budgets: call.hold?.lines.map((line) => line.budget) ?? (refusal?.budget === undefined ? [] : [refusal.budget]),
    outcome: outcome.kind,
    proves: outcome.proves,
    refusal: refusal && { error: refusal.error, reason: refusal.reason },
    cost: call.cost ?? refusal?.cost,
    price: call.price?.source,
    charge: outcome.charge,
    ...(operation && { operationId: operation.id, attempt: operation.attempt }),
    ...(task
      ? { taskId: task.id, taskEnd: task.end, late: task.late }
      : outcome.kind === 'task' && { taskId: outcome.taskId }),
  }
}
