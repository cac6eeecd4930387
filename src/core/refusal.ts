import { BudgetError } from './errors.js'
import type { Credits } from './credits.js'

const PARAMS = { legacy: -32602, modern: -32602, retryable: false } as const
const BUDGET = { legacy: -32000, modern: 40200, retryable: false } as const
const FAULT = { legacy: -32603, modern: 50300, retryable: false } as const

/**
 * Why a call was refused, on the wire: the discriminator `data.error`. In order of precedence: where two apply, the
 * first is given. The reasons of each and its two JSON-RPC codes: legacy revisions (up to 2025-11-25) and 2026-07-28,
 * which forbids new codes from −32000 to −32099.
 */
export const REFUSALS = {
  invalid_request: {
    ...PARAMS,
    legacy: -32600,
    modern: -32600,
    reasons: ['invalid_request', 'duplicate_id', 'missing_id', 'too_large'],
  },
  invalid_params: { ...PARAMS, reasons: ['related_task', 'invalid_name', 'invalid_arguments'] },
  invalid_request_state: { ...PARAMS, reasons: ['invalid_request_state'] },
  unauthorized: { legacy: -32001, modern: 40100, retryable: false, reasons: ['unauthorized'] },
  forbidden_tool: { ...BUDGET, reasons: ['forbidden_tool'] },
  unpriced_tool: {
    ...BUDGET,
    reasons: ['unpriced', 'ambiguous_tool_name', 'price_failed', 'price_timeout', 'invalid_price', 'invalid_arguments'],
  },
  budget_exhausted: { ...BUDGET, reasons: ['exhausted', 'insufficient', 'ceiling', 'rate'] },
  duplicate_request: { ...BUDGET, reasons: ['in_flight', 'already_ran'] },
  idempotency_mismatch: { ...BUDGET, reasons: ['idempotency_mismatch'] },
  approval_required: { ...BUDGET, retryable: true, reasons: ['approval_required', 'approval_failed'] },
  delegation_failed: { ...BUDGET, reasons: ['delegation_failed'] },
  cross_partition: { ...BUDGET, reasons: ['cross_partition'] },
  budget_unavailable: {
    ...FAULT,
    retryable: true,
    reasons: ['budget_backend_error', 'open_limit_reached', 'pending_limit', 'audit_unavailable'],
  },
  step_failed: { ...FAULT, reasons: ['step_failed'] },
} as const satisfies Record<string, { legacy: number; modern: number; retryable: boolean; reasons: readonly string[] }>

/** The discriminator of a refusal; see {@link REFUSALS}. */
export type RefusalSlug = keyof typeof REFUSALS

/** Which of a slug's cases it is. */
export type RefusalReason<Slug extends RefusalSlug = RefusalSlug> = (typeof REFUSALS)[Slug]['reasons'][number]

/**
 * A call that must not be forwarded, and why. It becomes a JSON-RPC error or an `isError` result only at the seat.
 * No text an agent sent is in it but the tool's name.
 *
 * @property cost what the call costs, where it has a price
 * @property remaining what the paying budget can still spend
 * @property budget the budget that could not pay
 * @property retryable whether the same call may pass later without anybody's doing
 * @property resetAt when it may, milliseconds since 1970
 * @property detail what happened, for the operator: in events and records, never on the wire
 */
export interface Refusal {
  readonly kind: 'refused'
  readonly error: RefusalSlug
  readonly reason: RefusalReason
  readonly tool: string
  readonly cost?: Credits | undefined
  readonly remaining?: Credits | undefined
  readonly budget?: string | undefined
  readonly tokenId?: string | undefined
  readonly retryable: boolean
  readonly resetAt?: number | undefined
  readonly detail?: unknown
}

/** The refusal of a call whose arguments cannot be read: no JSON, or beyond the limits. */
export function refuseArguments(tool: string, error: unknown): Refusal {
  const reason = BudgetError.isInstance(error) && error.code === 'too_large' ? 'too_large' : 'invalid_request'
  return refuse(tool, { error: 'invalid_request', reason, detail: error })
}

/**
 * Makes a refusal, for a step to return.
 *
 * @example
 * ```ts
 * const officeHours: CallMiddleware = {
 *   name: 'office-hours',
 *   enter: (call) => open() ? call : refuse(call.tool, { error: 'forbidden_tool', reason: 'forbidden_tool' }),
 * }
 * ```
 */
export function refuse<Slug extends RefusalSlug>(
  tool: string,
  why: { error: Slug; reason: RefusalReason<Slug> } & Partial<Omit<Refusal, 'kind' | 'error' | 'reason' | 'tool'>>,
): Refusal {
  return { retryable: REFUSALS[why.error].retryable, ...why, kind: 'refused', tool }
}
