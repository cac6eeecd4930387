import { refuse, REFUSALS } from 'mcp-budget'
import { describe, expect, test } from 'vitest'
import { BALANCE_META } from '../../src/budget/advisory.js'
import { META } from '../../src/mcp/wire.js'
import { TOKEN_ALIAS, TOKEN_META } from '../../src/mcp/credentials.js'
import { TOKEN_PREFIX } from '../../src/core/auth.js'
import { REASONS } from '../support/reasons.js'
import { REFUSAL_META, refusalText } from '../../src/mcp/refusal.js'

/*
 * What is on the wire: literals, in order of precedence. A program somewhere reads them, so a change here breaks it, and
 * belongs into the CHANGELOG and docs/reference/errors.md.
 */
const CODES = [
  // slug, up to 2025-11-25, 2026-07-28, whether trying again can help, reasons
  ['invalid_request', -32600, -32600, false, ['invalid_request', 'duplicate_id', 'missing_id', 'too_large']],
  [
    'invalid_params',
    -32602,
    -32602,
    false,
    ['related_task', 'invalid_name', 'invalid_arguments', 'unknown_parameter', 'invalid_key', 'unknown_task'],
  ],
  ['invalid_request_state', -32602, -32602, false, ['invalid_request_state', 'round_used']],
  ['unauthorized', -32001, 40100, false, ['unauthorized', 'ambiguous_credentials']],
  [
    'forbidden_tool',
    -32000,
    40200,
    false,
    ['forbidden_tool', 'definition_changed', 'argument_not_allowed', 'call_cost_exceeded'],
  ],
  [
    'unpriced_tool',
    -32000,
    40200,
    false,
    ['unpriced', 'ambiguous_tool_name', 'price_failed', 'price_timeout', 'invalid_price', 'invalid_arguments'],
  ],
  ['budget_exhausted', -32000, 40200, false, ['exhausted', 'insufficient', 'ceiling', 'rate']],
  ['duplicate_request', -32000, 40200, false, ['in_flight', 'already_ran']],
  ['idempotency_mismatch', -32000, 40200, false, ['idempotency_mismatch']],
  ['approval_required', -32000, 40200, true, ['approval_required', 'approval_failed']],
  [
    'delegation_failed',
    -32000,
    40200,
    false,
    [
      'delegation_failed',
      'exhausted',
      'insufficient',
      'ceiling',
      'rate',
      'depth_exceeded',
      'children_exceeded',
      'amount_exceeded',
      'too_large',
    ],
  ],
  ['cross_partition', -32000, 40200, false, ['cross_partition']],
  [
    'budget_unavailable',
    -32603,
    50300,
    true,
    ['budget_backend_error', 'open_limit_reached', 'pending_limit', 'audit_unavailable', 'keys_full'],
  ],
  ['step_failed', -32603, 50300, false, ['step_failed']],
]

const TITLES = {
  invalid_request: 'Invalid request',
  invalid_params: 'Invalid params',
  invalid_request_state: 'Invalid request state',
  unauthorized: 'Unauthorized',
  forbidden_tool: 'Forbidden tool',
  unpriced_tool: 'Unpriced tool',
  budget_exhausted: 'Budget exhausted',
  duplicate_request: 'Duplicate request',
  idempotency_mismatch: 'Idempotency mismatch',
  approval_required: 'Approval required',
  delegation_failed: 'Delegation failed',
  cross_partition: 'Cross partition',
  budget_unavailable: 'Budget unavailable',
  step_failed: 'Step failed',
}

type Row = readonly [slug: string, legacy: number, modern: number, retryable: boolean, reasons: readonly string[]]
const rows = Object.entries(REFUSALS).map(([slug, { legacy, modern, retryable }]): Row => [
  slug,
  legacy,
  modern,
  retryable,
  REASONS[slug as keyof typeof REFUSALS],
])

describe('refusals on the wire', () => {
  test('have these codes and reasons, in this order [L-S41, L-P19, L-P20]', () => {
    expect(rows).toEqual(CODES)
  })

  test('begin their texts with these words', () => {
    const refusals = Object.keys(TITLES).map((error) => refuse('x', { error, reason: 'x' } as never))
    const titles = refusals.map((refusal) => [refusal.error, refusalText(refusal).split(':')[0]])
    expect(Object.fromEntries(titles)).toEqual(TITLES)
    expect(Object.keys(TITLES)).toEqual(Object.keys(REFUSALS))
  })

  test('never have the code -32002, which an SDK rewrites to one that means "did not run" [L-S41]', () => {
    expect(rows.filter(([, legacy, modern]) => legacy === -32002 || modern === -32002)).toEqual([])
  })

  test('of our own are outside of what 2026-07-28 reserves [L-S41]', () => {
    const standard = [-32600, -32602]
    const ours = rows.map(([, , modern]) => modern).filter((code) => !standard.includes(code))
    expect(ours.filter((code) => code >= -32768 && code <= -32000)).toEqual([])
  })

  test('never have a code that proves to a meter further out that the call ran, or the other way round', () => {
    // A refused call did not run, whoever reads its code: but only the protocol's own codes say so.
    const notRun = [-32700, -32600, -32601, -32602]
    const saying = rows.filter(([, legacy]) => notRun.includes(legacy)).map(([slug]) => slug)
    expect(saying).toEqual(['invalid_request', 'invalid_params', 'invalid_request_state'])
  })
})

test('the keys in _meta are these', () => {
  expect([META, REFUSAL_META, BALANCE_META, TOKEN_META, TOKEN_ALIAS]).toEqual([
    'dev.mcp-budget/',
    'dev.mcp-budget/refusal',
    'dev.mcp-budget/balance',
    'dev.mcp-budget/token',
    'token',
  ])
})

test('a token begins so', () => expect(TOKEN_PREFIX).toBe('mcpb_'))
