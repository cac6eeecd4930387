import { BudgetError } from './errors.js'
import type { Credits } from './credits.js'

/** The reasons of each slug: which of its cases it is. Types, for no program looks them up. */
export interface RefusalReasons {
  invalid_request: 'invalid_request' | 'duplicate_id' | 'missing_id' | 'too_large'
  invalid_params:
    'related_task' | 'invalid_name' | 'invalid_arguments' | 'unknown_parameter' | 'invalid_key' | 'unknown_task'
  invalid_request_state: 'invalid_request_state' | 'round_used'
  unauthorized: 'unauthorized' | 'ambiguous_credentials'
  forbidden_tool: 'forbidden_tool' | 'definition_changed' | 'argument_not_allowed' | 'call_cost_exceeded'
  unpriced_tool:
    'unpriced' | 'ambiguous_tool_name' | 'price_failed' | 'price_timeout' | 'invalid_price' | 'invalid_arguments'
  budget_exhausted: 'exhausted' | 'insufficient' | 'ceiling' | 'rate'
  duplicate_request: 'in_flight' | 'already_ran'
  idempotency_mismatch: 'idempotency_mismatch'
  approval_required: 'approval_required' | 'approval_failed'
  delegation_failed:
    | 'delegation_failed'
    | 'exhausted'
    | 'insufficient'
    | 'ceiling'
    | 'rate'
    | 'depth_exceeded'
    | 'children_exceeded'
    | 'amount_exceeded'
    | 'too_large'
  cross_partition: 'cross_partition'
  budget_unavailable:
    'budget_backend_error' | 'open_limit_reached' | 'pending_limit' | 'audit_unavailable' | 'keys_full'
  step_failed: 'step_failed'
}

interface Row {
  readonly legacy: number
  readonly modern: number
  readonly retryable: boolean
}

const PARAMS: Row = { legacy: -32602, modern: -32602, retryable: false }
const BUDGET: Row = { legacy: -32000, modern: 40200, retryable: false }
const FAULT: Row = { legacy: -32603, modern: 50300, retryable: false }

/**
 * Why a call was refused, on the wire: the discriminator `data.error`. In order of precedence: where two apply, the
 * first is given. Each has two JSON-RPC codes, of legacy revisions (up to 2025-11-25) and of 2026-07-28, which forbids
 * new codes from −32000 to −32099; its reasons are in {@link RefusalReasons}.
 */
export const REFUSALS: { readonly [Slug in RefusalSlug]: Row } = {
  invalid_request: { ...PARAMS, legacy: -32600, modern: -32600 },
  invalid_params: PARAMS,
  invalid_request_state: PARAMS,
  unauthorized: { ...BUDGET, legacy: -32001, modern: 40100 },
  forbidden_tool: BUDGET,
  unpriced_tool: BUDGET,
  budget_exhausted: BUDGET,
  duplicate_request: BUDGET,
  idempotency_mismatch: BUDGET,
  approval_required: { ...BUDGET, retryable: true },
  delegation_failed: BUDGET,
  cross_partition: BUDGET,
  budget_unavailable: { ...FAULT, retryable: true },
  step_failed: FAULT,
}

/** The discriminator of a refusal; see {@link REFUSALS}. */
export type RefusalSlug = keyof RefusalReasons

/** Which of a slug's cases it is. */
export type RefusalReason<Slug extends RefusalSlug = RefusalSlug> = RefusalReasons[Slug]

/**
 * A call that must not be forwarded, and why. It becomes a JSON-RPC error or an `isError` result only at the seat.
 * No text an agent sent is in it but the tool's name.
 *
 * @property cost what the call costs, where it has a price
 * @property remaining what the paying budget can still spend
 * @property budget the budget that could not pay
 * @property expected what a request that cannot be read should have had, in this library's own words
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
  readonly expected?: string | undefined
  readonly retryable: boolean
  readonly resetAt?: number | undefined
  readonly detail?: unknown
}

/** Whether a value is a refusal: a call, an outcome and a tool's result never look so. */
export function isRefusal(value: unknown): value is Refusal {
  const { kind, error } = Object(value) as Partial<Refusal>
  return kind === 'refused' && typeof error === 'string'
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
  return { ...why, kind: 'refused', tool, retryable: why.retryable ?? REFUSALS[why.error].retryable }
}
