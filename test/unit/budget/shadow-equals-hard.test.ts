import fc from 'fast-check'
import {
  BudgetEvents,
  composeWith,
  CutoverReport,
  InMemoryBudgetEnforcer,
  withBudget,
  withCostProfile,
  type BudgetOptions,
  type BudgetSpec,
  type CallOutcome,
  type HoldingEnforcer,
  type Refusal,
} from 'mcp-budget'
import { asyncEnforcer, FakeClock } from 'mcp-budget/testing'
import { describe, expect, test } from 'vitest'

const TTL_MS = 4_000
const RUNS = 300
const BUDGETS = ['default/a', 'default/b', 'default/quota']

const prices = {
  costs: {
    cheap: 3,
    dear: 20,
    free: 0,
    metered: { max: 15, metered: { pointer: '/used' } },
    careful: { price: 10, failed: 2, unknown: 4 },
    lost_budget: 1,
    broken: () => Number.NaN,
  },
}
const TOOLS = [...Object.keys(prices.costs), 'unpriced'] as const

const PAYERS: Readonly<Record<string, BudgetSpec>> = {
  one: 'a',
  several: ['a', 'b', { budget: 'quota', unit: 'calls' }],
  calls: { budget: 'quota', unit: 'calls' },
  'by tool': ({ tool }) => (tool === 'lost_budget' ? 'nobody' : tool === 'dear' ? ['b', 'a'] : 'b'),
}

const ENDS: Readonly<Record<string, CallOutcome | undefined>> = {
  ran: undefined,
  failed: { kind: 'result', proves: 'failed', result: { isError: true, used: 1 } },
  error: { kind: 'error', proves: 'failed', code: 1 },
  'not run': { kind: 'error', proves: 'not-run', code: -32601 },
  cancelled: { kind: 'lost', cause: 'cancelled', proves: 'unknown' },
  closed: { kind: 'lost', cause: 'closed', proves: 'unknown' },
  task: { kind: 'task', proves: 'unknown', taskId: 't', result: {} },
}

type Command =
  | { readonly do: 'begin'; readonly tool: string; readonly used: unknown }
  | { readonly do: 'end'; readonly which: number; readonly as: string }
  | { readonly do: 'wait'; readonly ms: number }

interface Run {
  readonly commands: readonly Command[]
  readonly credits: readonly [a: number, b: number, quota: number]
  readonly options: Partial<BudgetOptions>
  readonly payers: string
}

const commands: fc.Arbitrary<Command> = fc.oneof(
  fc.record({
    do: fc.constant('begin' as const),
    tool: fc.constantFrom(...TOOLS),
    used: fc.oneof(fc.nat(20), fc.constantFrom('x', undefined)),
  }),
  fc.record({ do: fc.constant('end' as const), which: fc.nat(9), as: fc.constantFrom(...Object.keys(ENDS)) }),
  fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 99, 500, TTL_MS / 2, TTL_MS) }),
)

const runs: fc.Arbitrary<Run> = fc.record({
  commands: fc.array(commands, { minLength: 5, maxLength: 40 }),
  credits: fc.tuple(fc.nat(60), fc.nat(60), fc.nat(6)),
  payers: fc.constantFrom(...Object.keys(PAYERS)),
  options: fc.record({
    onExpire: fc.constantFrom('capture' as const, 'release' as const),
    onCancel: fc.constantFrom('capture' as const, 'keep' as const, 'release' as const),
    onFailure: fc.constantFrom('capture' as const, 'release' as const),
    overage: fc.constantFrom('cap' as const, 'debt' as const),
  }),
})

const STORES = {
  'that answers at once': [(memory: HoldingEnforcer) => memory, (memory: HoldingEnforcer) => memory],
  'that answers later': [asyncEnforcer, (memory: HoldingEnforcer) => memory],
  'and a simulation that answer later': [asyncEnforcer, asyncEnforcer],
} as const

