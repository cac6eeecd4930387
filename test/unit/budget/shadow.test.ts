import {
  BudgetEvents,
  compose,
  composeWith,
  CutoverReport,
  InMemoryBudgetEnforcer,
  withBudget,
  withCostProfile,
  type BudgetEnforcer,
  type BudgetOptions,
  type CallOutcome,
  type HoldingEnforcer,
} from 'mcp-budget'
import { asyncEnforcer, FakeClock, settle } from 'mcp-budget/testing'
import { describe, expect, test } from 'vitest'

const ok = { content: [] }
const lost: CallOutcome = { kind: 'lost', cause: 'closed', proves: 'unknown' }

/** 7 credits in the real store, a price of 5, and a list of what would have been refused. */
function setUp(
  options: Partial<BudgetOptions> & {
    store?: (memory: HoldingEnforcer) => BudgetEnforcer
    /** A store of one's own for the simulation. */
    simulation?: (memory: HoldingEnforcer) => HoldingEnforcer
    cost?: unknown
    heard?: boolean
  } = {},
) {
  const { store = (memory) => memory, simulation, cost, heard = true, ...given } = options
  const clock = new FakeClock()
  const events = new BudgetEvents()
  const refused: object[] = []
  const delayed: object[] = []
  events.on('refused', ({ refusal, enforced }) => void refused.push({ reason: refusal.reason, enforced }))
  events.on('delayed', (event) => void delayed.push(event))
  const memory = new InMemoryBudgetEnforcer({ clock })
  memory.initialize('a', 7)
  const simulated = new InMemoryBudgetEnforcer({ clock })
  const more = {
    ...(heard ? { events } : {}),
    ...(simulation === undefined ? {} : { shadow: { enforcer: simulation(simulated) } }),
  }
  const ending: { as: CallOutcome | undefined } = { as: undefined }
  const meter = composeWith(clock, [
    withCostProfile({ defaultCost: 5, clock }),
    { name: 'repriced', enter: (call) => (cost === undefined ? call : ({ ...call, cost } as typeof call)) },
    withBudget({ enforcer: store(memory), budget: 'a', clock, mode: 'shadow', ...more, ...given }),
    { name: 'ending', leave: (_call, outcome) => ending.as ?? outcome },
  ])
  return {
    clock,
    memory,
    simulated,
    refused,
    delayed,
    ending,
    run: async (forward: () => unknown = () => ok) => {
      const outcome = await meter.run({ tool: 't' }, forward)
      await settle()
      return outcome
    },
  }
}

function fourOf(store: BudgetEnforcer): BudgetEnforcer {
  return {
    check: (budget, cost) => store.check(budget, cost),
    spend: (request) => store.spend(request),
    remaining: (budget) => store.remaining(budget),
    initialize: (budget, credits) => store.initialize(budget, credits),
  }
}

