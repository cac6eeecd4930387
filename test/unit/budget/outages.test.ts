import {
  BudgetEvents,
  composeWith,
  InMemoryBudgetEnforcer,
  MemoryLedger,
  withBudget,
  withCostProfile,
  type BudgetOptions,
  type CallOutcome,
} from 'mcp-budget'
import { asyncEnforcer, FakeClock, faultyEnforcer, settle, type EnforcerFault, type Verb } from 'mcp-budget/testing'
import { describe, expect, test, vi } from 'vitest'

const ok = { content: [] }
const lost: CallOutcome = { kind: 'lost', cause: 'closed', proves: 'unknown' }
const report = (n: number) => ({ content: [], n })
const open = (limit: number) => ({ failMode: { open: { limit } } })

/** 100 credits, a price of 5 that a result may report otherwise, and a store that goes wrong while `plan.fault` says so. */
function setUp(
  options: Partial<BudgetOptions> & { later?: boolean; fault?: (verb: Verb) => EnforcerFault | undefined },
) {
  const { later = false, fault, ...given } = options
  const clock = new FakeClock()
  const events = new BudgetEvents()
  const told = { outage: vi.fn(), recovered: vi.fn(), delayed: vi.fn(), held: vi.fn() }
  for (const [name, listener] of Object.entries(told)) events.on(name as keyof typeof told, listener)
  const ledger = new MemoryLedger()
  const memory = new InMemoryBudgetEnforcer({ clock, ledger })
  memory.initialize('a', 100)
  const plan: { fault: typeof fault } = { fault }
  const asked: Verb[] = []
  const judge = (verb: Verb): EnforcerFault | undefined => {
    asked.push(verb)
    return plan.fault?.(verb)
  }
  const faulty = faultyEnforcer(memory, judge, clock)
  const ending: { as: CallOutcome | undefined } = { as: undefined }
  const budget = withBudget({ enforcer: later ? asyncEnforcer(faulty) : faulty, budget: 'a', clock, events, ...given })
  const meter = composeWith(clock, [
    withCostProfile({ defaultCost: 5, costs: { metered: { max: 5, metered: { pointer: '/n' }, unknown: 2 } }, clock }),
    budget,
    { name: 'ending', leave: (_call, outcome) => ending.as ?? outcome },
  ])
  return {
    clock,
    ledger,
    memory,
    plan,
    ending,
    budget,
    told,
    meter,
    asks: (verb: Verb) => asked.filter((each) => each === verb).length,
    run: async (tool = 'search', forward: () => unknown = () => ok) => {
      let ended = false
      const outcome = Promise.resolve(meter.run({ tool }, forward)).finally(() => (ended = true))
      for (let i = 0; i < 40 && !ended; i++) await clock.advanceAsync(25)
      return outcome
    },
    balance: () => {
      const { available, held, spent, debt } = memory.describe('a')
      return { available, held, spent, debt }
    },
    back: async () => {
      plan.fault = undefined
      await clock.advanceAsync(60_000)
    },
  }
}

