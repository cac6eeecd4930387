import type { CallOutcome } from '../core/outcome.js'
import type { CallRecord } from './entry.js'
import type { Held } from '../budget/call-hold.js'
import type { Identified } from '../budget/principal.js'
import type { Priced } from '../core/price.js'
import type { Tracked } from '../core/operation.js'
import type { ToolCall } from '../core/call.js'

type Known = ToolCall & Partial<Priced & Held & Identified & Tracked>

/** The record of how a call ended. */
export function endRecord(call: Known, outcome: CallOutcome, now: number): CallRecord {
  const refusal = outcome.kind === 'refused' ? outcome.refusal : undefined
  const { operation } = call
  const task = operation?.task
  // All keys in one literal: put together of several, it cost more than all the rest of a call.
  return {
    kind: 'call',
    chargeId: call.id,
    at: call.startedAt,
    durationMs: now - call.startedAt,
    tool: call.tool,
    server: call.server,
    price: call.price?.source,
    tokenId: call.principal?.tokenId ?? refusal?.tokenId,
    budgets: call.hold?.lines.map((line) => line.budget) ?? (refusal?.budget === undefined ? [] : [refusal.budget]),
    outcome: outcome.kind,
    proves: outcome.proves,
    refusal: refusal && { error: refusal.error, reason: refusal.reason },
    cost: call.cost ?? refusal?.cost,
    charge: outcome.charge,
    operationId: operation?.id,
    attempt: operation?.attempt,
    taskId: task ? task.id : outcome.kind === 'task' ? outcome.taskId : undefined,
    taskEnd: task?.end,
    late: task?.late,
  }
}

/** The record of a call that is about to be handed on. `payer`: who would pay, where that is known. */
export function beginRecord(call: Known, payer: string | undefined, now: number): CallRecord {
  const { operation: _operation, ...begun } = call
  const record = endRecord(begun, { kind: 'lost', proves: 'unknown', cause: 'closed' }, now)
  return { ...record, budgets: payer === undefined ? [] : [payer], outcome: 'begun' }
}
