import {
  composeWith,
  withBudget,
  withCostProfile,
  type BudgetEnforcer,
  type BudgetOptions,
  type EnforcerReason,
  type HoldingEnforcer,
} from 'mcp-budget'
import { FakeClock } from 'mcp-budget/testing'
import { describe, expect, test, vi } from 'vitest'

const RESET_AT = 1_800_000_060_000
const unauthorized = { error: 'unauthorized', reason: 'unauthorized', retryable: false }
const unavailable = { error: 'budget_unavailable', reason: 'budget_backend_error', retryable: true }
const exhausted = { error: 'budget_exhausted', retryable: false, remaining: 3, resetAt: RESET_AT }

/** What a caller is told for each reason a store may give; `detail` is for the operator only. */
const TOLD: Readonly<Record<EnforcerReason, object>> = {
  unknown_budget: { ...unauthorized, detail: 'unknown_budget' },
  not_descendant: { ...unauthorized, detail: 'not_descendant' },
  closed: { ...unauthorized, detail: 'closed' },
  revoked: { ...unauthorized, detail: 'revoked' },
  exhausted: { ...exhausted, reason: 'exhausted' },
  insufficient: { ...exhausted, reason: 'insufficient' },
  ceiling: { ...exhausted, reason: 'ceiling' },
  rate: { ...exhausted, reason: 'rate' },
  cross_partition: { error: 'cross_partition', reason: 'cross_partition', retryable: false },
  id_reused: { ...unavailable, detail: 'id_reused' },
  unknown_hold: { ...unavailable, detail: 'unknown_hold' },
  hold_ended: { ...unavailable, detail: 'hold_ended' },
  lease_forfeited: { ...unavailable, detail: 'lease_forfeited' },
  lease_open: { ...unavailable, detail: 'lease_open' },
  round_used: { error: 'invalid_request_state', reason: 'round_used', retryable: false },
  clock_skew: { ...unavailable, detail: 'clock_skew' },
  windowed: { ...unavailable, detail: 'windowed' },
  depth_exceeded: { ...unavailable, detail: 'depth_exceeded' },
  children_exceeded: { ...unavailable, detail: 'children_exceeded' },
  amount_exceeded: { ...unavailable, detail: 'amount_exceeded' },
  full: { ...unavailable, detail: 'full' },
  overflow: { ...unavailable, detail: 'overflow' },
}
const reasons = Object.entries(TOLD) as ReadonlyArray<readonly [EnforcerReason, object]>

/** A store that says no, the same way to whatever it is asked. */
function saysNo(reason?: EnforcerReason, remaining = 3): BudgetEnforcer {
  const no = { allowed: false, remaining, resetAt: RESET_AT, ...(reason === undefined ? {} : { reason }) } as const
  return { check: () => no, spend: () => no, remaining: () => remaining, initialize: () => {} }
}

function holding(reason: EnforcerReason): BudgetEnforcer {
  const hold: HoldingEnforcer['hold'] = () => {
    return { kind: 'refused', reason, budget: 'default/a', remaining: 3, resetAt: RESET_AT }
  }
  return { ...saysNo(reason), hold } as BudgetEnforcer
}

function setUp(enforcer: BudgetEnforcer, options: Partial<BudgetOptions> = {}) {
  const clock = new FakeClock()
  const forward = vi.fn(() => ({ content: [] }))
  const meter = composeWith(clock, [
    withCostProfile({ defaultCost: 5, clock }),
    withBudget({ enforcer, budget: 'a', clock, ...options }),
  ])
  return { forward, run: async () => meter.run({ tool: 't' }, forward) }
}

describe.each([
  ['a hold', holding, {}],
  ['a spend', saysNo, {}],
  ['a check before approval', saysNo, { approve: () => expect.unreachable() }],
] as const)('%s that the store refuses', (_, store, options) => {
  test.each(reasons)('as %s is told as it should be [I16, L-P2]', async (reason, told) => {
    const { run, forward } = setUp(store(reason), options)
    const outcome = await run()
    expect(outcome).toMatchObject({
      kind: 'refused',
      proves: 'not-run',
      refusal: { ...told, cost: 5, budget: 'default/a', tool: 't' },
    })
    if (!('remaining' in told)) expect(JSON.stringify(outcome)).not.toContain('remaining')
    expect(forward).not.toHaveBeenCalled()
  })
})

describe.each([
  ['a spend', {}],
  ['a check before approval', { approve: () => expect.unreachable() }],
] as const)('%s that the store refuses without a reason', (_, options) => {
  test.each([
    [0, 'exhausted'],
    [3, 'insufficient'],
  ])('with %i left is %s', async (remaining, reason) => {
    const { run } = setUp(saysNo(undefined, remaining), options)
    expect(await run()).toMatchObject({ refusal: { error: 'budget_exhausted', reason, remaining } })
  })
})

describe('soft mode, in a store of four verbs,', () => {
  const lacking = ['exhausted', 'insufficient', undefined]

  test.each([...reasons.map(([reason]) => reason), undefined])(
    'lets through for want of credits, and for nothing else: %s [L-S15, L-P2]',
    async (reason) => {
      const { run, forward } = setUp(saysNo(reason), { mode: 'soft' })
      const outcome = await run()
      if (!lacking.includes(reason)) {
        expect(outcome).toMatchObject({ kind: 'refused', refusal: TOLD[reason as EnforcerReason] })
        expect(forward).not.toHaveBeenCalled()
        return
      }
      // Nothing was debited, so nothing is said to be charged.
      expect(outcome).toMatchObject({ kind: 'result', charge: { held: 5, charged: 0, end: 'captured' } })
    },
  )
})

test.each([undefined, null, {}, 'yes', { allowed: 'no' }])(
  'a check before approval that answers %j decides nothing [L-P1]',
  async (nonsense) => {
    const approve = vi.fn(() => true)
    const spend = () => ({ allowed: true, remaining: 1 }) as const
    const { run } = setUp({ ...saysNo(), spend, check: () => nonsense as never }, { approve })
    expect(await run()).toMatchObject({ kind: 'result' })
    expect(approve).toHaveBeenCalledOnce()
  },
)