describe('a call that passed while the store was out of reach', () => {
  const ends: ReadonlyArray<
    readonly [string, Partial<BudgetOptions>, { n?: number; as?: CallOutcome }, { charged: number }]
  > = [
    ['reports less than the price', {}, { n: 3 }, { charged: 3 }],
    ['reports more, where that is cut', { overage: 'cap' }, { n: 9 }, { charged: 5 }],
    ['reports more, where that is owed', { overage: 'debt' }, { n: 9 }, { charged: 9 }],
    ['ends without an answer, and holds are captured', { onExpire: 'capture' }, { n: 3, as: lost }, { charged: 5 }],
    ['ends without an answer, and holds are given back', { onExpire: 'release' }, { n: 3, as: lost }, { charged: 0 }],
  ]
  for (const fault of ['throw', 'lose'] as const) {
    test.each(ends)(
      `and %s is charged that when its hold is known to nobody (${fault}) [I6, I7, I16, L-P18]`,
      async (_, options, { n, as }, { charged }) => {
        const { run, ending, budget, back, balance, memory, told } = setUp({
          ...options,
          ...open(100),
          fault: (verb) => (verb === 'hold' ? fault : 'throw'),
        })
        ending.as = as
        const outcome = await run('metered', () => report(n ?? 5))
        expect(outcome.charge).toMatchObject({ held: 5, charged, end: 'pending' })
        expect(budget.pending).toBe(1)
        expect(told.delayed).toHaveBeenCalledWith(
          expect.objectContaining({ attempt: 1, givenUp: false, cause: expect.stringContaining('outage') }),
        )
        await back()
        expect(budget.pending).toBe(0)
        expect(balance()).toEqual({ available: 100 - charged, held: 0, spent: charged, debt: 0 })
        expect(memory.describe('a').openHolds).toBe(0)
      },
    )
  }

  test('stands in the ledger under its tool', async () => {
    const { run, back, ledger } = setUp({ ...open(100), fault: () => 'throw' })
    await run('search')
    await back()
    expect(ledger.entries({ kind: 'money', tool: 'search' })).toMatchObject([
      { op: 'late', budget: 'default/a', available: -5, held: 0, spent: 5 },
    ])
  })

  test('leaves the rest of the limit, and tells of it', async () => {
    const { run, told } = setUp({ ...open(12), fault: () => 'throw' })
    await run()
    await run()
    expect(told.held.mock.calls.map(([event]) => (event as { remaining: number }).remaining)).toEqual([7, 2])
  })
})

describe('an outage', () => {
  test('is over with the first hold that is answered, and what waits is posted at once', async () => {
    const { run, plan, clock, budget, told, balance } = setUp({ ...open(100), fault: () => 'throw' })
    await run()
    await run()
    // By now the outbox waits half a minute between its tries.
    await clock.advanceAsync(92_000)
    expect(budget.pending).toBe(2)
    plan.fault = undefined
    expect(await run()).toMatchObject({ charge: { end: 'captured' } })
    expect(budget.pending).toBe(0)
    expect(told.recovered).toHaveBeenCalledExactlyOnceWith({ posted: 2, failed: 0 })
    expect(balance()).toEqual({ available: 85, held: 0, spent: 15, debt: 0 })
  })

  test('that is over leaves every call to the store again [I16]', async () => {
    const { run, back, asks, told } = setUp({ ...open(100), fault: () => 'throw' })
    await run()
    await back()
    const before = asks('hold')
    for (let i = 0; i < 3; i++) expect(await run()).toMatchObject({ charge: { charged: 5, end: 'captured' } })
    expect(asks('hold')).toBe(before + 3)
    expect(told.recovered).toHaveBeenCalledOnce()
  })

  test('is not over when there is nothing to flush', async () => {
    const { meter, plan, budget, told, run } = setUp({ ...open(10), fault: () => 'throw' })
    let answer: (result: unknown) => void = () => {}
    const first = Promise.resolve(meter.run({ tool: 't' }, () => new Promise((resolve) => (answer = resolve))))
    await budget.flush()
    expect(told.recovered).not.toHaveBeenCalled()
    expect(await run()).toMatchObject({ kind: 'result', charge: { end: 'pending' } })
    expect(await run()).toMatchObject({ refusal: { reason: 'open_limit_reached' } })
    plan.fault = undefined
    answer(ok)
    await first
  })

  test('asks a store that is due for a try once, however many calls come together [T47]', async () => {
    const { meter, clock, asks, run } = setUp({ ...open(1_000), later: true, fault: () => 'drop' })
    await run()
    const before = asks('hold')
    await clock.advanceAsync(1_000)
    const outcomes = Array.from({ length: 10 }, async () => meter.run({ tool: 't' }, () => ok))
    await settle()
    expect(asks('hold')).toBe(before + 1)
    await clock.advanceAsync(1_000)
    const passed = { kind: 'result', charge: { held: 5, charged: 5, end: 'pending' } }
    expect(await Promise.all(outcomes)).toMatchObject(Array.from({ length: 10 }, () => passed))
  })

  test('tells how much was posted, and how much the store would not take', async () => {
    const { run, back, told } = setUp({
      ...open(100),
      budget: (call) => (call.tool === 'stranger' ? 'nobody' : 'a'),
      fault: () => 'throw',
    })
    for (const tool of ['t', 'stranger']) expect(await run(tool)).toMatchObject({ kind: 'result' })
    await back()
    expect(told.recovered).toHaveBeenCalledExactlyOnceWith({ posted: 1, failed: 1 })
    expect(told.delayed).toHaveBeenCalledWith(expect.objectContaining({ givenUp: true, cause: 'unknown_budget' }))
  })

  test('that is closed ends with the store: each call asks it anew [I16]', async () => {
    const { run, plan, told } = setUp({ fault: () => 'throw' })
    expect(await run()).toMatchObject({ refusal: { error: 'budget_unavailable' } })
    plan.fault = undefined
    expect(await run()).toMatchObject({ kind: 'result', charge: { charged: 5, end: 'captured' } })
    expect(told.outage).toHaveBeenCalledOnce()
    expect(told.recovered).toHaveBeenCalledOnce()
  })

  test('never has more than its limit under way, also where calls outlast it [I16]', async () => {
    const { meter, plan, clock, run } = setUp({ ...open(10), fault: () => 'throw' })
    const pending = () => void meter.run({ tool: 't' }, () => new Promise(() => {}))
    pending()
    pending()
    await clock.advanceAsync(1_000)
    plan.fault = undefined
    await run()
    plan.fault = () => 'throw'
    expect(await run()).toMatchObject({ refusal: { reason: 'open_limit_reached' } })
  })
})

