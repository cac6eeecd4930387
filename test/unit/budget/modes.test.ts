import {
  BudgetEvents,
  composeWith,
  InMemoryBudgetEnforcer,
  isCredits,
  withBudget,
  withCostProfile,
  type BudgetOptions,
  type CallInput,
  type HoldingEnforcer,
  type HoldRequest,
  type HoldResult,
} from 'mcp-budget'
import { asyncEnforcer, FakeClock, fakeEnforcer, faultyEnforcer, settle } from 'mcp-budget/testing'
import { describe, expect, test, vi } from 'vitest'

const ok = Object.freeze({ content: Object.freeze([]) })

function setUp(
  options: Partial<BudgetOptions> & { credits?: number; store?: (memory: HoldingEnforcer) => HoldingEnforcer },
) {
  const { credits = 10, store = (memory) => memory, ...given } = options
  const clock = new FakeClock()
  const events = new BudgetEvents()
  const told: Array<readonly [string, Record<string, unknown>]> = []
  for (const name of ['held', 'charged', 'refused', 'overdrawn', 'outage', 'recovered', 'delayed', 'fault'] as const) {
    events.on(name, (event) => void told.push([name, event as never]))
  }
  const memory = new InMemoryBudgetEnforcer({ clock })
  memory.initialize('a', credits)
  const budget = withBudget({ enforcer: store(memory), budget: 'a', clock, events, ...given })
  const meter = composeWith(clock, [withCostProfile({ defaultCost: 5, clock }), budget])
  return {
    clock,
    memory,
    told,
    budget,
    named: (name: string) => told.filter(([each]) => each === name).map(([, event]) => event),
    run: (more: Partial<CallInput> = {}, forward: (call: unknown) => unknown = () => ok) =>
      meter.run({ tool: 'search', ...more }, forward),
    balance: () => {
      const { available, held, spent, debt } = memory.describe('a')
      return { available, held, spent, debt }
    },
  }
}

describe('hard mode', () => {
  test('denies what the budget cannot pay, and forwards nothing [seed-001:mode-hard, L-P30]', async () => {
    const { run, balance, named } = setUp({ credits: 12 })
    const forward = vi.fn(() => ok)
    for (let i = 0; i < 4; i++) await run({}, forward)
    expect(forward).toHaveBeenCalledTimes(2)
    expect(balance()).toEqual({ available: 2, held: 0, spent: 10, debt: 0 })
    expect(await run()).toMatchObject({
      kind: 'refused',
      refusal: { error: 'budget_exhausted', reason: 'insufficient', cost: 5, remaining: 2, retryable: false },
    })
    expect(named('refused').every((event) => event['enforced'] === true)).toBe(true)
  })

  test('is what nothing in a call can choose away [T50]', async () => {
    const { run, balance } = setUp({ credits: 0 })
    const wishes = [
      { mode: 'shadow' },
      { mode: 'soft', overdraft: true },
      { 'dev.mcp-budget/mode': 'soft' },
      { 'dev.mcp-budget/balance': { remaining: 1_000, mode: 'shadow' } },
      { 'dev.mcp-budget/cost': { credits: 0 } },
      { budget: 'b', priority: 'high', failMode: 'open' },
      JSON.parse('{"__proto__":{"mode":"soft"}}') as object,
    ]
    for (const wish of wishes) {
      const given = wish as Record<string, unknown>
      const forward = vi.fn(() => ok)
      for (const call of [{ args: given }, { meta: given }, { args: given, meta: given }, { ...given }]) {
        expect(await run({ ...call, tool: 'search' }, forward)).toMatchObject({ kind: 'refused' })
      }
      expect(forward).not.toHaveBeenCalled()
    }
    expect(balance()).toEqual({ available: 0, held: 0, spent: 0, debt: 0 })
  })

  test('hands the very result on where a store tells of no debt', async () => {
    const { run } = setUp({
      store: (memory) =>
        new Proxy(memory, {
          get(_, verb: keyof HoldingEnforcer) {
            if (verb !== 'hold') return memory[verb].bind(memory)
            return (request: HoldRequest) => ({ ...(memory.hold(request) as HoldResult), debt: undefined })
          },
        }),
    })
    const outcome = await run()
    expect(outcome.kind === 'result' && outcome.result).toBe(ok)
  })

  test('knows no number that means unlimited [L-S18]', async () => {
    const memory = new InMemoryBudgetEnforcer()
    for (const credits of [-1, Infinity, Number.NaN]) expect(() => memory.initialize('b', credits)).toThrow()
    memory.initialize('none', 0)
    expect(isCredits(memory.remaining('none'))).toBe(true)
    const meter = composeWith(new FakeClock(), [
      withCostProfile({ defaultCost: 1 }),
      withBudget({ enforcer: memory, budget: 'none' }),
    ])
    expect(await meter.run({ tool: 't' }, () => ok)).toMatchObject({ refusal: { reason: 'exhausted', remaining: 0 } })
  })
})

