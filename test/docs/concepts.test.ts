import { readFileSync } from 'node:fs'
import diagnostics from 'node:diagnostics_channel'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  BudgetError,
  BudgetEvents,
  compose,
  InMemoryBudgetEnforcer,
  meter as meterOf,
  withBudget,
  withCostProfile,
  type BudgetEventMap,
} from 'mcp-budget'
import { FakeClock } from 'mcp-budget/testing'
import { blocksOf, sourceText, synced } from './blocks.js'

const draw = { tool: 'draw' }

describe('docs/concepts/why-holds.md', () => {
  test('lets two of three calls at once pass', async () => {
    // #region race
    const enforcer = new InMemoryBudgetEnforcer()
    enforcer.initialize('agent-1', 100)

    const meter = compose(withCostProfile({ defaultCost: 50 }), withBudget({ enforcer, budget: 'agent-1' }))
    const draw = () => meter.run({ tool: 'draw' }, async () => ({ content: [] }))

    const outcomes = await Promise.all([draw(), draw(), draw()])
    const kinds = outcomes.map((outcome) => outcome.kind) // result, result, refused
    const left = enforcer.remaining('agent-1') // 0
    // #endregion race
    expect(kinds).toEqual(['result', 'result', 'refused'])
    expect(left).toBe(0)
  })

  test('charges what a metered call reports, up to what was held', async () => {
    // #region metered
    const prices = withCostProfile({
      costs: { draw: { max: 50, metered: { pointer: '/structuredContent/credits' } } },
    })
    // #endregion metered
    const enforcer = new InMemoryBudgetEnforcer()
    enforcer.initialize('agent-1', 100)
    const meter = compose(prices, withBudget({ enforcer, budget: 'agent-1' }))
    const charged = async (credits: number) =>
      (await meter.run(draw, () => ({ content: [], structuredContent: { credits } }))).charge
    expect(await charged(20)).toMatchObject({ held: 50, charged: 20 })
    expect(enforcer.remaining('agent-1')).toBe(80)
    expect(await charged(80)).toMatchObject({ held: 50, charged: 50, reported: 80 })
  })
})

describe('docs/concepts/modes.md', () => {
  test('tells of three calls in three modes as they are', async () => {
    const events = new BudgetEvents()
    // #region soft
    const enforcer = new InMemoryBudgetEnforcer()
    enforcer.initialize('agent-1', 100)

    const meter = compose(
      withCostProfile({ defaultCost: 40 }),
      withBudget({ enforcer, budget: 'agent-1', mode: 'soft', events }),
    )
    for (let i = 0; i < 3; i++) await meter.run({ tool: 'search' }, () => ({ content: [] }))
    const { debt } = enforcer.describe('agent-1') // 20
    // #endregion soft
    expect(debt).toBe(20)
    expect(enforcer.describe('agent-1')).toMatchObject({ available: 0, spent: 120 })
    enforcer.grant({ id: 'top-up', budget: 'agent-1', amount: 50 })
    expect(enforcer.describe('agent-1')).toMatchObject({ available: 30, debt: 0 })
    expect(await threeCalls('hard')).toMatchObject({ available: 20, spent: 80, debt: 0, last: ['refused'] })
    expect(await threeCalls('soft')).toMatchObject({ last: ['held', 'overdrawn', 'charged'] })
    expect(await threeCalls('shadow')).toMatchObject({ available: 100, spent: 0, debt: 0 })
    expect(await threeCalls('shadow')).toMatchObject({ last: ['refused', 'simulated', 'held', 'charged'] })
  })

  test('shows the advisory as it is', async () => {
    const [, json] = /^```json\n([\s\S]*?)^```$/m.exec(readFileSync('docs/concepts/modes.md', 'utf8'))!
    const enforcer = new InMemoryBudgetEnforcer()
    enforcer.initialize('agent-1', 20)
    const soft = withBudget({ enforcer, budget: 'agent-1', mode: 'soft' })
    const outcome = await compose(withCostProfile({ defaultCost: 40 }), soft).run(draw, () => ({ content: [] }))
    expect(outcome).toMatchObject({ result: { _meta: JSON.parse(json!) as unknown } })
  })

  test('shows what is left as a result says it', async () => {
    const enforcer = new InMemoryBudgetEnforcer()
    enforcer.initialize('agent-1', 100)
    // #region advise
    const budget = withBudget({ enforcer, budget: 'agent-1', advise: true })
    // result._meta['dev.mcp-budget/balance']: { remaining: 60, mode: 'hard' }
    // #endregion advise
    const outcome = await compose(withCostProfile({ defaultCost: 40 }), budget).run(draw, () => ({ content: [] }))
    expect(outcome).toMatchObject({
      result: { _meta: { 'dev.mcp-budget/balance': { remaining: 60, mode: 'hard' } } },
    })
  })

  test('tells before the switch to hard mode what would be refused', async () => {
    const lines: unknown[] = []
    const console = { log: (...words: unknown[]) => lines.push(words.join(' ')) }
    const events = new BudgetEvents()
    // #region report
    events.on('refused', ({ call, refusal, enforced }) => {
      if (!enforced) console.log('would be refused:', call.tool, refusal.reason, refusal.cost, refusal.remaining)
    })
    // would be refused: search insufficient 40 20
    // #endregion report
    await threeCalls('shadow', events)
    expect(lines).toEqual(['would be refused: search insufficient 40 20'])
  })

  test('lets what the price list would refuse pass in soft and shadow mode', async () => {
    const enforcer = new InMemoryBudgetEnforcer()
    enforcer.initialize('agent-1', 100)
    const kindIn = async (mode: 'hard' | 'soft' | 'shadow') =>
      (await meterOf({ enforcer, budget: 'agent-1', mode, prices: { costs: { search: 5 } } }).run(draw, () => ({})))
        .kind
    expect([await kindIn('hard'), await kindIn('soft'), await kindIn('shadow')]).toEqual([
      'refused',
      'result',
      'result',
    ])
  })

  async function threeCalls(mode: 'hard' | 'soft' | 'shadow', events = new BudgetEvents()) {
    const last: string[] = []
    for (const name of ['held', 'overdrawn', 'charged', 'refused', 'simulated'] as const)
      events.on(name, () => last.push(name))
    const enforcer = new InMemoryBudgetEnforcer()
    enforcer.initialize('agent-1', 100)
    const meter = compose(
      withCostProfile({ defaultCost: 40 }),
      withBudget({ enforcer, budget: 'agent-1', mode, events }),
    )
    for (let i = 0; i < 3; i++) {
      last.length = 0
      await meter.run({ tool: 'search' }, () => ({ content: [] }))
    }
    return { ...enforcer.describe('agent-1'), last }
  }
})