describe('shadow mode', () => {
  test.each([
    ['that can hold', (memory: HoldingEnforcer) => memory],
    ['that can hold and answers later', asyncEnforcer],
    ['of four verbs', fourOf],
    ['of four verbs that answers later', (memory: HoldingEnforcer) => fourOf(asyncEnforcer(memory))],
  ] as const)('simulates what a store %s has [L-S15]', async (_, store) => {
    const { run, refused, delayed, memory } = setUp({ store })
    for (let i = 0; i < 2; i++) {
      expect(await run()).toMatchObject({ kind: 'result', charge: { held: 0, charged: 0, end: 'released' } })
    }
    expect(refused).toEqual([{ reason: 'insufficient', enforced: false }])
    // What was not held is not ended either.
    expect(delayed).toEqual([])
    expect(memory.describe('a')).toMatchObject({ available: 7, spent: 0, held: 0 })
  })

  test('begins a budget without windows with what it has, and nothing of it is spent', async () => {
    const { run, memory, simulated } = setUp({ simulation: (memory) => memory })
    memory.spend({ chargeId: 's', budget: 'a', tool: 't', cost: 2 })
    await run()
    expect(simulated.describe('a')).toMatchObject({ in: 5, available: 0, spent: 5 })
  })

  test.each([
    ['at once', (memory: HoldingEnforcer) => memory],
    ['later', asyncEnforcer],
  ] as const)('keeps a call that is pending alive in a simulation that answers %s', async (_, later) => {
    const { run, clock, simulated } = setUp({ simulation: later, onExpire: 'release' })
    let answer: (result: unknown) => void = () => {}
    const outcome = run(() => new Promise((resolve) => (answer = resolve)))
    for (let minute = 0; minute < 10; minute++) {
      await clock.advanceAsync(60_000)
      expect(simulated.describe('a')).toMatchObject({ openHolds: 1, held: 5 })
    }
    answer(ok)
    await outcome
    expect(simulated.describe('a')).toMatchObject({ openHolds: 0, spent: 5 })
  })

  test('ends in the simulation what nobody knows the end of, when its time is up [I6]', async () => {
    const { run, ending, refused, clock } = setUp({ onExpire: 'release' })
    ending.as = lost
    await run()
    ending.as = undefined
    await run()
    expect(refused).toHaveLength(1)
    await clock.advanceAsync(121_000)
    await run()
    expect(refused).toHaveLength(1)
  })

  test.each([Number.NaN, -1, 1.5, '5'])(
    'lets a call through whose price is %j, and shows it as refused',
    async (cost) => {
      const { run, refused } = setUp({ cost })
      expect(await run()).toMatchObject({ kind: 'result', result: ok })
      expect(refused).toEqual([{ reason: 'invalid_price', enforced: false }])
    },
  )

  test.each([
    [
      'throws',
      (): string => {
        throw new Error('no')
      },
    ],
    ['names what is no budget', () => '../a'],
  ])('lets a call through whose payer %s, and shows it as refused [I19]', async (_, budget) => {
    const { run, refused, simulated } = setUp({ budget, simulation: (memory) => memory })
    expect(await run()).toMatchObject({ kind: 'result', result: ok })
    expect(refused).toEqual([{ reason: 'step_failed', enforced: false }])
    expect(() => simulated.describe('a')).toThrow()
  })

  test('shows the calls of a budget that is closed as hard mode refuses them', async () => {
    const { run, refused, memory } = setUp()
    memory.close({ id: 'end', budget: 'a', why: 'closed' })
    await run()
    expect(refused).toEqual([{ reason: 'unauthorized', enforced: false }])
  })

  test('lets everything through where nobody listens, too [I19]', async () => {
    const { run } = setUp({ heard: false })
    for (let i = 0; i < 3; i++) expect(await run()).toMatchObject({ kind: 'result', charge: { charged: 0 } })
  })
})

test('a price list that would refuse lets pass beside a budget that only watches, and the report says so [I19, L-P13]', async () => {
  const events = new BudgetEvents()
  const report = new CutoverReport({ events, minCalls: 1 })
  const enforcer = new InMemoryBudgetEnforcer()
  enforcer.initialize('a', 100)
  const steps = [
    withCostProfile({ costs: { priced: 1 }, events }),
    withBudget({ enforcer, budget: 'a', mode: 'shadow', events }),
  ] as const
  for (const meter of [compose(...steps), compose(compose(...steps))]) {
    for (const tool of ['priced', 'unpriced', 'Priced'])
      expect(await meter.run({ tool }, () => ({ content: [] }))).toMatchObject({ kind: 'result' })
  }
  expect(report.summary()).toMatchObject({ ready: false, calls: 6, refused: 4 })
  const hard = compose(withCostProfile({ costs: { priced: 1 } }), withBudget({ enforcer, budget: 'a' }))
  expect(await hard.run({ tool: 'unpriced' }, () => ({ content: [] }))).toMatchObject({ kind: 'refused' })
})
