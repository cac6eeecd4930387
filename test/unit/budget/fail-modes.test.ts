import fc from 'fast-check'
import {
  BudgetError,
  BudgetEvents,
  composeWith,
  InMemoryBudgetEnforcer,
  MemoryLedger,
  replay,
  withBudget,
  withCostProfile,
  type BudgetEventName,
  type BudgetOptions,
  type DelegatingEnforcer,
  type LeasingEnforcer,
  type HoldingEnforcer,
  type ToolCall,
} from 'mcp-budget'
import {
  asyncEnforcer,
  FakeClock,
  faultyEnforcer,
  randomFaults,
  settle,
  type EnforcerFault,
  type EnforcerFaults,
  type Verb,
} from 'mcp-budget/testing'
import { describe, expect, test, vi } from 'vitest'

const ok = { content: [] }
const NAMES = ['held', 'charged', 'refused', 'overdrawn', 'outage', 'recovered', 'delayed', 'fault'] as const

/** A store that goes wrong as planned until `plan.faults` is taken away, 100 credits and a price of 5. */
function setUp(options: Partial<BudgetOptions> & { credits?: number; faults?: EnforcerFaults; later?: boolean } = {}) {
  const { credits = 100, faults = {}, later = false, ...given } = options
  const clock = new FakeClock()
  const events = new BudgetEvents()
  const told: Array<{ readonly name: BudgetEventName; readonly event: any }> = []
  for (const name of NAMES) events.on(name, (event) => void told.push({ name, event }))
  const ledger = new MemoryLedger()
  const memory = new InMemoryBudgetEnforcer({ clock, ledger })
  memory.initialize('a', credits)
  const plan = { faults }
  const asked: Array<{ readonly verb: Verb; readonly args: any }> = []
  const judge = (verb: Verb, nth: number): EnforcerFault | undefined =>
    typeof plan.faults === 'function' ? plan.faults(verb, nth) : plan.faults[verb]?.[nth]
  const faulty = faultyEnforcer(later ? asyncEnforcer(memory) : memory, judge, clock)
  const noting = new Proxy(faulty as DelegatingEnforcer & LeasingEnforcer, {
    get: (target, verb: Verb) =>
      typeof target[verb] !== 'function'
        ? target[verb]
        : (...args: unknown[]) => {
            asked.push({ verb, args })
            return (target[verb] as (...args: unknown[]) => unknown)(...args)
          },
  })
  const budget = withBudget({ enforcer: noting, budget: 'a', clock, events, ...given })
  const meter = composeWith(clock, [withCostProfile({ defaultCost: 5, costs: { dear: 50 }, clock }), budget])
  const forward = vi.fn((_call: ToolCall): unknown => ok)
  const run = async (tool = 'search') => {
    let ended = false
    const outcome = Promise.resolve(meter.run({ tool }, forward)).finally(() => (ended = true))
    // Long enough for both tries, and no longer.
    for (let i = 0; i < 40 && !ended; i++) await clock.advanceAsync(25)
    return outcome
  }
  return {
    clock,
    memory,
    ledger,
    plan,
    asked,
    budget,
    forward,
    run,
    meter,
    of: (name: BudgetEventName) => told.filter((each) => each.name === name).map(({ event }) => event),
    verbs: (verb: Verb) => asked.filter((each) => each.verb === verb).map(({ args }) => args[0]),
    balance: () => {
      const { available, held, spent, debt } = memory.describe('a')
      return { available, held, spent, debt }
    },
    recover: async () => {
      plan.faults = {}
      await clock.advanceAsync(60_000)
    },
  }
}

const always =
  (verb: Verb, fault: EnforcerFault): EnforcerFaults =>
  (each) =>
    each === verb ? fault : undefined
const WHOLE = { available: 100, held: 0, spent: 0, debt: 0 }
const ONCE = { available: 95, held: 0, spent: 5, debt: 0 }

const FAULTS: ReadonlyArray<readonly [string, EnforcerFault]> = [
  ['fails', 'throw'],
  ['loses its answer', 'lose'],
  ['never arrives', 'drop'],
  ['is never answered', 'hang'],
  ['is answered too late', { late: 400 }],
  ['arrives too late', { delay: 700 }],
  ['is answered with nothing', { nonsense: undefined }],
  ['is answered with null', { nonsense: null }],
  ['is answered with text', { nonsense: 'held' }],
  ['is answered with an empty object', { nonsense: {} }],
  ['is answered with a kind that there is not', { nonsense: { kind: 'ok', remaining: 100 } }],
  ['is answered with a number', { nonsense: 7 }],
]

