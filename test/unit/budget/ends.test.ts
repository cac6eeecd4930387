import {
  BudgetError,
  BudgetEvents,
  composeWith,
  InMemoryBudgetEnforcer,
  MemoryLedger,
  report,
  withBudget,
  withCostProfile,
  withLedger,
  type BudgetOptions,
  type CaptureRequest,
  type CaptureResult,
  type HoldingEnforcer,
} from 'mcp-budget'
import { asyncEnforcer, FakeClock, fakeEnforcer, settle } from 'mcp-budget/testing'
import { describe, expect, test, vi } from 'vitest'

type Answer = (request: CaptureRequest, memory: InMemoryBudgetEnforcer) => CaptureResult

/** A budget of 100, a price of up to 50 that a result reports, and captures that the store may answer otherwise. */
function setUp(options: Partial<BudgetOptions> & { later?: boolean; heard?: boolean; answer?: Answer } = {}) {
  const { later = false, heard = true, answer, ...given } = options
  const clock = new FakeClock()
  const events = new BudgetEvents()
  const delayed = vi.fn()
  events.on('delayed', delayed)
  const held: string[] = []
  events.on('held', ({ call }) => void held.push(call.id))
  const memory = new InMemoryBudgetEnforcer({ clock })
  memory.initialize('a', 100)
  const captures: CaptureRequest[] = []
  const store = new Proxy<HoldingEnforcer>(memory, {
    get(_, verb: keyof HoldingEnforcer) {
      if (verb !== 'capture') return memory[verb].bind(memory)
      return (request: CaptureRequest) => {
        captures.push(request)
        return answer === undefined ? memory.capture(request) : answer(request, memory)
      }
    },
  })
  const enforcer = later ? asyncEnforcer(store) : store
  const budget = withBudget({
    enforcer,
    budget: 'a',
    clock,
    awaitCapture: true,
    ...(heard ? { events } : {}),
    ...given,
  })
  const prices = withCostProfile({ defaultCost: { max: 50, metered: { pointer: '/n' } }, clock })
  const meter = composeWith(clock, [prices, budget])
  return {
    clock,
    memory,
    budget,
    delayed,
    captures,
    held,
    run: async (forward: () => unknown = () => ({ n: 50 })) => meter.run({ tool: 't' }, forward),
  }
}

const settings = [
  ['at once', false, 'cap'],
  ['at once', false, 'debt'],
  ['later', true, 'cap'],
  ['later', true, 'debt'],
] as const

describe.each(settings)('a capture, in a store that answers %s (later: %s, overage: %s)', (_, later, overage) => {
  test('of a hold that somebody else ended is told of once, and not repeated [I4]', async () => {
    const { run, memory, budget, delayed, captures, held, clock } = setUp({ later, overage })
    const outcome = await run(() => {
      memory.release({ id: 'other', holdId: held[0] as string })
      return { n: 40 }
    })
    expect(outcome).toMatchObject({ kind: 'result', charge: { held: 50, charged: 40, end: 'captured' } })
    expect(delayed).toHaveBeenCalledExactlyOnceWith({
      chargeId: held[0],
      attempt: 1,
      givenUp: true,
      cause: 'hold_ended',
    })
    await clock.advanceAsync(60_000)
    expect(captures).toHaveLength(1)
    expect(budget.pending).toBe(0)
  })

  test('that the store will not take at all is told of once, and not repeated [I4]', async () => {
    const error = new BudgetError({ code: 'not_supported', message: 'no captures today' })
    const { run, budget, delayed, captures, clock } = setUp({
      later,
      overage,
      answer: () => {
        throw error
      },
    })
    expect(await run()).toMatchObject({ charge: { held: 50, charged: 50, end: 'captured' } })
    await clock.advanceAsync(60_000)
    expect(delayed).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ givenUp: true, cause: error }))
    expect(captures).toHaveLength(1)
    expect(budget.pending).toBe(0)
  })

  test('that no balance can take is cut to the hold once, and then given up [T19]', async () => {
    const { run, delayed, captures, budget } = setUp({
      later,
      overage,
      answer: () => ({ kind: 'refused', reason: 'overflow' }),
    })
    await run()
    expect(captures.map((request) => request.overage)).toEqual(overage === 'cap' ? ['cap'] : ['debt', 'cap'])
    expect(new Set(captures.map(({ id }) => id)).size).toBe(captures.length)
    expect(delayed).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ givenUp: true, cause: 'overflow' }))
    expect(budget.pending).toBe(0)
  })

  test('that is given up changes nothing for the caller where nobody listens', async () => {
    const { run } = setUp({ later, overage, heard: false, answer: () => ({ kind: 'refused', reason: 'closed' }) })
    expect(await run()).toMatchObject({ kind: 'result', charge: { held: 50, charged: 50 } })
  })

  test.each([-100, Number.NaN, '0', null, 1.5])(
    'whose answer names %s, which is no amount, charges what was asked for [T18]',
    async (charged) => {
      const { run } = setUp({ later, overage, answer: () => ({ kind: 'captured', charged, late: false }) as never })
      expect(await run(() => ({ n: 40 }))).toMatchObject({ charge: { held: 50, charged: 40, end: 'captured' } })
    },
  )

  test('says whose call it is, for a store that has never seen the hold [L-P18]', async () => {
    const { run, captures } = setUp({ later, overage })
    await run()
    expect(captures).toMatchObject([{ meta: { tool: 't' }, lines: [{ budget: 'default/a', amount: 50 }] }])
  })
})

