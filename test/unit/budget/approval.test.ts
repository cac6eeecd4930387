import {
  BudgetEvents,
  composeWith,
  InMemoryBudgetEnforcer,
  withBudget,
  withCostProfile,
  type BudgetOptions,
  type CallInput,
  type HoldingEnforcer,
  type ToolCall,
} from 'mcp-budget'
import { asyncEnforcer, FakeClock, faultyEnforcer, settle } from 'mcp-budget/testing'
import { describe, expect, test, vi } from 'vitest'

const ok = { content: [] }
const costs = { cheap: 10, dear: 50, free: 0 }

function setUp(
  options: Partial<BudgetOptions> & { credits?: number; store?: (memory: HoldingEnforcer) => HoldingEnforcer },
) {
  const { credits = 100, store = (memory) => memory, ...given } = options
  const clock = new FakeClock()
  const memory = new InMemoryBudgetEnforcer({ clock })
  memory.initialize('a', credits)
  memory.initialize('b', 20)
  const meter = composeWith(clock, [
    withCostProfile({ costs, clock }),
    withBudget({ enforcer: store(memory), budget: 'a', clock, ...given }),
  ])
  const forward = vi.fn((_call: ToolCall): unknown => ok)
  return {
    clock,
    memory,
    forward,
    run: async (tool: string, more: Partial<CallInput> = {}) => meter.run({ tool, args: { q: 'x' }, ...more }, forward),
    held: () => memory.describe('a').held,
  }
}