describe.each([false, true])('closed, in a store that answers later: %s,', (later) => {
  test.each(FAULTS)(
    'a hold that %s denies the call, and nothing is charged or stays on hold [I16, I3, I6, L-P19, seed-003:fail-mode]',
    async (_, fault) => {
      const { run, forward, balance, recover, memory, of } = setUp({ later, faults: always('hold', fault) })
      expect(await run()).toMatchObject({
        kind: 'refused',
        refusal: { error: 'budget_unavailable', reason: 'budget_backend_error', retryable: true },
      })
      expect(forward).not.toHaveBeenCalled()
      expect(of('refused')).toHaveLength(1)
      await recover()
      expect(balance()).toEqual(WHOLE)
      expect(memory.describe('a').openHolds).toBe(0)
    },
  )

  test.each(FAULTS)('a capture that %s at first is charged once in the end [I5, I6, L-P18, R1]', async (_, fault) => {
    const { run, balance, recover, verbs, budget, ledger } = setUp({
      later,
      faults: (verb, nth) => (verb === 'capture' && nth <= 4 ? fault : undefined),
    })
    expect(await run()).toMatchObject({ kind: 'result', result: ok, charge: { held: 5, charged: 5 } })
    await recover()
    expect(balance()).toEqual(ONCE)
    expect(budget.pending).toBe(0)
    expect(new Set(verbs('capture').map(({ id }) => id)).size).toBe(1)
    expect(replay(ledger.entries()).get('default/a')).toMatchObject(ONCE)
  })

  test.each(FAULTS)('a release that %s at first gives back once in the end [I4, I6, L-P3]', async (_, fault) => {
    const { run, forward, balance, recover, budget } = setUp({
      later,
      onFailure: 'release',
      faults: (verb, nth) => (verb === 'release' && nth <= 4 ? fault : undefined),
    })
    forward.mockImplementation(() => ({ isError: true }))
    expect(await run()).toMatchObject({ kind: 'result', proves: 'failed' })
    await recover()
    expect(balance()).toEqual(WHOLE)
    expect(budget.pending).toBe(0)
  })

  test('a hold is asked for again once, with the same id and payload [I5, L-P7]', async () => {
    const { run, verbs, balance } = setUp({ later, faults: { hold: { 1: 'lose' } } })
    expect(await run()).toMatchObject({ kind: 'result' })
    const [first, second, ...more] = verbs('hold')
    expect(second).toEqual(first)
    expect(more).toEqual([])
    expect(balance()).toEqual(ONCE)
  })

  test('a request that arrives twice changes nothing [I4, I5]', async () => {
    const { run, balance } = setUp({ later, faults: () => 'duplicate' })
    for (let i = 0; i < 3; i++) expect(await run()).toMatchObject({ kind: 'result' })
    expect(balance()).toEqual({ available: 85, held: 0, spent: 15, debt: 0 })
  })

  test('a store that will not take the request denies, without an outage', async () => {
    const misuse = (): never => {
      throw new BudgetError({ code: 'not_supported', message: 'no holds today' })
    }
    const { memory } = setUp()
    const events = new BudgetEvents()
    const outage = vi.fn()
    events.on('outage', outage)
    const hold = vi.fn(misuse)
    const enforcer = { ...asVerbs(memory), hold: later ? async () => hold() : hold } as HoldingEnforcer
    const meter = composeWith(new FakeClock(), [
      withCostProfile({ defaultCost: 5 }),
      withBudget({ enforcer, budget: 'a', events, failMode: { open: { limit: 100 } } }),
    ])
    expect(await meter.run({ tool: 't' }, () => ok)).toMatchObject({ refusal: { error: 'budget_unavailable' } })
    expect(hold).toHaveBeenCalledOnce()
    expect(outage).not.toHaveBeenCalled()
  })
})

