import { describe, expect, test } from 'vitest'
// #region imports
import { BudgetEvents, composeWith, InMemoryBudgetEnforcer, withBudget, withCostProfile } from 'mcp-budget'
import { LeasedEnforcer } from 'mcp-budget/leases'
// #endregion imports
import { asyncEnforcer, FakeClock, settle } from 'mcp-budget/testing'
import { MemoryLedger, withLedger, type LeasingEnforcer } from 'mcp-budget'

async function setUp() {
  const clock = new FakeClock()
  const memory = new InMemoryBudgetEnforcer({ clock })
  memory.initialize('agent-1', 1_000)
  const far = { isDown: false }
  const store = asyncEnforcer(memory, {
    before: () => (far.isDown ? new Promise(() => {}) : undefined),
  }) as unknown as LeasingEnforcer
  const events = new BudgetEvents()
  const covered: number[] = []
  events.on('covered', ({ amount }) => covered.push(amount))
  const more = { clock, events }
  // #region outages
  const enforcer = await LeasedEnforcer.open({ store, use: 'outages', ...more })
  const budget = withBudget({ enforcer, budget: 'agent-1', failMode: 'lease', ...more })
  // #endregion outages
  const meter = composeWith(clock, [withCostProfile({ defaultCost: 10, clock }), budget])
  const run = async (): Promise<string> => {
    const ran = meter.run({ tool: 'search' }, () => ({ content: [] }))
    await settle()
    await clock.advanceAsync(250)
    await clock.advanceAsync(250)
    const outcome = await ran
    return outcome.kind === 'refused' ? outcome.refusal.reason : outcome.kind
  }
  return { clock, memory, far, enforcer, run, covered, view: () => memory.describe('agent-1') }
}

describe('the code of the guide to leases, failMode: lease', () => {
  test('asks the store for each call while it answers, and keeps a lease for when it does not', async () => {
    const { run, view, covered } = await setUp()
    expect([await run(), await run()]).toEqual(['result', 'result'])
    expect(view()).toMatchObject({ spent: 20, leases: 1, leased: 247 })
    expect(covered).toEqual([])
  })

  test('pays from the lease while the store is out of reach, and then refuses [I16]', async () => {
    const { run, view, far, covered } = await setUp()
    await run()
    far.isDown = true
    const outcomes: string[] = []
    for (let n = 0; n < 26; n++) outcomes.push(await run())
    expect(outcomes).toEqual([
      ...Array.from({ length: 24 }, () => 'result'),
      ...['budget_backend_error', 'budget_backend_error'],
    ])
    expect(covered).toHaveLength(24)
    expect(view().held + view().spent).toBeLessThanOrEqual(257)
  })

  test('charges what it covered once, when the store is back [I3] [R2]', async () => {
    const { run, view, far, enforcer, clock } = await setUp()
    await run()
    far.isDown = true
    for (let n = 0; n < 5; n++) expect(await run()).toBe('result')
    far.isDown = false
    await clock.advanceAsync(60_000)
    await run()
    const end = enforcer.shutdown()
    await clock.advanceAsync(1_000)
    await end
    expect(view()).toMatchObject({ spent: 70, held: 0, available: 930 })
  })

  test('refuses a store that has nothing to pay from', () => {
    const enforcer = new InMemoryBudgetEnforcer()
    expect(() => withBudget({ enforcer, budget: 'agent-1', failMode: 'lease' })).toThrow(/LeasedEnforcer\.open/)
  })
})

describe('the code of the guide to leases, after a crash', () => {
  test('gives back by hand what was not used [R2]', async () => {
    const clock = new FakeClock()
    const ledger = new MemoryLedger()
    const store = new InMemoryBudgetEnforcer({ clock, ledger })
    store.initialize('team', 1_000)
    const far = { isDown: false }
    const seen = asyncEnforcer(store, { before: () => (far.isDown ? new Promise(() => {}) : undefined) })
    const enforcer = await LeasedEnforcer.open({ store: seen as unknown as LeasingEnforcer, most: 100, clock })
    const budget = withBudget({ enforcer, budget: 'team', clock })
    const meter = composeWith(clock, [
      withLedger({ ledger, clock }),
      withCostProfile({ defaultCost: 10, clock }),
      budget,
    ])
    for (let n = 0; n < 5; n++) {
      const ran = meter.run({ tool: 'search' }, () => ({ content: [] }))
      await settle()
      await clock.advanceAsync(1)
      expect(await ran).toMatchObject({ kind: 'result' })
    }
    far.isDown = true
    await clock.advanceAsync(60_000)
    // #region reconcile
    const { spent, leases = 0 } = store.describe('team')
    const { charged = 0 } = ledger.report({ budget: 'team' }).byBudget.get('default/team') ?? {}
    const money = ledger.entries({ kind: 'money', budget: 'team' }).filter((entry) => entry.kind === 'money')
    const done = new Set(money.filter(({ op }) => op === 'reconcile').map(({ id }) => id))
    const lost = money.filter(({ op, id }) => op === 'forfeit' && !done.has(id))
    if (leases > 0) throw new Error('Those who have leases will say themselves what they used')
    let used = lost.reduce((sum, lease) => sum + lease.spent, 0) - (spent - charged)
    for (const { id, spent: amount } of lost) {
      store.reconcile({ id: `crash-17/${id}`, leaseId: id, used: Math.min(used, amount) })
      used -= Math.min(used, amount)
    }
    // #endregion reconcile
    expect([spent, charged]).toEqual([110, 50])
    expect(store.describe('team')).toMatchObject({ spent: 50, available: 950 })
    expect(store.describe('team').forfeited ?? 0).toBe(0)
  })
})
