import {
  BudgetEvents,
  compose,
  composeWith,
  CutoverReport,
  InMemoryBudgetEnforcer,
  meter,
  refuse,
  withBudget,
  withCostProfile,
  type BudgetEventMap,
  type BudgetOptions,
  type CallOutcome,
  type CutoverReportOptions,
  type MeterOptions,
} from 'mcp-budget'
import { FakeClock, faultyEnforcer } from 'mcp-budget/testing'
import { describe, expect, test } from 'vitest'

const HOUR_MS = 3_600_000
const START = Date.UTC(2026, 10, 27, 8, 30)
const prices = { costs: { search: 5, draw: 40, speak: { max: 20, metered: { pointer: '/used' } } } }

/** A meter in shadow mode over 60 credits, and its report. */
function setUp(options: Partial<MeterOptions> & { report?: Omit<CutoverReportOptions, 'events'> } = {}) {
  const { report: settings = {}, ...given } = options
  const clock = new FakeClock(START)
  const events = new BudgetEvents()
  const enforcer = new InMemoryBudgetEnforcer({ clock })
  enforcer.initialize('agent-1', 60)
  const report = new CutoverReport({ events, minCalls: 1, maxShare: 1, ...settings })
  const shadow = meter({ mode: 'shadow', enforcer, budget: 'agent-1', prices, events, clock, ...given })
  const call = (tool: string, used?: number) => shadow.run({ tool }, () => ({ content: [], used }))
  return { clock, events, enforcer, report, shadow, call }
}

/** An event as shadow mode tells it. */
function simulated(more: Partial<BudgetEventMap['simulated'][0]> & { tool?: string } = {}) {
  const { tool = 't', ...given } = more
  const call = { id: 'x', tool, server: undefined }
  return { call, at: START, budgets: [], charge: undefined, refusal: undefined, unpriced: false, ...given }
}

const noCredits = (budget: string) =>
  refuse('t', { error: 'budget_exhausted', reason: 'exhausted', budget, cost: 5, remaining: 0 })

