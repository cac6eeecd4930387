import type { RefusalReason, RefusalSlug } from 'mcp-budget'

/** The reasons of each slug, which the table of refusals has as types only. The compiler finds one too many or too few. */
export const REASONS: { readonly [Slug in RefusalSlug]: readonly RefusalReason<Slug>[] } = {
  invalid_request: all<'invalid_request'>()('invalid_request', 'duplicate_id', 'missing_id', 'too_large'),
  invalid_params: all<'invalid_params'>()(
    'related_task',
    'invalid_name',
    'invalid_arguments',
    'unknown_parameter',
    'invalid_key',
    'unknown_task',
  ),
  invalid_request_state: all<'invalid_request_state'>()('invalid_request_state', 'round_used'),
  unauthorized: all<'unauthorized'>()('unauthorized', 'ambiguous_credentials'),
  forbidden_tool: all<'forbidden_tool'>()(
    'forbidden_tool',
    'definition_changed',
    'argument_not_allowed',
    'call_cost_exceeded',
  ),
  unpriced_tool: all<'unpriced_tool'>()(
    'unpriced',
    'ambiguous_tool_name',
    'price_failed',
    'price_timeout',
    'invalid_price',
    'invalid_arguments',
  ),
  budget_exhausted: all<'budget_exhausted'>()('exhausted', 'insufficient', 'ceiling', 'rate'),
  duplicate_request: all<'duplicate_request'>()('in_flight', 'already_ran'),
  idempotency_mismatch: all<'idempotency_mismatch'>()('idempotency_mismatch'),
  approval_required: all<'approval_required'>()('approval_required', 'approval_failed'),
  delegation_failed: all<'delegation_failed'>()(
    'delegation_failed',
    'exhausted',
    'insufficient',
    'ceiling',
    'rate',
    'depth_exceeded',
    'children_exceeded',
    'amount_exceeded',
    'too_large',
  ),
  cross_partition: all<'cross_partition'>()('cross_partition'),
  budget_unavailable: all<'budget_unavailable'>()(
    'budget_backend_error',
    'open_limit_reached',
    'pending_limit',
    'audit_unavailable',
    'keys_full',
  ),
  step_failed: all<'step_failed'>()('step_failed'),
}

/** A list of all reasons of a slug; does not compile when one is missing. */
function all<Slug extends RefusalSlug>() {
  return <const List extends readonly RefusalReason<Slug>[]>(
    ...list: Exclude<RefusalReason<Slug>, List[number]> extends never ? List : [never]
  ): readonly RefusalReason<Slug>[] => list
}