/** Does a run in one mode: who was refused, in order, and the balances in the end. */
async function play(mode: 'hard' | 'shadow', run: Run, store: keyof typeof STORES) {
  const clock = new FakeClock()
  const events = new BudgetEvents()
  const memory = filled(clock, run.credits)
  const simulated = new InMemoryBudgetEnforcer({ clock })
  const [real, copy] = STORES[store]
  const report = new CutoverReport({ events })
  const numbers = new Map<string, number>()
  const refused: unknown[] = []
  const note = (id: string, { error, reason, budget, cost, remaining }: Refusal): void =>
    void refused.push({ call: numbers.get(id), error, reason, budget, cost, remaining })
  if (mode === 'hard') events.on('refused', ({ call, refusal }) => note(call.id, refusal))
  else events.on('simulated', ({ call, refusal }) => refusal && note(call.id, refusal))
  const ends = new Map<string, CallOutcome | undefined>()
  const meter = composeWith(clock, [
    { name: 'numbered', enter: (call) => (numbers.set(call.id, numbers.size), call) },
    withCostProfile({ ...prices, clock, events, enforce: mode === 'hard' }),
    withBudget({
      enforcer: real(memory),
      budget: PAYERS[run.payers]!,
      mode,
      ttlMs: TTL_MS,
      clock,
      events,
      shadow: { enforcer: copy(simulated) },
      ...run.options,
    }),
    { name: 'ending', leave: (call, outcome) => ends.get(call.id) ?? outcome },
  ])

  const pending: Array<{ id: string; began: number; finish(as: string): void } | undefined> = []
  let count = 0
  for (const command of run.commands) {
    if (command.do === 'wait') await wait(clock, command.ms)
    if (command.do === 'begin') {
      const n = count++
      pending[n] = undefined
      void meter.run({ tool: command.tool }, ({ id }) => {
        return new Promise((resolve) => {
          const finish = (as: string): void => {
            ends.set(id, ENDS[as])
            resolve({ used: command.used })
          }
          pending[n] = { id, began: clock.now(), finish }
        })
      })
    }
    if (command.do === 'end' && count > 0) {
      // By number, for in hard mode some of them were never begun.
      const n = command.which % count
      const call = pending[n]
      pending[n] = undefined
      // When a hold that was extended runs out depends on when the engine looked after it: no mode promises more.
      const extended = call !== undefined && clock.now() - call.began >= TTL_MS / 2
      call?.finish(extended ? 'ran' : command.as)
    }
    await rest()
  }
  const unclear = (enforcer: InMemoryBudgetEnforcer, budget: string) => {
    const { available, held, spent, debt } = enforcer.describe(budget)
    return { budget, available, held, spent, debt }
  }
  const seen = BUDGETS.filter((budget) => mode === 'hard' || knows(simulated, budget))
  return {
    refused,
    real: BUDGETS.map((budget) => unclear(memory, budget)),
    balances: seen.map((budget) => unclear(mode === 'hard' ? memory : simulated, budget)),
    listed: report.summary().refusedCalls.map(({ chargeId }) => numbers.get(chargeId)),
    calls: report.summary().calls,
  }
}

function filled(clock: FakeClock, credits: Run['credits']): InMemoryBudgetEnforcer {
  const memory = new InMemoryBudgetEnforcer({ clock })
  BUDGETS.forEach((budget, i) => memory.initialize(budget, credits[i] ?? 0))
  return memory
}

function knows(store: InMemoryBudgetEnforcer, budget: string): boolean {
  try {
    return store.describe(budget) !== undefined
  } catch {
    return false
  }
}

/** In steps so short that the answer to an extension is there before the hold's time is up. */
async function wait(clock: FakeClock, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= TTL_MS / 16) {
    clock.advance(Math.min(left, TTL_MS / 16))
    await rest()
  }
}

/** Lets what only waits for promises come to rest; turns of the event loop would take too long here. */
async function rest(): Promise<void> {
  for (let i = 0; i < 60; i++) await Promise.resolve()
}

describe.each(Object.keys(STORES) as Array<keyof typeof STORES>)('with a store %s', (store) => {
  test('shadow mode would refuse exactly what hard mode refuses, in order, with the same balances [I19, seed-001:mode-shadow]', async () => {
    let some = 0
    await fc.assert(
      fc.asyncProperty(runs, async (run) => {
        const hard = await play('hard', run, store)
        const shadow = await play('shadow', run, store)
        expect(shadow.refused).toEqual(hard.refused)
        expect(shadow.listed).toEqual(hard.refused.map((each) => (each as { call: number }).call))
        // What was never seen in the simulation has not changed in hard mode either.
        const known = new Set(shadow.balances.map(({ budget }) => budget))
        expect(shadow.balances).toEqual(hard.balances.filter(({ budget }) => known.has(budget)))
        // Nothing real is touched.
        expect(shadow.real.map(({ available }) => available)).toEqual(run.credits)
        some += hard.refused.length
      }),
      { numRuns: RUNS },
    )
    expect(some).toBeGreaterThan(RUNS)
  })
})