test('each extension of a hold has an id of its own, so that no store takes the second for the first [I5]', async () => {
  const clock = new FakeClock()
  const enforcer = fakeEnforcer({ remaining: 10, async: true, clock })
  const meter = composeWith(clock, [withCostProfile({ defaultCost: 5 }), withBudget({ enforcer, budget: 'a', clock })])
  let answer: (result: unknown) => void = () => {}
  const outcome = meter.run({ tool: 't' }, () => new Promise((resolve) => (answer = resolve)))
  await clock.advanceAsync(300_000)
  answer({ content: [] })
  await outcome
  const extensions = enforcer.calls.filter(({ verb }) => verb === 'extend').map(({ args }) => args[0] as { id: string })
  expect(extensions.length).toBeGreaterThan(3)
  expect(new Set(extensions.map(({ id }) => id)).size).toBe(extensions.length)
})

test('an end that fails later than the result of its call is still told of', async () => {
  const { run, delayed } = setUp({
    later: true,
    awaitCapture: false,
    answer: () => ({ kind: 'refused', reason: 'hold_ended' }),
  })
  expect(await run()).toMatchObject({ charge: { end: 'captured' } })
  await settle()
  expect(delayed).toHaveBeenCalledOnce()
})

test.each(['capture', 'release'] as const)(
  'an end that waits is posted once, and not before the store has answered to it (onExpire: %s) [I4, L-P18]',
  async (onExpire) => {
    let store: 'down' | 'silent' | 'back' = 'down'
    const { run, memory, budget, clock } = setUp({
      onExpire,
      answer: (request, real) => {
        if (store === 'down') throw new Error('down')
        return store === 'silent' ? (undefined as never) : real.capture(request)
      },
    })
    await run()
    expect(budget.pending).toBe(1)
    store = 'silent'
    await clock.advanceAsync(5_000)
    expect(budget.pending).toBe(1)
    store = 'back'
    await clock.advanceAsync(40_000)
    expect(budget.pending).toBe(0)
    expect(memory.describe('a')).toMatchObject({ available: 50, held: 0, spent: 50 })
    await clock.advanceAsync(600_000)
    expect(memory.describe('a')).toMatchObject({ available: 50, held: 0, spent: 50 })
  },
)

test.each([
  ['at once', false, false],
  ['later', true, false],
  ['later, and is waited for', true, true],
])('a call paid as one call is charged its price, in a store that answers %s', async (_, later, awaitCapture) => {
  const clock = new FakeClock()
  const memory = new InMemoryBudgetEnforcer({ clock })
  memory.initialize('calls', 10)
  const ledger = new MemoryLedger()
  const enforcer = later ? asyncEnforcer(memory) : memory
  const meter = composeWith(clock, [
    withLedger({ ledger, clock }),
    withCostProfile({ defaultCost: 5, clock }),
    withBudget({ enforcer, budget: { budget: 'calls', unit: 'calls' }, clock, awaitCapture }),
  ])
  const outcome = await meter.run({ tool: 't' }, () => ({ content: [] }))
  expect(outcome.charge).toEqual({ held: 5, charged: 5, end: 'captured' })
  await settle()
  expect(report(ledger.entries()).byTool.get('t')?.charged).toBe(5)
  expect(memory.describe('calls')).toMatchObject({ available: 9, held: 0, spent: 1 })
})