describe('docs/concepts/unknown-outcomes.md', () => {
  test('charges a lost call at its deadline', () => {
    // #region deadline
    const clock = new FakeClock()
    const enforcer = new InMemoryBudgetEnforcer({ clock })
    enforcer.initialize('agent-1', 100)

    const lines = [{ budget: 'agent-1', amount: 30 }]
    enforcer.hold({ id: 'call-1', lines, ttlMs: 120_000, onExpire: 'capture' })
    // … the call is sent, the connection drops, no answer ever comes …
    const before = enforcer.describe('agent-1') // available 70, held 30, spent 0
    clock.advance(120_000)
    const after = enforcer.describe('agent-1') // available 70, held 0, spent 30
    // #endregion deadline
    expect(before).toMatchObject({ available: 70, held: 30, spent: 0 })
    expect(after).toMatchObject({ available: 70, held: 0, spent: 30 })
  })

  test('charges an answer that comes after the hold was given back, once', () => {
    const clock = new FakeClock()
    const enforcer = new InMemoryBudgetEnforcer({ clock })
    enforcer.initialize('agent-1', 100)
    enforcer.hold({ id: 'call-1', lines: [{ budget: 'agent-1', amount: 30 }], ttlMs: 120_000, onExpire: 'release' })
    clock.advance(120_000)
    expect(enforcer.remaining('agent-1')).toBe(100)
    clock.advance(60_000)
    const capture = { id: 'call-1.c', holdId: 'call-1', amount: 30, overage: 'cap' } as const
    expect([enforcer.capture(capture), enforcer.capture(capture)]).toEqual([
      { kind: 'captured', charged: 30, late: true },
      { kind: 'captured', charged: 30, late: true },
    ])
    expect(enforcer.describe('agent-1')).toMatchObject({ available: 70, spent: 30 })
  })
})

describe('docs/reference', () => {
  test('shows how an error is read', () => {
    const lines: unknown[] = []
    const console = { log: (...words: unknown[]) => lines.push(words.join(' ')) }
    const enforcer = new InMemoryBudgetEnforcer()
    // #region error
    try {
      enforcer.initialize('agent-1', 0.5)
    } catch (error) {
      if (BudgetError.isInstance(error)) console.log(error.code, error.help)
      // invalid_credits docs/reference/errors.md#invalid_credits
    }
    // #endregion error
    expect(lines).toEqual(['invalid_credits docs/reference/errors.md#invalid_credits'])
  })

  test('shows how events are heard', async () => {
    const lines: unknown[] = []
    const console = { warn: (...words: unknown[]) => lines.push(words.join(' ')) }
    const enforcer = new InMemoryBudgetEnforcer()
    enforcer.initialize('agent-1', 3)
    // #region events
    const events = new BudgetEvents()
    events.on('refused', ({ call, refusal, enforced }) => console.warn(call.tool, refusal.error, enforced))

    const prices = withCostProfile({ defaultCost: 5, events })
    const budget = withBudget({ enforcer, budget: 'agent-1', events })
    // #endregion events
    await compose(prices, budget).run(draw, () => ({}))
    expect(lines).toEqual(['draw budget_exhausted true'])
  })

  test('shows how a channel is heard', async () => {
    const lines: unknown[] = []
    const console = { warn: (...words: unknown[]) => lines.push(words.join(' ')) }
    const subscribe: typeof diagnostics.subscribe = (name, hear) => {
      diagnostics.subscribe(name, hear)
      onTestFinished(() => void diagnostics.unsubscribe(name, hear))
    }
    // #region channel
    subscribe('mcp-budget:refused', (message) => {
      const { call, refusal } = message as BudgetEventMap['refused'][0]
      console.warn(call.tool, refusal.error)
    })
    // #endregion channel
    await compose(withCostProfile({})).run(draw, () => ({}))
    expect(lines).toEqual(['draw unpriced_tool'])
  })
})

describe.each([
  'docs/concepts/why-holds.md',
  'docs/concepts/modes.md',
  'docs/concepts/unknown-outcomes.md',
  'docs/reference/errors.md',
  'docs/reference/events.md',
])('%s', (page) => {
  const markdown = readFileSync(page, 'utf8')

  test('shows only code that is run here, as it is', () => {
    const code = blocksOf(page, markdown).filter(({ language }) => language === 'ts')
    expect(code.map(({ source }) => source?.split('#')[0])).toEqual(code.map(() => 'test/docs/concepts.test.ts'))
    expect(markdown).toBe(synced(markdown, sourceText))
  })
})