describe('the cut-over report', () => {
  test('tells what hard mode would have refused, by budget, tool, hour and reason', async () => {
    const { clock, report, call } = setUp()
    for (const tool of ['draw', 'search', 'draw']) await call(tool)
    clock.advance(HOUR_MS)
    for (const tool of ['search', 'draw', 'sing']) await call(tool)
    const summary = report.summary()
    expect(summary).toMatchObject({
      calls: 6,
      refused: 3,
      share: 0.5,
      byBudget: { 'default/agent-1': { calls: 5, refused: 2 } },
      byTool: { draw: { calls: 3, refused: 2 }, search: { calls: 2, refused: 0 }, sing: { calls: 1, refused: 1 } },
      byHour: { '2026-11-27T08Z': { calls: 3, refused: 1 }, '2026-11-27T09Z': { calls: 3, refused: 2 } },
      byReason: { insufficient: 2, unpriced: 1 },
      unpriced: { sing: 1 },
      dropped: 0,
      faults: 0,
    })
    expect(summary.refusedCalls.map(({ tool, budget, reason, at }) => ({ tool, budget, reason, at }))).toEqual([
      { tool: 'draw', budget: 'default/agent-1', reason: 'insufficient', at: '2026-11-27T08:30:00.000Z' },
      { tool: 'draw', budget: 'default/agent-1', reason: 'insufficient', at: '2026-11-27T09:30:00.000Z' },
      { tool: 'sing', budget: null, reason: 'unpriced', at: '2026-11-27T09:30:00.000Z' },
    ])
  })

  test('is plain data that JSON keeps as it is', async () => {
    const { report, call } = setUp()
    for (const tool of ['draw', 'draw', 'sing', '__proto__']) await call(tool)
    const summary = report.summary()
    expect(JSON.parse(JSON.stringify(summary))).toEqual(summary)
    expect(Object.keys(summary.byTool)).toContain('__proto__')
  })

  test('counts each call once, whoever refuses it and however it ends', async () => {
    const { report, call, shadow } = setUp()
    await call('search')
    await call('sing')
    await shadow.run({ tool: 'search' }, () => Promise.reject(new Error('no')))
    let finish = (): void => {}
    const pending = shadow.run({ tool: 'search' }, () => new Promise((resolve) => (finish = () => resolve({}))))
    expect(report.summary().calls).toBe(3)
    finish()
    await pending
    expect(report.summary()).toMatchObject({ calls: 4, refused: 1 })
  })

  test('tells how much is held for what is charged, in all and by tool', async () => {
    const { report, call } = setUp()
    expect(report.summary().holdToActual).toBeNull()
    await call('speak', 5)
    await call('speak', 3)
    await call('search')
    expect(report.summary()).toMatchObject({
      held: 45,
      charged: 13,
      holdToActual: 45 / 13,
      byTool: { speak: { held: 40, charged: 8, holdToActual: 5 }, search: { holdToActual: 1 } },
    })
  })

  test('leaves a hold out of the ratio whose end is not known yet', async () => {
    const clock = new FakeClock(START)
    const events = new BudgetEvents()
    const enforcer = new InMemoryBudgetEnforcer({ clock })
    enforcer.initialize('a', 60)
    const report = new CutoverReport({ events })
    const lost: CallOutcome = { kind: 'lost', cause: 'closed', proves: 'unknown' }
    const steps = [
      withCostProfile(prices),
      withBudget({ enforcer, budget: 'a', mode: 'shadow', events, clock }),
      { name: 'lost', leave: () => lost },
    ]
    await composeWith(clock, steps).run({ tool: 'search' }, () => ({}))
    expect(report.summary()).toMatchObject({ calls: 1, held: 0, charged: 0, holdToActual: null })
  })

  test('counts tools that pass for nothing as unpriced', async () => {
    const { report, call } = setUp({ prices: { unpriced: 'observe' } })
    await call('sing')
    expect(report.summary()).toMatchObject({ refused: 0, unpriced: { sing: 1 }, ready: false })
  })

  test('hears nothing more once it is stopped', async () => {
    const { report, call, events } = setUp()
    await call('search')
    report.stop()
    await call('search')
    expect(report.summary().calls).toBe(1)
    expect(events.heard('simulated')).toBe(false)
  })

  test('hears nothing of hard and soft mode', async () => {
    for (const mode of ['hard', 'soft'] as const) {
      const { report, call } = setUp({ mode })
      await call('search')
      expect(report.summary().calls).toBe(0)
    }
  })
})

describe('a report is ready', () => {
  test('when enough calls were seen, and none speaks against it', async () => {
    const { report, call } = setUp({ report: { minCalls: 2, maxShare: 0 } })
    await call('search')
    expect(report.summary()).toMatchObject({ ready: false, because: ['1 calls were seen, 2 are needed'] })
    await call('search')
    expect(report.summary()).toMatchObject({ ready: true, because: [] })
  })

  test.each([
    [
      'too many calls would be refused',
      { report: { maxShare: 0.07 } },
      ['draw', 'draw'],
      '1 of 2 calls would be refused, more than 7 %',
    ],
    ['tools have no price', {}, ['sing', 'hum'], 'tools without a price were called: sing, hum'],
    ['a budget does not exist', { budget: 'nobody' }, ['search'], 'budgets do not exist or are closed: default/nobody'],
  ] as const)('but not when %s', async (_, options, tools, why) => {
    const { report, call } = setUp(options)
    for (const tool of tools) await call(tool)
    expect(report.summary()).toMatchObject({ ready: false, because: [why] })
  })

  test('but not when the store is out of reach', async () => {
    const down = faultyEnforcer(new InMemoryBudgetEnforcer(), () => 'throw')
    const { report, call } = setUp({ enforcer: down })
    await call('search')
    await call('search')
    expect(report.summary()).toMatchObject({ ready: false, because: ['the store gave no answer, 2 times'], faults: 2 })
  })

  test('names no more than five of a kind', () => {
    const { report, events } = setUp()
    for (let i = 0; i < 8; i++) events.emit('simulated', simulated({ tool: `t${i}`, unpriced: true }))
    expect(report.summary().because).toEqual(['tools without a price were called: t0, t1, t2, t3, t4 and 3 more'])
  })
})