test('a second outage has its whole limit, also where a call outlasted the first [I16]', async () => {
  const { meter, plan, clock, run, balance } = setUp({ ...open(5), fault: () => 'throw' })
  let answer: (result: unknown) => void = () => {}
  const long = meter.run({ tool: 'long' }, () => new Promise((resolve) => (answer = resolve)))
  plan.fault = undefined
  await clock.advanceAsync(1_500)
  expect(await run()).toMatchObject({ charge: { end: 'captured' } })
  answer(ok)
  expect(await long).toMatchObject({ charge: { end: 'pending' } })
  await clock.advanceAsync(60_000)
  expect(balance()).toEqual({ available: 90, held: 0, spent: 10, debt: 0 })
  plan.fault = () => 'throw'
  expect(await run()).toMatchObject({ kind: 'result', charge: { end: 'pending' } })
  expect(await run()).toMatchObject({ refusal: { reason: 'open_limit_reached' } })
})

describe('the outbox', () => {
  test('waits on one timer, however much is added while it waits', async () => {
    const { run, clock } = setUp({ ...open(1_000), fault: () => 'throw' })
    await run()
    const before = clock.timers
    for (let i = 0; i < 10; i++) await run()
    expect(clock.timers).toBe(before)
  })
})

test('ends that wait are not tried again with every call that the store answers', async () => {
  const { run, asks, budget } = setUp({ fault: (verb) => (verb === 'capture' ? 'throw' : undefined) })
  for (let i = 0; i < 5; i++) await run()
  expect(budget.pending).toBe(5)
  // Each its own two tries.
  expect(asks('capture')).toBe(10)
})

describe('an end that does not go through at once', () => {
  test.each([
    ['at once', false, false, 'pending'],
    ['later, and is waited for', true, true, 'pending'],
    ['later', true, false, 'captured'],
  ])('of a store that answers %s is told as it is known then', async (_, later, awaitCapture, end) => {
    const { run, budget, back, balance, told } = setUp({
      later,
      awaitCapture,
      fault: (verb) => (verb === 'capture' ? 'throw' : undefined),
    })
    expect(await run()).toMatchObject({ charge: { held: 5, charged: 5, end } })
    expect(budget.pending).toBe(1)
    await back()
    expect(balance()).toEqual({ available: 95, held: 0, spent: 5, debt: 0 })
    // There was no outage: every call was held.
    expect(told.recovered).not.toHaveBeenCalled()
  })
})
