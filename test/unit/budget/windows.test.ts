import {
  BudgetEvents,
  composeWith,
  InMemoryBudgetEnforcer,
  MemoryLedger,
  replay,
  withBudget,
  withCostProfile,
  type BudgetOptions,
  type BudgetSpec,
  type HoldingEnforcer,
} from 'mcp-budget'
import { asyncEnforcer, FakeClock, faultyEnforcer, settle } from 'mcp-budget/testing'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { refusalData } from '../../../src/mcp/refusal.js'

const ok = { content: [] }
const SECOND = 1_000
const DAY = 86_400_000
/** Midnight in UTC, and an hour later than in Berlin. */
const MIDNIGHT = Date.UTC(2026, 10, 28)

const STORES = [
  ['at once', (memory: HoldingEnforcer) => memory],
  ['later', asyncEnforcer as (memory: HoldingEnforcer) => HoldingEnforcer],
] as const

/** A second before midnight, a price of 5, and the budgets that are asked for. */
function setUp(
  budget: BudgetSpec,
  options: Partial<BudgetOptions> & {
    store?: (memory: HoldingEnforcer) => unknown
    balances?: Record<string, number>
    now?: number
  } = {},
) {
  const { store = (memory) => memory, balances = { agent: 10 }, now = MIDNIGHT - SECOND, ...given } = options
  const clock = new FakeClock(now)
  const ledger = new MemoryLedger()
  const events = new BudgetEvents()
  const memory = new InMemoryBudgetEnforcer({ clock, ledger })
  for (const [name, credits] of Object.entries(balances)) memory.initialize(name, credits)
  const enforcer = store(memory) as BudgetOptions['enforcer']
  const step = withBudget({ enforcer, budget, clock, events, ...given })
  const meter = composeWith(clock, [withCostProfile({ defaultCost: 5, costs: { dear: 11 }, clock }), step])
  return {
    clock,
    memory,
    events,
    run: async (tool = 'any', forward: () => unknown = () => ok) => {
      const outcome = await meter.run({ tool }, forward)
      await settle()
      return outcome
    },
    opened: () => ledger.entries().filter((entry) => entry.kind === 'money' && entry.op === 'window').length,
    expectBalanced: (name = 'agent') => {
      const view = memory.describe(name)
      expect(view).toMatchObject(replay(ledger.entries()).get(view.budget)!)
    },
  }
}

const daily = { budget: 'agent', window: 'day' } as const

