import { describe, expect, test } from 'vitest'
import {
  BudgetEvents,
  composeWith,
  InMemoryBudgetEnforcer,
  withBudget,
  withCostProfile,
  type Authority,
  type BudgetEnforcer,
  type BudgetOptions,
  type CallMiddleware,
  type HoldingEnforcer,
} from 'mcp-budget'
import { asyncEnforcer, FakeClock, faultyEnforcer } from 'mcp-budget/testing'

const TOKEN: Authority = {
  tenant: 'default',
  budget: 'default/agent-1',
  registrations: [],
  prefixIds: ['root', 'mine'],
  nonce: 'n',
  issuedAt: 1_000,
  ceilings: [{ prefixId: 'mine', limit: 10 }],
  calls: [],
  rates: [],
}

/** A meter behind a step that says by which token a call is made. */
function open(
  store: (memory: InMemoryBudgetEnforcer) => BudgetEnforcer = (memory) => memory,
  options: Partial<BudgetOptions> = {},
) {
  const clock = new FakeClock()
  const memory = new InMemoryBudgetEnforcer({ clock })
  memory.initialize('agent-1', 100)
  const given = { authority: TOKEN as Authority | undefined }
  const token: CallMiddleware<unknown, { readonly authority: Authority | undefined }> = {
    name: 'token',
    gives: ['authority'],
    enter: (call) => ({ ...call, authority: given.authority }),
  }
  const budget = withBudget({ enforcer: store(memory), budget: 'agent-1', clock, storeTimeoutMs: 10, ...options })
  const meter = composeWith(clock, [token, withCostProfile({ defaultCost: 6, clock }), budget])
  const run = async () => {
    const outcome = await meter.run({ tool: 'search' }, () => ({ content: [] }))
    return outcome.kind === 'refused' ? outcome.refusal : outcome.kind
  }
  return { memory, given, run }
}

const bound = (memory: HoldingEnforcer): Record<string, unknown> =>
  Object.fromEntries(
    (['check', 'spend', 'remaining', 'initialize', 'hold', 'capture', 'release', 'extend', 'describe'] as const).map(
      (verb) => [verb, (memory[verb] as () => unknown).bind(memory)],
    ),
  )

describe('a call that is made by a token', () => {
  test.each([
    ['at once', (memory: HoldingEnforcer) => memory],
    ['later', asyncEnforcer],
  ])('is held against the token, where the store answers %s [T01]', async (_when, store) => {
    const { memory, run } = open(store)
    expect(await run()).toBe('result')
    const refused = { error: 'budget_exhausted', reason: 'ceiling', remaining: 4, budget: 'default/agent-1' }
    expect(await run()).toMatchObject(refused)
    expect(memory.describe('agent-1', TOKEN)).toMatchObject({ spent: 6, limits: { ceilings: [{ used: 6 }] } })
  })

  test('is a call like any other where no token is given', async () => {
    const { given, run } = open()
    given.authority = undefined
    for (let n = 0; n < 3; n++) expect(await run()).toBe('result')
  })

  test('is refused as a stranger’s when its token is revoked [T35, L-S42]', async () => {
    const { memory, run } = open()
    memory.revoke({ id: 'r', budget: 'agent-1', prefixId: 'mine' })
    expect(await run()).toMatchObject({ error: 'unauthorized', reason: 'unauthorized', detail: 'revoked' })
  })

  test.each([
    ['holds, but judges no tokens', (memory: InMemoryBudgetEnforcer) => bound(memory) as never],
    [
      'has four verbs',
      (memory: InMemoryBudgetEnforcer) => {
        const { check, spend, remaining, initialize } = bound(memory) as never as BudgetEnforcer
        return { check, spend, remaining, initialize }
      },
    ],
  ])('is refused by a store that %s, in soft mode too [L-P24]', async (_what, store) => {
    for (const mode of ['hard', 'soft'] as const) {
      const { memory, run } = open(store, { mode })
      const refused = { error: 'budget_unavailable', reason: 'budget_backend_error' }
      expect(await run()).toMatchObject({ ...refused, detail: { code: 'not_supported' } })
      expect(memory.remaining('agent-1')).toBe(100)
    }
  })

  test.each([
    ['hard', { mode: 'hard', failMode: { open: { limit: 1_000 } } }],
    ['soft', { mode: 'soft' }],
  ] as const)('does not pass while the store is out of reach, in %s mode [T01]', async (_mode, options) => {
    const { given, run } = open((memory) => faultyEnforcer(memory, () => 'throw'), options)
    const refused = { error: 'budget_unavailable', reason: 'budget_backend_error', retryable: true }
    expect(await run()).toMatchObject(refused)
    given.authority = undefined
    expect(await run()).toBe('result')
    given.authority = TOKEN
    expect(await run()).toMatchObject(refused)
  })

  test('is not told what another token was told [T35]', async () => {
    const { memory, given, run } = open(asyncEnforcer)
    memory.spend({ chargeId: 'c', budget: 'agent-1', tool: 't', cost: 95 })
    given.authority = { ...TOKEN, ceilings: [], prefixIds: ['root', 'wide'] }
    expect(await run()).toMatchObject({ reason: 'insufficient', remaining: 5 })
    given.authority = { ...TOKEN, ceilings: [{ prefixId: 'mine', limit: 7 }] }
    memory.grant({ id: 'g', budget: 'agent-1', amount: 10 })
    expect(await run()).toBe('result')
    given.authority = { ...TOKEN, ceilings: [], prefixIds: ['root', 'wide'] }
    expect(await run()).toBe('result')
  })

  test('is simulated by its budget alone in shadow mode', async () => {
    const events = new BudgetEvents()
    const told: unknown[] = []
    events.on('simulated', ({ refusal }) => void told.push(refusal?.reason ?? 'held'))
    const { memory, run } = open(undefined, { mode: 'shadow', events })
    for (let n = 0; n < 3; n++) expect(await run()).toBe('result')
    expect(told).toEqual(['held', 'held', 'held'])
    expect(memory.describe('agent-1', TOKEN)).toMatchObject({ spent: 0, limits: { ceilings: [{ used: 0 }] } })
  })
})