describe('a report stays bounded', () => {
  test('with as many tools, budgets and hours as there may be [L-P23]', () => {
    const { report, events } = setUp()
    for (let i = 0; i < 1_500; i++) {
      const [budget, at] = [`default/b${i}`, START + i * HOUR_MS]
      events.emit('simulated', simulated({ tool: `t${i}`, budgets: [budget], at, refusal: noCredits(budget) }))
    }
    const { byTool, byBudget, byHour, calls } = report.summary()
    expect(calls).toBe(1_500)
    for (const table of [byTool, byBudget, byHour]) {
      expect(Object.keys(table)).toHaveLength(1_001)
      expect(table['(other)']).toMatchObject({ calls: 500, refused: 500 })
    }
  })

  test('and lists the newest refused calls, and says how many it does not [L-P23]', () => {
    const { report, events } = setUp({ report: { keep: 3 } })
    for (let i = 0; i < 5; i++) events.emit('simulated', simulated({ tool: `t${i}`, refusal: noCredits('b') }))
    const { refusedCalls, dropped } = report.summary()
    expect(refusedCalls.map(({ tool }) => tool)).toEqual(['t2', 't3', 't4'])
    expect(dropped).toBe(2)
  })

  test('with a name of any length [L-P23]', () => {
    const { report, events } = setUp()
    const tool = 'x'.repeat(1_000_000)
    events.emit('simulated', simulated({ tool, refusal: noCredits('b') }))
    expect(JSON.stringify(report.summary()).length).toBeLessThan(2_000)
    expect(report.summary().byTool).toMatchObject({ '(other)': { calls: 1 } })
  })

  test('and what it gave does not change later', async () => {
    const { report, call } = setUp()
    await call('draw')
    const before = report.summary()
    const copy = structuredClone(before)
    await call('draw')
    expect(before).toEqual(copy)
  })
})

describe('a report refuses', () => {
  test.each([
    [{}, 'events'],
    [{ events: {} }, 'events'],
    [{ events: new BudgetEvents(), maxShare: 2 }, 'maxShare'],
    [{ events: new BudgetEvents(), maxShare: Number.NaN }, 'maxShare'],
    [{ events: new BudgetEvents(), minCalls: 0 }, 'minCalls'],
    [{ events: new BudgetEvents(), keep: -1 }, 'keep'],
    [{ events: new BudgetEvents(), minCall: 1 }, 'minCall'],
  ])('the options %j', (options, named) => {
    expect(() => new CutoverReport(options as CutoverReportOptions)).toThrow(named)
  })
})

describe('what the simulation does is not told as real', () => {
  const down: Partial<BudgetOptions> = {
    shadow: { enforcer: faultyEnforcer(new InMemoryBudgetEnforcer(), () => 'throw') },
  }

  test.each([
    ['closed', {}],
    ['open', { failMode: { open: { limit: 5 } } }],
  ] as const)('when its store is out of reach, under the fail mode %s', async (_, more) => {
    const clock = new FakeClock(START)
    const events = new BudgetEvents()
    const told: string[] = []
    const wheres: unknown[] = []
    for (const name of ['outage', 'recovered', 'delayed', 'overdrawn'] as const) events.on(name, () => told.push(name))
    events.on('fault', ({ where }) => void wheres.push(where))
    const enforcer = new InMemoryBudgetEnforcer({ clock })
    enforcer.initialize('a', 100)
    const step = withBudget({ enforcer, budget: 'a', mode: 'shadow', events, clock, ...down, ...more })
    const steps = compose(withCostProfile({ defaultCost: 5 }), step)
    for (let i = 0; i < 3; i++) expect(await steps.run({ tool: 't' }, () => ({}))).toMatchObject({ kind: 'result' })
    await clock.advanceAsync(60_000)
    expect(told).toEqual([])
    expect(new Set(wheres)).toEqual(new Set(['shadow']))
    expect(step.pending).toBe(0)
  })
})