describe.each(STORES)('a budget with windows, in a store that answers %s,', (_, store) => {
  test('begins anew with each window, and what was left is burned [L-P14]', async () => {
    const { run, clock, memory, opened, expectBalanced } = setUp(daily, { store })
    await run()
    clock.advance(SECOND)
    for (let i = 0; i < 2; i++) expect(await run()).toMatchObject({ kind: 'result' })
    expect(memory.describe('agent')).toMatchObject({ available: 0, spent: 15, burned: 5, in: 20 })
    expect(opened()).toBe(1)
    expectBalanced()
  })

  test('is opened once by fifty first calls at once [I18, L-P14]', async () => {
    const { run, clock, memory, opened, expectBalanced } = setUp(daily, { store, balances: { agent: 100 } })
    await run()
    clock.advance(SECOND)
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => run()))
    expect(outcomes.filter(({ kind }) => kind === 'result')).toHaveLength(20)
    expect(opened()).toBe(1)
    expect(memory.describe('agent')).toMatchObject({ available: 0, held: 0, spent: 105, burned: 95, in: 200 })
    expectBalanced()
  })

  test('ends a call that crosses midnight in the window in which it began [L-P14, I18]', async () => {
    const { run, clock, memory, expectBalanced } = setUp(daily, { store, onFailure: 'release' })
    const ends: Array<(result: unknown) => void> = []
    const pending = () => new Promise((resolve) => ends.push(resolve))
    const calls = [run('any', pending), run('any', pending)]
    await settle()
    clock.advance(SECOND)
    await run()
    expect(memory.describe('agent')).toMatchObject({ available: 5, held: 10, spent: 5 })
    ends[0]!(ok)
    ends[1]!({ isError: true })
    await Promise.all(calls)
    // One was charged and one given back: neither took from the new day, nor gave to it.
    expect(memory.describe('agent')).toMatchObject({ available: 5, held: 0, spent: 10, burned: 5, in: 20 })
    expectBalanced()
  })

  test('leaves the debt of soft mode behind [L-P14]', async () => {
    const { run, clock, memory, expectBalanced } = setUp(daily, { store, mode: 'soft' })
    for (let i = 0; i < 3; i++) await run()
    expect(memory.describe('agent')).toMatchObject({ available: 0, debt: 5 })
    clock.advance(SECOND)
    await run()
    expect(memory.describe('agent')).toMatchObject({ available: 5, debt: 0 })
    expectBalanced()
  })

  test('is refused with the time of the next window, where that would help [L-P14, L-P20]', async () => {
    const { run } = setUp(daily, { store, refusalMemoryMs: 0 })
    for (let i = 0; i < 2; i++) await run()
    const refusals = [await run(), await run('dear')].map((each) => each.kind === 'refused' && each.refusal)
    expect(refusals).toMatchObject([
      { error: 'budget_exhausted', reason: 'exhausted', remaining: 0, retryable: false, resetAt: MIDNIGHT },
      { error: 'budget_exhausted', reason: 'exhausted', remaining: 0, retryable: false, resetAt: undefined },
    ])
    const sent = refusals.map((refusal) => refusalData(refusal as never))
    expect(sent[0]).toMatchObject({ reset_at: '2026-11-28T00:00:00.000Z', retryable: false })
    expect(sent[1]).not.toHaveProperty('reset_at')
  })

  test('is paid beside plain ones by the same call, or by none of them [L-P14, L-P16]', async () => {
    const { run, clock, memory } = setUp(
      [
        'agent',
        { budget: 'day', window: 'day' },
        { budget: 'month', window: { every: 'month', zone: 'Europe/Berlin' } },
        { budget: 'calls', unit: 'calls', window: 'hour' },
      ],
      { store, balances: { agent: 100, day: 10, month: 18, calls: 3 }, refusalMemoryMs: 0 },
    )
    const left = (): number[] => ['agent', 'day', 'month', 'calls'].map((name) => memory.describe(name).available)
    for (let i = 0; i < 2; i++) await run()
    expect(left()).toEqual([90, 0, 8, 1])
    expect(await run()).toMatchObject({ refusal: { budget: 'default/day', resetAt: MIDNIGHT } })
    expect(left()).toEqual([90, 0, 8, 1])
    clock.advance(SECOND)
    await run()
    expect(left()).toEqual([85, 5, 3, 2])
    // The first of December, in Berlin: an hour before it is in UTC.
    const december = Date.UTC(2026, 10, 30, 23)
    expect(await run()).toMatchObject({ refusal: { budget: 'default/month', remaining: 3, resetAt: december } })
    clock.advance(december - clock.now())
    for (let i = 0; i < 2; i++) expect(await run()).toMatchObject({ kind: 'result' })
    expect(left()).toEqual([75, 0, 8, 1])
  })

  test('has no children, and one with children is refused', async () => {
    const { run, memory, events } = setUp(daily, { store })
    const refused = vi.fn()
    events.on('refused', refused)
    memory.transfer({ id: 't', from: 'agent', to: 'child', amount: 1, create: true })
    expect(await run()).toMatchObject({ refusal: { error: 'budget_unavailable' } })
    expect(refused.mock.calls).toMatchObject([[{ refusal: { detail: 'windowed' } }]])
  })
})

describe('a refusal that is remembered', () => {
  test('is not repeated in the next window [L-P14]', async () => {
    const { run, clock } = setUp(daily, { store: asyncEnforcer, refusalMemoryMs: DAY })
    for (let i = 0; i < 2; i++) await run()
    for (let i = 0; i < 2; i++) expect(await run()).toMatchObject({ refusal: { resetAt: MIDNIGHT } })
    clock.advance(SECOND)
    expect(await run()).toMatchObject({ kind: 'result' })
  })
})

