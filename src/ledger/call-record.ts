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
  return {
    ...aboutCall(call, now),
    tokenId: call.principal?.tokenId ?? refusal?.tokenId,
    budgets: call.hold?.lines.map((line) => line.budget) ?? (refusal?.budget === undefined ? [] : [refusal.budget]),
    outcome: outcome.kind,
    proves: outcome.proves,
    refusal: refusal && { error: refusal.error, reason: refusal.reason },
    cost: call.cost ?? refusal?.cost,
    charge: outcome.charge,
    ...(operation && { operationId: operation.id, attempt: operation.attempt }),
    ...(task
      ? { taskId: task.id, taskEnd: task.end, late: task.late }
      : outcome.kind === 'task' && { taskId: outcome.taskId }),
  }
}

/** The record of a call that is about to be handed on. `payer`: who would pay, where that is known. */
export function beginRecord(call: Known, payer: string | undefined, now: number): CallRecord {
  const nothing = { refusal: undefined, cost: call.cost, charge: undefined }
  const budgets = payer === undefined ? [] : [payer]
  const tokenId = call.principal?.tokenId
  return { ...aboutCall(call, now), tokenId, budgets, outcome: 'begun', proves: 'unknown', ...nothing }
}

function aboutCall({ id, startedAt, tool, server, price }: Known, now: number) {
  const about = { chargeId: id, at: startedAt, durationMs: now - startedAt, tool, server, price: price?.source }
  return { kind: 'call', ...about } as const
}
