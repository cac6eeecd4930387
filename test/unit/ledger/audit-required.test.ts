import {
  BudgetEvents,
  compose,
  InMemoryBudgetEnforcer,
  MemoryLedger,
  meter,
  report,
  withBudget,
  withCostProfile,
  withLedger,
  type BudgetEventMap,
  type CallRecord,
  type Ledger,
  type LedgerRecord,
  type MaybePromise,
  type MeterOptions,
} from 'mcp-budget'
import { mint } from 'mcp-budget/delegation'
import { FakeClock } from 'mcp-budget/testing'
import { describe, expect, test, vi } from 'vitest'
import { keys } from '../../support/tokens.js'

const ok = { content: [] }

type Failing = 'no' | 'throws' | 'rejects' | 'hangs' | 'rejects, and has it'

/** A ledger in memory that fails as it is told to. */
class UnsureLedger implements Ledger {
  failing: Failing = 'no'
  readonly kept = new MemoryLedger()

  append(records: readonly LedgerRecord[]) {
    if (this.failing === 'throws') throw new Error('disk full')
    if (this.failing === 'hangs') return new Promise<void>(() => {})
    if (this.failing === 'rejects') return Promise.reject(new Error('disk full'))
    this.kept.append(records)
    return this.failing === 'no' ? undefined : Promise.reject(new Error('lost'))
  }

  entries(query = {}) {
    return this.kept.entries(query)
  }

  get calls(): readonly CallRecord[] {
    return this.kept.entries({ kind: 'call' })
  }
}

function setUp(options: Partial<MeterOptions> = {}) {
  const clock = new FakeClock()
  const ledger = new UnsureLedger()
  const memory = new InMemoryBudgetEnforcer({ clock, ledger: ledger.kept })
  memory.initialize('a', 100)
  const events = new BudgetEvents()
  const delayed: BudgetEventMap['delayed'][0][] = []
  events.on('delayed', (event) => void delayed.push(event))
  const enforcer = options.enforcer ?? memory
  const common = { enforcer, budget: 'a', prices: { defaultCost: 5 }, clock, events, ...options } as const
  const preset = meter({ ...common, ledger, auditRequired: true })
  const steps = compose(
    withLedger({ ledger, auditRequired: true, clock, events }),
    withCostProfile({ defaultCost: 5, clock }),
    withBudget({ enforcer: memory, budget: 'a', clock }),
  )
  return { clock, ledger, memory, events, delayed, preset, steps }
}

/** Runs what takes a time limit to fail. */
async function inTheEnd<Answer>(answer: MaybePromise<Answer>, clock: FakeClock): Promise<Answer> {
  for (let i = 0; i < 4; i++) await clock.advanceAsync(250)
  return answer
}