describe('approval of a call that a budget with windows pays', () => {
  test('is asked although the window that is over could not pay', async () => {
    const approve = vi.fn(() => true)
    const { run, clock } = setUp(daily, { approve })
    for (let i = 0; i < 2; i++) await run()
    clock.advance(SECOND)
    expect(await run()).toMatchObject({ kind: 'result' })
    expect(approve).toHaveBeenCalledTimes(3)
  })

  test('is not asked where a plain budget beside it cannot pay', async () => {
    const approve = vi.fn(() => true)
    const { run } = setUp([daily, 'plain'], { approve, balances: { agent: 10, plain: 4 } })
    expect(await run()).toMatchObject({ refusal: { budget: 'default/plain' } })
    expect(approve).not.toHaveBeenCalled()
  })

  test('may take longer than a window: the call is paid in that in which it goes on', async () => {
    let answer: (approved: boolean) => void = () => {}
    const budget = vi.fn(() => daily)
    const { run, clock, memory } = setUp(budget, { approve: () => new Promise((resolve) => (answer = resolve)) })
    const outcome = run()
    await settle()
    await clock.advanceAsync(3 * DAY)
    answer(true)
    expect(await outcome).toMatchObject({ kind: 'result' })
    const start = MIDNIGHT + 2 * DAY
    expect(memory.describe('agent')).toMatchObject({ spent: 5, window: { start, end: start + DAY } })
    // Who pays was decided before it was approved.
    expect(budget).toHaveBeenCalledTimes(1)
  })
})

describe('a function that names windows', () => {
  afterEach(() => vi.restoreAllMocks())

  test('has each compiled once, whether it returns the same object or a new one', async () => {
    const spec = { every: 'day', zone: 'Europe/Berlin' } as const
    const { run } = setUp((call) => ({ budget: 'agent', window: call.tool === 'new' ? { ...spec } : spec }), {
      balances: { agent: 1_000 },
    })
    const made = vi.spyOn(Intl, 'DateTimeFormat')
    for (let i = 0; i < 20; i++) await run(i % 2 === 0 ? 'new' : 'same')
    expect(made).toHaveBeenCalledTimes(1)
  })

  test('may name more than are kept: they are then compiled again [L-P23]', async () => {
    const zones = ['UTC', 'Asia/Tokyo'] as const
    let call = 0
    const window = (n: number) => ({ every: 'hour', minute: n % 50, zone: zones[Math.floor(n / 50) % 2]! }) as const
    const { run } = setUp(() => ({ budget: 'agent', window: call < 100 ? window(call) : 'day' }), {
      balances: { agent: 10_000 },
    })
    const made = vi.spyOn(Intl, 'DateTimeFormat')
    for (; call < 100; call++) await run()
    call = 0
    await run()
    expect(made).toHaveBeenCalledTimes(100)
    for (const each of [100, 0]) {
      call = each
      await run()
    }
    expect(made).toHaveBeenCalledTimes(102)
  })

  test('and names one that makes no sense refuses the call, and forwards nothing [I16]', async () => {
    const { run, memory } = setUp(() => ({ budget: 'agent', window: 'fortnight' as never }))
    expect(await run()).toMatchObject({ refusal: { error: 'step_failed' } })
    expect(memory.describe('agent')).toMatchObject({ available: 10 })
  })
})

describe('a store of four verbs', () => {
  const four = ({ check, spend, remaining, initialize }: HoldingEnforcer) => ({ check, spend, remaining, initialize })
  const bound = (memory: HoldingEnforcer) => ({
    check: memory.check.bind(memory),
    spend: memory.spend.bind(memory),
    remaining: memory.remaining.bind(memory),
    initialize: memory.initialize.bind(memory),
  })

  test.each([
    ['in hand', (memory: HoldingEnforcer) => bound(memory)],
    ['out of reach', (memory: HoldingEnforcer) => four(faultyEnforcer(memory, () => 'throw'))],
  ] as const)('that is %s takes no windows: the call is refused, and nothing is paid', async (_, store) => {
    const { run, events, memory } = setUp(daily, { store, failMode: { open: { limit: 100 } } })
    const refused = vi.fn()
    events.on('refused', refused)
    expect(await run()).toMatchObject({ refusal: { error: 'budget_unavailable' } })
    expect(refused.mock.calls).toMatchObject([[{ refusal: { detail: { code: 'not_supported' } } }]])
    expect(memory.describe('agent')).toMatchObject({ available: 10 })
  })
})

describe('a line', () => {
  test.each([
    [{ budget: 'agent', windows: 'day' }, 'windows'],
    [{ budget: 'agent', window: { every: 'day', tz: 'Europe/Berlin' } }, 'tz'],
  ])('%j with a setting that is none is refused as invalid_config', (line, name) => {
    expect(() => setUp(line as never)).toThrow(
      expect.objectContaining({ code: 'invalid_config', message: expect.stringContaining(name) }) as Error,
    )
  })
})