describe.each(['at once', 'later'])('soft mode, in a store that answers %s,', (when) => {
  const store = (memory: HoldingEnforcer) => (when === 'later' ? asyncEnforcer(memory) : memory)

  test('lets through what the budget cannot pay, and it is owed [L-S15, L-S16, seed-001:mode-soft]', async () => {
    const { run, balance, named } = setUp({ mode: 'soft', credits: 7, store })
    for (let i = 0; i < 3; i++) expect(await run()).toMatchObject({ kind: 'result' })
    await settle()
    expect(balance()).toEqual({ available: 0, held: 0, spent: 15, debt: 8 })
    expect(named('overdrawn')).toMatchObject([
      { cost: 5, debt: 3 },
      { cost: 5, debt: 5 },
    ])
    expect(named('refused')).toEqual([])
  })

  test('says so in the result, in a copy, and only there where something is owed', async () => {
    const { run } = setUp({ mode: 'soft', credits: 5, store })
    const within = await run()
    expect(within.kind === 'result' && within.result).toBe(ok)
    const result = Object.freeze({
      content: [],
      _meta: Object.freeze({ mine: 1 }),
      structuredContent: { big: 2 ** 60 },
    })
    const outcome = await run({}, () => result)
    expect(outcome).toMatchObject({
      kind: 'result',
      result: {
        content: [],
        structuredContent: { big: 2 ** 60 },
        _meta: {
          mine: 1,
          'dev.mcp-budget/balance': { remaining: 0, mode: 'soft', advisory: expect.stringContaining('5 credits') },
        },
      },
    })
    expect(result._meta).toEqual({ mine: 1 })
  })

  test('repays the debt first when a hold or a grant comes in', async () => {
    const { run, balance, memory } = setUp({ mode: 'soft', credits: 3, store })
    const error = Object.assign(new Error('no'), { code: -32603 })
    await run({}, () => Promise.reject(error))
    await settle()
    expect(balance()).toEqual({ available: 0, held: 0, spent: 5, debt: 2 })
    memory.grant({ id: 'g', budget: 'a', amount: 10 })
    expect(balance()).toEqual({ available: 8, held: 0, spent: 5, debt: 0 })
  })

  test('owes nothing for a call that did not run', async () => {
    const { run, balance } = setUp({ mode: 'soft', credits: 3, store, onFailure: 'release' })
    await run({}, () => Promise.reject(new Error('no')))
    await settle()
    expect(balance()).toEqual({ available: 3, held: 0, spent: 0, debt: 0 })
  })

  test('still refuses who has no budget at all [L-P2]', async () => {
    const { run } = setUp({ mode: 'soft', budget: 'nobody', store })
    expect(await run()).toMatchObject({ kind: 'refused', refusal: { error: 'unauthorized' } })
  })

  test('lets through while the store is out of reach, and posts it later [L-S15]', async () => {
    const down = { now: true }
    const { run, balance, clock, budget, named } = setUp({
      mode: 'soft',
      store: (memory) => faultyEnforcer(store(memory), () => (down.now ? 'throw' : undefined)),
    })
    for (let i = 0; i < 3; i++) expect(await run()).toMatchObject({ kind: 'result' })
    expect(named('refused')).toEqual([])
    expect(budget.pending).toBe(3)
    down.now = false
    await clock.advanceAsync(60_000)
    expect(budget.pending).toBe(0)
    expect(balance()).toEqual({ available: 0, held: 0, spent: 15, debt: 5 })
  })
})