describe('a slow store', () => {
  test.each([
    [249, 'result', 0],
    [251, 'refused', 2],
  ])('that answers after %i ms counts as %s [I16]', async (late, kind, timeouts) => {
    const { meter, forward, clock, of } = setUp({ faults: always('hold', { late }) })
    const started = clock.now()
    let at = 0
    const outcome = Promise.resolve(meter.run({ tool: 't' }, forward)).then((given) => {
      at = clock.now() - started
      return given
    })
    await clock.advanceAsync(600)
    expect(await outcome).toMatchObject({ kind })
    expect(at).toBe(timeouts === 0 ? late : 500)
    expect(of('outage')).toHaveLength(timeouts === 0 ? 0 : 1)
  })

  test('does not hold up the result of a call, only its capture', async () => {
    const { meter, forward, clock, balance } = setUp({ faults: always('capture', { delay: 100 }) })
    const outcome = await meter.run({ tool: 't' }, forward)
    expect(outcome).toMatchObject({ kind: 'result', charge: { end: 'captured' } })
    expect(balance()).toMatchObject({ held: 5 })
    await clock.advanceAsync(100)
    expect(balance()).toEqual(ONCE)
  })

  test('has the time that it is given', async () => {
    const { meter, forward, clock } = setUp({ storeTimeoutMs: 1_000, faults: always('hold', { late: 900 }) })
    const outcome = Promise.resolve(meter.run({ tool: 't' }, forward))
    await clock.advanceAsync(900)
    expect(await outcome).toMatchObject({ kind: 'result' })
  })

  test('leaves no timer behind when it has answered', async () => {
    const { meter, forward, clock } = setUp({ later: true })
    await meter.run({ tool: 't' }, forward)
    await settle()
    // The engine's sweep runs once more and then stops, too.
    clock.advance(60_000)
    expect(clock.timers).toBe(0)
  })
})

describe('a hold whose answer was lost', () => {
  test('and that was denied is given back when the store answers again [I6, R2]', async () => {
    const { run, balance, clock, plan, of } = setUp({ faults: always('hold', 'lose') })
    await run()
    expect(balance()).toMatchObject({ held: 5 })
    plan.faults = {}
    await clock.advanceAsync(2_000)
    expect(balance()).toEqual(WHOLE)
    expect(of('recovered')).toMatchObject([{ posted: 1, failed: 0 }])
  })

  test('and that arrives only after its release is barred [I6, L-P3]', async () => {
    const { run, balance, clock, verbs } = setUp({
      faults: (verb, nth) => (verb === 'hold' && nth <= 2 ? { delay: 5_000 } : undefined),
    })
    expect(await run()).toMatchObject({ kind: 'refused' })
    await clock.advanceAsync(3_000)
    expect(verbs('release')).toHaveLength(1)
    await clock.advanceAsync(10_000)
    expect(balance()).toEqual(WHOLE)
  })
})

describe('a call that is pending while the store fails', () => {
  test('is kept alive at the next sweep, before the time of its hold is up [L-P3]', async () => {
    const clock = new FakeClock()
    const memory = new InMemoryBudgetEnforcer({ clock })
    memory.initialize('a', 100)
    const enforcer = faultyEnforcer(memory, { extend: { 1: 'throw', 2: 'throw' } }, clock)
    const meter = composeWith(clock, [
      withCostProfile({ defaultCost: 5 }),
      withBudget({ enforcer, budget: 'a', clock, onExpire: 'release' }),
    ])
    let answer: (result: unknown) => void = () => {}
    const outcome = meter.run({ tool: 't' }, () => new Promise((resolve) => (answer = resolve)))
    for (let minute = 0; minute < 10; minute++) {
      await clock.advanceAsync(60_000)
      expect(memory.describe('a')).toMatchObject({ openHolds: 1, held: 5 })
    }
    answer(ok)
    await outcome
    expect(memory.describe('a')).toMatchObject({ spent: 5, held: 0, available: 95 })
  })
})