describe('approval', () => {
  test('is asked above the threshold, with the call and its price', async () => {
    const approve = vi.fn(() => true)
    const { run, forward } = setUp({ approve, approveAbove: 10 })
    await run('free')
    await run('cheap')
    expect(approve).not.toHaveBeenCalled()
    expect(await run('dear')).toMatchObject({ kind: 'result' })
    expect(approve).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ kind: 'call', tool: 'dear', args: { q: 'x' }, cost: 50 }),
      expect.objectContaining({ cost: 50, source: expect.objectContaining({ pattern: 'dear' }) }),
    )
    expect(forward).toHaveBeenCalledTimes(3)
  })

  test('is asked for everything that costs, where no threshold is set', async () => {
    const approve = vi.fn(() => true)
    const { run } = setUp({ approve })
    await run('free')
    await run('cheap')
    expect(approve).toHaveBeenCalledOnce()
  })

  test('that is given is good for one call', async () => {
    const answers = [true, false]
    const { run, forward } = setUp({ approve: () => answers.shift() ?? false })
    expect(await run('dear')).toMatchObject({ kind: 'result' })
    expect(await run('dear')).toMatchObject({ kind: 'refused', refusal: { error: 'approval_required' } })
    expect(forward).toHaveBeenCalledOnce()
  })

  test.each([false, undefined, null, 1, 'true', 'yes', {}, []])(
    'is not given by %j, only by true, and then nothing is held',
    async (answer) => {
      for (const given of [answer, Promise.resolve(answer)]) {
        const { run, forward, held, memory } = setUp({ approve: () => given as never })
        expect(await run('dear')).toMatchObject({
          kind: 'refused',
          refusal: { error: 'approval_required', reason: 'approval_required', cost: 50, retryable: true },
        })
        expect(forward).not.toHaveBeenCalled()
        expect([held(), memory.describe('a').available]).toEqual([0, 100])
      }
    },
  )

  test.each([
    [
      'throws',
      () => {
        throw new Error('no reviewer')
      },
    ],
    ['rejects', () => Promise.reject(new Error('no reviewer'))],
  ] as const)('that %s refuses the call, with the cause for the operator only', async (_, approve) => {
    const { run, forward, held } = setUp({ approve })
    expect(await run('dear')).toMatchObject({
      kind: 'refused',
      refusal: { error: 'approval_required', reason: 'approval_failed', detail: { message: 'no reviewer' } },
    })
    expect(forward).not.toHaveBeenCalled()
    expect(held()).toBe(0)
  })

  test('is shown a frozen copy, and exactly that is forwarded whatever changes meanwhile [L-S22, T20]', async () => {
    const args = { to: 'friend', amounts: [1, 2] }
    let decide: (answer: boolean) => void = () => {}
    const approve = vi.fn((_call: ToolCall) => new Promise<boolean>((resolve) => (decide = resolve)))
    const { run, forward } = setUp({ approve })
    const outcome = run('dear', { args })
    args.to = 'foe'
    args.amounts.push(1_000)
    const shown = approve.mock.calls[0]?.[0] as ToolCall
    expect(shown.args).toEqual({ to: 'friend', amounts: [1, 2] })
    expect(Object.isFrozen(shown.args) && Object.isFrozen(shown.args?.['amounts'])).toBe(true)
    decide(true)
    await outcome
    expect(forward.mock.calls[0]?.[0].args).toEqual({ to: 'friend', amounts: [1, 2] })
  })

  test('is refused for arguments that cannot be shown whole [T21]', async () => {
    let deep: Record<string, unknown> = {}
    for (let i = 0; i < 5_000; i++) deep = { deep }
    const approve = vi.fn(() => true)
    for (const args of [deep, { n: 1n }, { at: new Date(0) }]) {
      const { run, forward, held } = setUp({ approve })
      expect(await run('dear', { args })).toMatchObject({ kind: 'refused', refusal: { error: 'invalid_request' } })
      expect(forward).not.toHaveBeenCalled()
      expect(held()).toBe(0)
    }
    expect(approve).not.toHaveBeenCalled()
  })

  test('is not asked for what the budget cannot pay anyway', async () => {
    for (const store of [(memory: HoldingEnforcer) => memory, asyncEnforcer]) {
      const approve = vi.fn(() => true)
      const { run } = setUp({ approve, credits: 49, store })
      expect(await run('dear')).toMatchObject({ refusal: { error: 'budget_exhausted', reason: 'insufficient' } })
      expect(approve).not.toHaveBeenCalled()
    }
  })

  test('is not asked where any of several budgets cannot pay', async () => {
    for (const budget of [
      ['a', 'b'],
      ['b', 'a'],
      ['a', { budget: 'none', unit: 'calls' }],
    ] as const) {
      const approve = vi.fn(() => true)
      const { run, memory } = setUp({ approve, budget })
      memory.initialize('none', 0)
      expect(await run('dear')).toMatchObject({ kind: 'refused', refusal: { error: 'budget_exhausted' } })
      expect(approve).not.toHaveBeenCalled()
    }
  })

  test('is asked in soft mode too, whatever the budget has', async () => {
    const approve = vi.fn(() => false)
    const { run } = setUp({ approve, mode: 'soft', credits: 0 })
    expect(await run('dear')).toMatchObject({ refusal: { error: 'approval_required' } })
    expect(approve).toHaveBeenCalledOnce()
  })

  test('does not pay: two approved calls for one budget are judged by their holds [L-P1]', async () => {
    const decide: Array<() => void> = []
    const approve = () => new Promise<boolean>((resolve) => decide.push(() => resolve(true)))
    const { run, forward } = setUp({ approve, credits: 60 })
    const outcomes = [run('dear'), run('dear')]
    for (const each of decide) each()
    const kinds = (await Promise.all(outcomes)).map(({ kind }) => kind)
    expect(kinds.sort()).toEqual(['refused', 'result'])
    expect(forward).toHaveBeenCalledOnce()
  })

  test.each(['throw', 'drop', { nonsense: undefined }, { nonsense: {} }, { nonsense: 'yes' }] as const)(
    'does not replace a store whose check goes wrong (%j): the hold decides [I16]',
    async (fault) => {
      const { run, clock } = setUp({
        approve: () => true,
        credits: 49,
        store: (memory) => faultyEnforcer(memory, (verb) => (verb === 'check' ? fault : undefined)),
      })
      const outcome = run('dear')
      await clock.advanceAsync(1_000)
      expect(await outcome).toMatchObject({ kind: 'refused' })
    },
  )

  test('is told in an event when it is not given', async () => {
    const events = new BudgetEvents()
    const refused = vi.fn()
    events.on('refused', refused)
    const { run } = setUp({ approve: () => false, events })
    await run('dear')
    await settle()
    expect(refused).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ enforced: true, refusal: expect.objectContaining({ error: 'approval_required' }) }),
    )
  })
})