describe('shadow mode', () => {
  test('lets everything through and debits nothing [L-S15, I19, seed-001:mode-shadow]', async () => {
    const { run, balance, named } = setUp({ mode: 'shadow', credits: 12 })
    const forward = vi.fn(() => ok)
    for (let i = 0; i < 4; i++) {
      const outcome = await run({}, forward)
      expect(outcome).toMatchObject({ kind: 'result', result: ok })
    }
    expect(forward).toHaveBeenCalledTimes(4)
    expect(balance()).toEqual({ available: 12, held: 0, spent: 0, debt: 0 })
    // What hard mode would have refused: the third and the fourth.
    expect(named('refused')).toMatchObject([
      { enforced: false, refusal: { error: 'budget_exhausted', reason: 'insufficient', remaining: 2 } },
      { enforced: false, refusal: { error: 'budget_exhausted' } },
    ])
  })

  test('decides in the same tick and hands the very result on, whatever the store does [I19, R5]', () => {
    const stores: ReadonlyArray<(memory: HoldingEnforcer) => HoldingEnforcer> = [
      (memory) => memory,
      asyncEnforcer,
      (memory) => faultyEnforcer(memory, () => 'throw'),
      (memory) => faultyEnforcer(memory, () => 'drop'),
      (memory) => faultyEnforcer(memory, () => ({ nonsense: undefined })),
    ]
    for (const store of stores) {
      const { run } = setUp({ mode: 'shadow', credits: 0, store })
      const outcome = run()
      expect(outcome).toMatchObject({ kind: 'result' })
      expect((outcome as { result?: unknown }).result).toBe(ok)
    }
  })

  test('asks the real store for its balance only, and once [L-S15]', async () => {
    const fake = fakeEnforcer({ remaining: 10 })
    const { run } = setUp({ mode: 'shadow', store: () => fake })
    for (let i = 0; i < 5; i++) await run()
    expect(fake.calls.map((call) => call.verb)).toEqual(['describe'])
  })

  test('shows a budget that does not exist as refused', async () => {
    const { run, named } = setUp({ mode: 'shadow', budget: 'nobody' })
    expect(await run()).toMatchObject({ kind: 'result' })
    expect(named('refused')).toMatchObject([{ enforced: false, refusal: { error: 'unauthorized' } }])
  })

  test.each([
    ['at once', (memory: HoldingEnforcer) => memory],
    ['later', asyncEnforcer],
  ] as const)('begins a budget when a store that answers %s tells of it, whatever failed before', async (_, later) => {
    const simulated = new InMemoryBudgetEnforcer()
    let down = true
    const store = (memory: HoldingEnforcer) => faultyEnforcer(later(memory), () => (down ? 'throw' : undefined))
    const { run, named } = setUp({ mode: 'shadow', store, shadow: { enforcer: simulated } })
    await run()
    await settle()
    // As hard mode would refuse it.
    expect(named('refused')).toMatchObject([{ enforced: false, refusal: { error: 'budget_unavailable' } }])
    down = false
    for (let i = 0; i < 2; i++) await run()
    await settle()
    expect(simulated.describe('a')).toMatchObject({ available: 0, spent: 10 })
    expect(named('refused')).toHaveLength(1)
  })

  test('asks nobody for approval', async () => {
    const approve = vi.fn(() => false)
    const { run } = setUp({ mode: 'shadow', approve })
    expect(await run()).toMatchObject({ kind: 'result' })
    expect(approve).not.toHaveBeenCalled()
  })

  test.each([
    ['at once', (memory: HoldingEnforcer) => memory],
    ['later', asyncEnforcer],
  ] as const)('simulates in a store of one’s own that answers %s, where every hold ends [I4]', async (_, later) => {
    const simulated = new InMemoryBudgetEnforcer()
    const { run, balance } = setUp({ mode: 'shadow', credits: 12, shadow: { enforcer: later(simulated) } })
    for (let i = 0; i < 4; i++) await run()
    await settle()
    await settle()
    expect(simulated.describe('a')).toMatchObject({ available: 2, spent: 10, held: 0, openHolds: 0 })
    expect(balance()).toMatchObject({ available: 12, spent: 0 })
  })

  test('simulates what a real store that answers later has, once it has said so', async () => {
    const simulated = new InMemoryBudgetEnforcer()
    const { run, named } = setUp({
      mode: 'shadow',
      credits: 12,
      store: asyncEnforcer,
      shadow: { enforcer: simulated },
    })
    for (let i = 0; i < 4; i++) void run()
    await settle()
    await settle()
    expect(simulated.describe('a')).toMatchObject({ spent: 10, held: 0 })
    expect(named('refused')).toHaveLength(2)
  })

  test.each([
    ['at once', (memory: HoldingEnforcer) => memory],
    ['later', asyncEnforcer],
  ] as const)('goes on with what a store of one’s own has already, and answers %s', async (_, later) => {
    for (const store of [(memory: HoldingEnforcer) => memory, asyncEnforcer]) {
      const simulated = new InMemoryBudgetEnforcer()
      simulated.initialize('a', 5)
      const { run, named } = setUp({ mode: 'shadow', credits: 100, store, shadow: { enforcer: later(simulated) } })
      for (let i = 0; i < 2; i++) {
        await run()
        await settle()
        await settle()
      }
      expect(simulated.describe('a')).toMatchObject({ available: 0, spent: 5, held: 0 })
      expect(named('refused')).toHaveLength(1)
    }
  })

  test('gives back in the simulation what did not run [I17]', async () => {
    const simulated = new InMemoryBudgetEnforcer()
    const { run } = setUp({ mode: 'shadow', credits: 12, shadow: { enforcer: simulated }, onFailure: 'release' })
    await run({}, () => Promise.reject(new Error('no')))
    expect(simulated.describe('a')).toMatchObject({ available: 12, held: 0 })
  })

  test('says that nothing was charged', async () => {
    const { run } = setUp({ mode: 'shadow' })
    expect(await run()).toMatchObject({ charge: { held: 0, charged: 0 } })
  })
})