describe('the outbox', () => {
  test('waits longer each time, up to half a minute, and tells of it', async () => {
    const { run, clock, verbs, of } = setUp({ faults: always('capture', 'throw') })
    await run()
    const tries: number[] = []
    for (let second = 0; second < 150; second++) {
      const before = verbs('capture').length
      await clock.advanceAsync(1_000)
      if (verbs('capture').length > before) tries.push(second)
    }
    const gaps = tries.slice(1).map((at, i) => at - (tries[i] as number))
    expect(gaps).toEqual([2, 4, 8, 16, 30, 30, 30])
    expect(of('delayed').map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(of('delayed').every(({ givenUp }) => givenUp === false)).toBe(true)
  })

  test('posts everything when it is flushed, before the process ends', async () => {
    const { run, plan, budget, balance, clock } = setUp({ faults: always('capture', 'throw') })
    for (let i = 0; i < 3; i++) await run()
    expect(budget.pending).toBe(3)
    plan.faults = {}
    await budget.flush()
    expect(budget.pending).toBe(0)
    expect(balance()).toEqual({ available: 85, held: 0, spent: 15, debt: 0 })
    clock.advance(60_000)
    expect(clock.timers).toBe(0)
  })

  test('gives up, and says so, only where the store refuses for good', async () => {
    const { run, plan, memory, clock, of } = setUp({ faults: always('capture', 'throw'), onExpire: 'capture' })
    await run()
    // Somebody else ends the hold meanwhile.
    memory.capture({ id: 'other', holdId: of('held')[0].call.id, amount: 5, overage: 'cap' })
    plan.faults = {}
    await clock.advanceAsync(60_000)
    expect(of('delayed').at(-1)).toMatchObject({ givenUp: true, cause: 'hold_ended' })
    expect(memory.describe('a')).toMatchObject({ spent: 5, held: 0 })
  })

  test('that is full denies further calls, and drops no charge [I20, L-P23]', async () => {
    const { meter, budget, plan } = setUp({
      credits: 10_000_000,
      refusalMemoryMs: 0,
      failMode: { open: { limit: 10_000_000 } },
      faults: (verb) => (verb === 'initialize' ? undefined : 'throw'),
    })
    for (let i = 0; i < 100_000; i++) void meter.run({ tool: 't' }, () => ok)
    expect(budget.pending).toBe(100_000)
    expect(await meter.run({ tool: 't' }, () => ok)).toMatchObject({
      refusal: { error: 'budget_unavailable', detail: 'the outbox is full' },
    })
    plan.faults = {}
    await budget.flush()
    expect(budget.pending).toBe(0)
  })
})

describe('open', () => {
  const open = (limit: number) => ({ failMode: { open: { limit } } })

  test.each([false, true])(
    'lets through up to its limit, journals it, and posts it once when the store is back (later: %s) [I16, seed-003:fail-mode]',
    async (later) => {
      const { run, forward, balance, plan, clock, of, budget } = setUp({
        later,
        ...open(12),
        faults: () => 'throw',
      })
      expect([await run(), await run(), await run()]).toMatchObject([
        { kind: 'result', charge: { held: 5, charged: 5, end: 'pending' } },
        { kind: 'result' },
        { kind: 'refused', refusal: { error: 'budget_unavailable', reason: 'open_limit_reached' } },
      ])
      expect(forward).toHaveBeenCalledTimes(2)
      expect(of('outage').at(0)).toMatchObject({ allowed: 5, call: { tool: 'search' } })
      expect(balance()).toEqual(WHOLE)
      expect(budget.pending).toBe(2)
      plan.faults = {}
      await clock.advanceAsync(60_000)
      expect(balance()).toEqual({ available: 90, held: 0, spent: 10, debt: 0 })
      expect(of('recovered')).toEqual([{ posted: 2, failed: 0 }])
      expect(budget.pending).toBe(0)
    },
  )

  test('posts each charge once, whatever happens to the answers on the way back [I5, I6, R1]', async () => {
    for (const fault of ['lose', 'hang', 'duplicate', { late: 400 }, { delay: 700 }] as const) {
      const { run, plan, clock, balance } = setUp({ ...open(100), faults: () => 'throw' })
      for (let i = 0; i < 3; i++) await run()
      let nth = 0
      plan.faults = (verb) => (verb === 'capture' && ++nth <= 5 ? fault : undefined)
      await clock.advanceAsync(300_000)
      expect(balance()).toEqual({ available: 85, held: 0, spent: 15, debt: 0 })
    }
  })

  test('owes what the budget turns out not to have [I7, L-P18]', async () => {
    const { run, recover, balance } = setUp({ credits: 7, ...open(100), faults: () => 'throw' })
    for (let i = 0; i < 3; i++) await run()
    await recover()
    expect(balance()).toEqual({ available: 0, held: 0, spent: 15, debt: 8 })
  })

  test('charges nothing for what did not run, and bars a hold that may yet arrive', async () => {
    const { run, recover, balance, forward } = setUp({
      ...open(100),
      onFailure: 'release',
      faults: always('hold', 'lose'),
    })
    forward.mockImplementation(() => ({ isError: true }))
    await run()
    await recover()
    expect(balance()).toEqual(WHOLE)
  })

  test('has its limit anew for the next outage, and not before all of the last is posted', async () => {
    const { run, plan, clock, budget, balance } = setUp({ ...open(10), faults: () => 'throw' })
    for (let i = 0; i < 2; i++) await run()
    // The store comes back for holds only: what passed is not posted, so the outage is not over.
    plan.faults = always('capture', 'throw')
    await clock.advanceAsync(1_000)
    expect(await run()).toMatchObject({ kind: 'result' })
    plan.faults = () => 'throw'
    await clock.advanceAsync(2_000)
    expect(await run()).toMatchObject({ refusal: { reason: 'open_limit_reached' } })
    plan.faults = {}
    await clock.advanceAsync(60_000)
    expect(budget.pending).toBe(0)
    plan.faults = () => 'throw'
    expect(await run()).toMatchObject({ kind: 'result' })
    plan.faults = {}
    await clock.advanceAsync(60_000)
    expect(balance()).toEqual({ available: 80, held: 0, spent: 20, debt: 0 })
  })

  test('covers a store that is out of reach, and neither a missing budget nor an answer without sense [I16]', async () => {
    const missing = setUp({ ...open(100), budget: 'nobody' })
    expect(await missing.run()).toMatchObject({ refusal: { error: 'unauthorized' } })
    for (const nonsense of [undefined, null, {}, 'held', { kind: 'ok' }]) {
      const { run, forward, recover, balance } = setUp({ ...open(100), faults: always('hold', { nonsense }) })
      expect(await run()).toMatchObject({ refusal: { error: 'budget_unavailable', reason: 'budget_backend_error' } })
      expect(forward).not.toHaveBeenCalled()
      await recover()
      expect(balance()).toEqual(WHOLE)
    }
  })

  test('asks a store that is down now and then, not for every call [T47]', async () => {
    const { meter, forward, verbs, clock } = setUp({ ...open(1_000), faults: () => 'throw' })
    for (let i = 0; i < 100; i++) await meter.run({ tool: 't' }, forward)
    expect(verbs('hold')).toHaveLength(2)
    expect(forward).toHaveBeenCalledTimes(100)
    await clock.advanceAsync(1_000)
    await meter.run({ tool: 't' }, forward)
    expect(verbs('hold').length).toBeLessThanOrEqual(4)
  })

  test('never lets through one call above the limit, however many come at once [I16, I2]', async () => {
    const { meter, clock, forward } = setUp({ ...open(50), faults: always('hold', 'drop') })
    const outcomes = Array.from({ length: 40 }, async () => meter.run({ tool: 't' }, forward))
    await clock.advanceAsync(1_000)
    const passed = (await Promise.all(outcomes)).filter(({ kind }) => kind === 'result')
    expect(passed).toHaveLength(10)
    expect(forward).toHaveBeenCalledTimes(10)
  })
})

describe('whatever goes wrong, at random,', () => {
  const FAULTY = [
    'throw',
    'lose',
    'drop',
    'hang',
    'duplicate',
    { late: 300 },
    { delay: 300 },
    { delay: 5_000 },
  ] as const

  test('what ran is charged, once, and nothing else, when all is quiet again [R1, R2, I1, I2, I3, I6]', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.integer({ min: 5, max: 60 }), fc.boolean(), async (seed, percent, later) => {
        const { meter, forward, clock, plan, balance, budget, memory, ledger } = setUp({
          later,
          onFailure: 'release',
          faults: randomFaults({ seed, rate: percent / 100, faults: FAULTY }),
        })
        const outcomes = Array.from({ length: 12 }, async (_, i) => {
          await new Promise<void>((resolve) => void clock.after(i * 200, resolve))
          return meter.run({ tool: 't' }, (call) => {
            forward(call)
            return i % 4 === 3 ? { isError: true } : ok
          })
        })
        await clock.advanceAsync(5_000)
        plan.faults = {}
        await clock.advanceAsync(200_000)
        const paid = (await Promise.all(outcomes)).filter(({ proves }) => proves === 'ran').length * 5
        expect(budget.pending).toBe(0)
        expect(memory.describe('a').openHolds).toBe(0)
        expect(balance()).toEqual({ available: 100 - paid, held: 0, spent: paid, debt: 0 })
        expect(replay(ledger.entries()).get('default/a')).toMatchObject(balance())
      }),
      { numRuns: process.env['MCP_BUDGET_LONG'] === '1' ? 1_000 : 20 },
    )
  })
})

function asVerbs(memory: HoldingEnforcer): HoldingEnforcer {
  const enforcer = memory as DelegatingEnforcer & LeasingEnforcer
  return new Proxy({} as HoldingEnforcer, {
    get: (_, verb: Verb) => enforcer[verb].bind(enforcer),
    ownKeys: () => ['check', 'spend', 'remaining', 'initialize', 'hold', 'capture', 'release', 'extend', 'describe'],
    getOwnPropertyDescriptor: (_, verb) => ({
      value: enforcer[verb as Verb].bind(enforcer),
      enumerable: true,
      configurable: true,
    }),
  })
}
