import { BudgetError } from './errors.js'
import type { Credits } from './credits.js'

/** A slug's two JSON-RPC codes, and whether the same call may pass later without anybody's doing. */
interface Row<Reason extends string> {
  readonly legacy: number
  readonly modern: number
  readonly retryable: boolean
  /** For the compiler only, never set: which cases the slug has. */
  readonly reasons?: Reason
}

const params = <Reason extends string>(code = -32602) => row<Reason>(code, code)
const budget = <Reason extends string>(retryable?: boolean) => row<Reason>(-32000, 40200, retryable)
const fault = <Reason extends string>(retryable?: boolean) => row<Reason>(-32603, 50300, retryable)

/**
 * Why a call was refused, on the wire: the discriminator `data.error`. In order of precedence: where two apply, the
 * first is given. The reasons of each and its two JSON-RPC codes: legacy revisions (up to 2025-11-25) and 2026-07-28,
 * which forbids new codes from −32000 to −32099.
 */
export const REFUSALS = {
  invalid_request: params<'invalid_request' | 'duplicate_id' | 'missing_id' | 'too_large'>(-32600),
  invalid_params: params<'related_task' | 'invalid_name' | 'invalid_arguments'>(),
  invalid_request_state: params<'invalid_request_state'>(),
  unauthorized: row<'unauthorized'>(-32001, 40100),
  forbidden_tool: budget<'forbidden_tool'>(),
  unpriced_tool: budget<
    'unpriced' | 'ambiguous_tool_name' | 'price_failed' | 'price_timeout' | 'invalid_price' | 'invalid_arguments'
  >(),
  budget_exhausted: budget<'exhausted' | 'insufficient' | 'ceiling' | 'rate'>(),
  duplicate_request: budget<'in_flight' | 'already_ran'>(),
  idempotency_mismatch: budget<'idempotency_mismatch'>(),
  approval_required: budget<'approval_required' | 'approval_failed'>(true),
  delegation_failed: budget<'delegation_failed'>(),
  cross_partition: budget<'cross_partition'>(),
  budget_unavailable: fault<'budget_backend_error' | 'open_limit_reached' | 'pending_limit' | 'audit_unavailable'>(
    true,
  ),
  step_failed: fault<'step_failed'>(),
} as const

/** The discriminator of a refusal; see {@link REFUSALS}. */
export type RefusalSlug = keyof typeof REFUSALS

/** Which of a slug's cases it is. */
export type RefusalReason<Slug extends RefusalSlug = RefusalSlug> = NonNullable<(typeof REFUSALS)[Slug]['reasons']>

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

function row<Reason extends string>(legacy: number, modern: number, retryable = false): Row<Reason> {
  return { legacy, modern, retryable }
}