describe('where a record is required', () => {
  test.each(['preset', 'steps'] as const)('a call is recorded before it is handed on, by the %s [T52]', async (how) => {
    const { ledger, [how]: made } = setUp()
    const seen = vi.fn()
    await made.run({ tool: 'draw' }, () => {
      seen(ledger.calls.map(({ outcome, tool, budgets }) => ({ outcome, tool, budgets })))
      return ok
    })
    expect(seen.mock.calls).toEqual([[[{ outcome: 'begun', tool: 'draw', budgets: ['default/a'] }]]])
    expect(ledger.calls.map(({ outcome }) => outcome)).toEqual(['begun', 'result'])
    expect(new Set(ledger.calls.map(({ chargeId }) => chargeId)).size).toBe(1)
  })

  const failures: readonly Failing[] = ['throws', 'rejects', 'hangs']
  const rows = failures.flatMap((failing) => [{ failing, how: 'preset' } as const, { failing, how: 'steps' } as const])
  test.each(rows)('a ledger that $failing has the call refused by the $how, for nothing [T52]', async (row) => {
    const { clock, ledger, memory, [row.how]: made } = setUp()
    const forward = vi.fn(() => ok)
    ledger.failing = row.failing
    expect(await inTheEnd(made.run({ tool: 'draw' }, forward), clock)).toMatchObject({
      kind: 'refused',
      refusal: { error: 'budget_unavailable', reason: 'audit_unavailable', retryable: true, tool: 'draw' },
    })
    expect(forward).not.toHaveBeenCalled()
    expect(memory.describe('a')).toMatchObject({ available: 100, held: 0, spent: 0 })
    expect(ledger.kept.entries({ kind: 'money', tool: 'draw' })).toEqual([])
    ledger.failing = 'no'
    expect(await made.run({ tool: 'draw' }, forward)).toMatchObject({ kind: 'result' })
  })

  test('a ledger that answers at once keeps the call synchronous', () => {
    const { steps } = setUp()
    const forward = vi.fn(() => ok)
    void steps.run({ tool: 'draw' }, forward)
    expect(forward).toHaveBeenCalledOnce()
  })

  test('the preset says by whose token a call began [T40]', async () => {
    const { ledger, memory, clock } = setUp()
    const preset = meter({
      enforcer: memory,
      delegation: { keys },
      prices: { defaultCost: 5 },
      ledger,
      auditRequired: true,
      clock,
    })
    memory.initialize('acme/agent-1', 100)
    const token = mint(keys, { budget: 'acme/agent-1', exp: 'never', clock })
    await preset.run({ tool: 'draw', token: await token }, () => ok)
    const [begun, end] = ledger.calls
    expect(begun).toMatchObject({
      outcome: 'begun',
      tokenId: expect.stringMatching(/^.{43}$/),
      budgets: ['acme/agent-1'],
    })
    expect(end?.tokenId).toBe(begun?.tokenId)
    await preset.run({ tool: 'draw', token: 'mcpb_none' }, () => ok)
    expect(ledger.calls.slice(2)).toMatchObject([{ outcome: 'refused', refusal: { error: 'unauthorized' } }])
  })

  test.each(['soft', 'shadow'] as const)('%s mode hands on what it cannot record [T52]', async (mode) => {
    const { preset, ledger, events } = setUp({ mode })
    const refused = vi.fn()
    events.on('refused', refused)
    ledger.failing = 'throws'
    expect(await preset.run({ tool: 'draw' }, () => ok)).toMatchObject({ kind: 'result' })
    const told = { enforced: false, refusal: expect.objectContaining({ reason: 'audit_unavailable' }) }
    expect(refused).toHaveBeenCalledExactlyOnceWith(expect.objectContaining(told))
  })

  test.each<Failing>(['throws', 'rejects', 'hangs', 'rejects, and has it'])(
    'the end of a call is written once, by a ledger that %s at first [T52, T40]',
    async (failing) => {
      const { clock, ledger, memory, preset, delayed } = setUp()
      const run = preset.run({ tool: 'draw' }, () => {
        ledger.failing = failing
        return ok
      })
      expect(await inTheEnd(run, clock)).toMatchObject({ kind: 'result' })
      await clock.advanceAsync(10_000)
      // Asked again at once, it says that it has it.
      expect(delayed.length > 1).toBe(failing !== 'rejects, and has it')
      expect(memory.describe('a')).toMatchObject({ spent: 5 })
      ledger.failing = 'no'
      await clock.advanceAsync(60_000)
      expect(ledger.calls.map(({ outcome }) => outcome)).toEqual(['begun', 'result'])
      expect(report(ledger.entries()).byTool.get('draw')).toMatchObject({ calls: 1, charged: 5 })
    },
  )

  test('flush writes the ends that wait', async () => {
    const { ledger, preset } = setUp()
    await preset.run({ tool: 'draw' }, () => {
      ledger.failing = 'throws'
      return ok
    })
    ledger.failing = 'no'
    await preset.flush()
    expect(ledger.calls.map(({ outcome }) => outcome)).toEqual(['begun', 'result'])
  })

  test.each([
    ['hard', 'no call begins while 1,000 ends wait, and what was begun is recorded', 1_002],
    ['shadow', 'where nothing is refused 1,000 ends wait and no more', 1_000],
  ] as const)('in %s mode %s; a refusal for want of a record is none of them [T52, L-P23]', async (mode, _, kept) => {
    const { ledger, preset, memory, delayed, clock } = setUp({ mode })
    memory.grant({ id: 'g', budget: 'a', amount: 1_000_000 })
    // What is asked of each that waited, in a test takes the longest.
    ledger.entries = () => []
    const draw = (whileItRuns?: () => unknown) => {
      ledger.failing = 'no'
      return preset.run({ tool: 'draw' }, async () => {
        await whileItRuns?.()
        ledger.failing = 'throws'
        return ok
      })
    }
    // Two that have begun before, and end after.
    await draw(() => draw(many))
    async function many(): Promise<void> {
      for (let i = 0; i < 1_000; i++) await draw()
    }
    ledger.failing = 'throws'
    await preset.run({ tool: 'refused' }, () => ok)
    ledger.failing = 'no'
    const isHard = mode === 'hard'
    const late = await draw()
    expect(late).toMatchObject(isHard ? { refusal: { reason: 'audit_unavailable' } } : { kind: 'result' })
    expect(delayed.filter(({ attempt }) => attempt === 1)).toHaveLength(kept)
    ledger.failing = 'no'
    await clock.advanceAsync(60_000)
    expect(ledger.calls.filter(({ outcome }) => outcome === 'result')).toHaveLength(kept)
    expect(await draw()).toMatchObject({ kind: 'result' })
  })

  test('a call that is refused for 1,000 ends has them written, so that calls begin when the ledger is back [T52]', async () => {
    const { ledger, preset, memory, clock } = setUp()
    memory.grant({ id: 'g', budget: 'a', amount: 1_000_000 })
    ledger.entries = () => []
    const forward = () => {
      ledger.failing = 'throws'
      return ok
    }
    for (let i = 0; i < 1_000; i++) {
      ledger.failing = 'no'
      await preset.run({ tool: 'draw' }, forward)
    }
    ledger.failing = 'throws'
    // The next try by the clock is 30 s away.
    await clock.advanceAsync(70_000)
    const refusal = { reason: 'audit_unavailable' }
    for (let i = 0; i < 3; i++) expect(await preset.run({ tool: 'draw' }, () => ok)).toMatchObject({ refusal })
    await clock.advanceAsync(1)
    ledger.failing = 'no'
    const written = ledger.calls.length
    expect(await preset.run({ tool: 'draw' }, () => ok)).toMatchObject({ refusal })
    await vi.waitFor(() => expect(ledger.calls.length).toBe(written + 1_001))
    expect(await preset.run({ tool: 'draw' }, () => ok)).toMatchObject({ kind: 'result' })
  })

  test('a listener that throws changes nothing [T52]', async () => {
    const { events, ledger, preset } = setUp()
    const fail = (): never => {
      throw new Error('listener')
    }
    for (const name of ['refused', 'fault', 'delayed'] as const) events.on(name, fail)
    const run = preset.run({ tool: 'draw' }, () => {
      ledger.failing = 'throws'
      return ok
    })
    expect(await run).toMatchObject({ kind: 'result' })
    expect(await preset.run({ tool: 'draw' }, () => ok)).toMatchObject({ refusal: { reason: 'audit_unavailable' } })
  })
})

describe('a record of a beginning', () => {
  test('counts no call, in a report and where it is folded away', async () => {
    const { steps, ledger } = setUp()
    await steps.run({ tool: 'draw' }, () => ok)
    const { byTool, byOutcome, byBudget } = report(ledger.entries())
    expect(byTool.get('draw')).toMatchObject({ calls: 1 })
    expect([...byOutcome.keys()]).toEqual(['ran'])
    expect(byBudget.get('default/a')).toMatchObject({ calls: 1 })
    const small = new MemoryLedger({ maxEntries: 1 })
    small.append([...ledger.calls, ...ledger.calls.slice(1)])
    expect(small.entries({ kind: 'calls' })).toMatchObject([{ outcome: 'result', calls: 1 }])
  })
})

test('meter asks for a ledger where a record is required', () => {
  const enforcer = new InMemoryBudgetEnforcer()
  expect(() => meter({ enforcer, budget: 'a', prices: { defaultCost: 5 }, auditRequired: true })).toThrow(
    expect.objectContaining({ code: 'invalid_config' }),
  )
})
