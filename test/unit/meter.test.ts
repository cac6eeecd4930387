import {
  BudgetError,
  BudgetEvents,
  InMemoryBudgetEnforcer,
  MemoryLedger,
  meter,
  report,
  wrapTransport,
  type Ledger,
  type MeterOptions,
} from 'mcp-budget'
import { FakeClock, fakeEnforcer, settle } from 'mcp-budget/testing'
import { describe, expect, test, vi } from 'vitest'
import { StubTransport } from '../support/stub-transport.js'
import { call, resultOf } from '../support/seat.js'

const ok = { content: [] }

function setUp(options: Partial<MeterOptions> = {}, credits = 100) {
  const clock = new FakeClock()
  const ledger = new MemoryLedger()
  const memory = new InMemoryBudgetEnforcer({ clock, ledger })
  memory.initialize('a', credits)
  const preset = meter({
    enforcer: memory,
    budget: 'a',
    prices: { defaultCost: 5, costs: { 'gpt4_*': 25, draw: 50, '*': 7, gpt4_mini: 1 } },
    ledger,
    clock,
    ...options,
  })
  return { clock, ledger, memory, preset }
}

describe('the preset', () => {
  test('has the usual steps in the usual order', () => {
    expect(setUp().preset.steps.map(({ name }) => name)).toEqual(['withLedger', 'withCostProfile', 'withBudget'])
    const without = meter({ enforcer: fakeEnforcer({ remaining: 1 }), budget: 'a', prices: { defaultCost: 5 } })
    expect(without.steps.map(({ name }) => name)).toEqual(['withCostProfile', 'withBudget'])
  })

  test('prices exact names, then the longest prefix, then all, and charges that [seed-001:cost-profiles]', async () => {
    const { preset, ledger } = setUp()
    for (const tool of ['draw', 'gpt4_mini', 'gpt4_big', 'other']) await preset.run({ tool }, () => ok)
    const spent = Object.fromEntries(
      Array.from(report(ledger.entries()).byTool, ([tool, { charged }]) => [tool, charged]),
    )
    expect(spent).toEqual({ draw: 50, gpt4_mini: 1, gpt4_big: 25, other: 7 })
  })

  test('keeps budgets in memory, and denies what they cannot pay [seed-001:in-memory-enforcement, L-P30]', async () => {
    const { preset, memory } = setUp({}, 60)
    expect(await preset.run({ tool: 'draw' }, () => ok)).toMatchObject({ kind: 'result' })
    expect(await preset.run({ tool: 'draw' }, () => ok)).toMatchObject({ kind: 'refused' })
    expect(memory.describe('a')).toMatchObject({ spent: 50, available: 10 })
  })

  test('is taken by a seat as its steps are', () => {
    const { preset, memory } = setUp()
    const wire = new StubTransport()
    const transport = wrapTransport(wire, preset)
    void transport.send(call(1, 'draw'))
    wire.receive(resultOf(1))
    expect(memory.describe('a')).toMatchObject({ spent: 50 })
  })

  test.each(['soft', 'shadow'] as const)(
    'lets unpriced tools through in %s mode, and tells of them [I19]',
    async (mode) => {
      const events = new BudgetEvents()
      const refused = vi.fn()
      events.on('refused', refused)
      const { preset, memory } = setUp({ mode, prices: { costs: { draw: 50 } }, events })
      expect(await preset.run({ tool: 'other' }, () => ok)).toMatchObject({ kind: 'result', result: ok })
      expect(refused).toHaveBeenCalledExactlyOnceWith(
        expect.objectContaining({ enforced: false, refusal: expect.objectContaining({ error: 'unpriced_tool' }) }),
      )
      expect(memory.describe('a')).toMatchObject({ spent: 0, held: 0 })
    },
  )

  test('judges its settings at once', () => {
    for (const wrong of [{ mode: 'off' }, { prices: { costs: { a: -1 } } }, { budget: '../a' }, { limit: 5 }]) {
      expect(() => setUp(wrong as never)).toThrow(BudgetError)
    }
  })
})

describe('a ledger that fails', () => {
  const failing: ReadonlyArray<readonly [string, Ledger['append']]> = [
    [
      'throws',
      () => {
        throw new Error('disk full')
      },
    ],
    ['rejects', () => Promise.reject(new Error('disk full'))],
    ['never answers', () => new Promise(() => {})],
  ]
  test.each(failing)('and %s changes no call and no balance, and is told of [T52]', async (how, append) => {
    const events = new BudgetEvents()
    const fault = vi.fn()
    events.on('fault', fault)
    const ledger: Ledger = { append, entries: () => [] }
    const { preset, memory } = setUp({ ledger, events })
    expect(await preset.run({ tool: 'draw' }, () => ok)).toMatchObject({ kind: 'result', result: ok })
    expect(await preset.run({ tool: 'draw' }, () => ok)).toMatchObject({ kind: 'result', result: ok })
    expect(await preset.run({ tool: 'draw' }, () => ok)).toMatchObject({ kind: 'refused' })
    await settle()
    expect(memory.describe('a')).toMatchObject({ spent: 100, held: 0 })
    const told = expect.objectContaining({
      where: 'withLedger',
      error: expect.objectContaining({ message: 'disk full' }),
    })
    expect(fault.mock.calls).toEqual(how === 'never answers' ? [] : [[told], [told], [told]])
  })

  test('in the store’s own step changes no balance: the hold is refused whole [T52, I13, I1]', async () => {
    const clock = new FakeClock()
    let full = false
    const memory = new InMemoryBudgetEnforcer({
      clock,
      ledger: {
        append() {
          if (full) throw new Error('disk full')
        },
      },
    })
    memory.initialize('a', 100)
    const preset = meter({ enforcer: memory, budget: 'a', prices: { defaultCost: 5 }, clock })
    full = true
    const forward = vi.fn(() => ok)
    expect(await preset.run({ tool: 't' }, forward)).toMatchObject({ refusal: { error: 'budget_unavailable' } })
    expect(forward).not.toHaveBeenCalled()
    full = false
    await clock.advanceAsync(200_000)
    expect(memory.describe('a')).toMatchObject({ available: 100, held: 0, spent: 0, openHolds: 0 })
  })
})
