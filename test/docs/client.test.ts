import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import {
  assertMetered,
  BudgetEvents,
  compose,
  InMemoryBudgetEnforcer,
  MemoryLedger,
  meter,
  middleware,
  refusalOf,
  refuse,
  report,
  withBudget,
  withCostProfile,
  withLedger,
  wrapClient,
  wrapTransport,
  type CallMiddleware,
} from 'mcp-budget'
import { beforeEach, describe, expect, test, vi, type Mock } from 'vitest'
import { studio } from './studio.js'

const work = () => ({ content: [] })

describe('the code of the client guide', () => {
  let enforcer: InMemoryBudgetEnforcer
  let client: Client
  let log: Mock<(...said: unknown[]) => void>

  beforeEach(() => {
    enforcer = new InMemoryBudgetEnforcer()
    enforcer.initialize('agent-1', 100)
    client = new Client({ name: 'agent', version: '1.0.0' })
    log = vi.fn()
  })

  test('wraps a transport, and reads the refusal that a client throws', async () => {
    const { transport, ran } = await studio()
    // #region transport
    const metered = wrapTransport(
      transport,
      withCostProfile({ defaultCost: 5, costs: { draw: 60 } }),
      withBudget({ enforcer, budget: 'agent-1' }),
    )
    await client.connect(metered)
    // #endregion transport
    await client.callTool({ name: 'draw' })

    // #region error
    try {
      await client.callTool({ name: 'draw' })
    } catch (error) {
      const refusal = refusalOf(error)
      if (refusal === undefined) throw error // not ours
      log(`${refusal.error}: ${refusal.tool} costs ${refusal.cost_credits}, ${refusal.remaining_credits} left`)
    }
    // #endregion error
    expect(log).toHaveBeenCalledWith('budget_exhausted: draw costs 60, 40 left')
    expect(ran).toEqual(['draw'])
  })

  test('wraps a client, whatever it connects to', async () => {
    const { transport } = await studio()
    // #region client
    const agent = wrapClient(client, withCostProfile({ defaultCost: 5 }), withBudget({ enforcer, budget: 'agent-1' }))
    await agent.connect(transport)
    assertMetered(agent) // throws when calls are not metered
    // #endregion client
    await agent.callTool({ name: 'search' })
    expect(enforcer.remaining('agent-1')).toBe(95)
    expect(() => assertMetered(new Client({ name: 'agent', version: '1.0.0' }))).toThrow()
  })

  test('adds credits to a budget, once for each id', () => {
    // #region grant
    enforcer.grant({ id: 'invoice-17', budget: 'agent-1', amount: 50 })
    log(enforcer.describe('agent-1').available)
    // #endregion grant
    enforcer.grant({ id: 'invoice-17', budget: 'agent-1', amount: 50 })
    expect(log).toHaveBeenCalledWith(150)
    expect(enforcer.describe('agent-1').available).toBe(150)
  })

  test('answers with a result that a model reads', async () => {
    const { transport } = await studio()
    const steps = [withCostProfile({ defaultCost: 500 }), withBudget({ enforcer, budget: 'agent-1' })] as const
    // #region result
    await client.connect(wrapTransport(transport, { refusal: 'result' }, ...steps))

    const result = await client.callTool({ name: 'search' })
    log(result.isError, refusalOf(result)?.error)
    // #endregion result
    expect(log).toHaveBeenCalledWith(true, 'budget_exhausted')
  })

  test('prices servers by the name that their seat has', async () => {
    const [github, search] = [await studio(), await studio()]
    const other = new Client({ name: 'agent', version: '1.0.0' })
    // #region servers
    const prices = { defaultCost: 5, servers: { github: { costs: { list_issues: 1 } } } }
    const budgeted = meter({ enforcer, budget: 'agent-1', prices })

    await client.connect(wrapTransport(github.transport, { server: 'github' }, budgeted))
    await other.connect(wrapTransport(search.transport, { server: 'search' }, budgeted))
    // #endregion servers
    await client.callTool({ name: 'list_issues' })
    expect(enforcer.remaining('agent-1')).toBe(99)
    await other.callTool({ name: 'list_issues' })
    expect(enforcer.remaining('agent-1')).toBe(94)
  })

  test('charges several budgets, or whom a function names', async () => {
    enforcer.initialize('acme/alice', 20)
    enforcer.initialize('acme/team', 1_000)
    enforcer.initialize('acme/calls', 2)
    // #region budgets
    const shared = withBudget({
      enforcer,
      budget: ['acme/alice', 'acme/team', { budget: 'acme/calls', unit: 'calls' }],
    })

    const byServer = withBudget({ enforcer, budget: (call) => `acme/${call.server ?? 'team'}` })
    // #endregion budgets
    const run = compose(withCostProfile({ defaultCost: 5 }), shared)
    for (const outcome of ['result', 'result', 'refused']) {
      expect(await run.run({ tool: 'search' }, work)).toMatchObject({ kind: outcome })
    }
    expect(['alice', 'team', 'calls'].map((name) => enforcer.remaining(`acme/${name}`))).toEqual([10, 990, 0])
    await compose(withCostProfile({ defaultCost: 3 }), byServer).run({ tool: 'search', server: 'alice' }, work)
    expect(enforcer.remaining('acme/alice')).toBe(7)
  })

  test('asks before a dear call', async () => {
    const askSomebody = vi.fn(async (_question: string) => false)
    // #region approve
    const careful = withBudget({
      enforcer,
      budget: 'agent-1',
      approveAbove: 20,
      approve: (call, price) => askSomebody(`${call.tool} for ${price.cost} credits?`),
    })
    // #endregion approve
    const run = compose(withCostProfile({ defaultCost: 5, costs: { draw: 50 } }), careful)
    expect(await run.run({ tool: 'search' }, work)).toMatchObject({ kind: 'result' })
    expect(await run.run({ tool: 'draw' }, work)).toMatchObject({ refusal: { error: 'approval_required' } })
    expect(askSomebody.mock.calls).toEqual([['draw for 50 credits?']])
    expect(enforcer.remaining('agent-1')).toBe(95)
  })

  test('tells of what happens', async () => {
    // #region events
    const events = new BudgetEvents()
      .on('held', ({ call, cost, remaining }) => log(`${call.tool}: ${cost} held, ${remaining} left`))
      .on('charged', ({ call, charge }) => log(`${call.tool}: ${charge.charged} charged`))
      .on('refused', ({ call, refusal }) => log(`${call.tool}: ${refusal.reason}`))

    const loud = meter({ enforcer, budget: 'agent-1', prices: { defaultCost: 60 }, events })
    // #endregion events
    await loud.run({ tool: 'draw' }, work)
    await loud.run({ tool: 'draw' }, work)
    expect(log.mock.calls.flat()).toEqual(['draw: 60 held, 40 left', 'draw: 60 charged', 'draw: insufficient'])
  })

  test('keeps a ledger', async () => {
    // #region ledger
    const ledger = new MemoryLedger()
    const recorded = new InMemoryBudgetEnforcer({ ledger }) // the store's own entries: money
    recorded.initialize('agent-1', 100)

    const steps = compose(
      withLedger({ ledger }), // a record of every call, refusals too; the first, so that it sees them
      withCostProfile({ defaultCost: 60, version: '2026-11-01' }),
      withBudget({ enforcer: recorded, budget: 'agent-1' }),
    )
    // #endregion ledger
    await steps.run({ tool: 'draw' }, work)
    await steps.run({ tool: 'draw' }, work)
    // #region report
    for (const [tool, { calls, refused, charged }] of report(ledger.entries()).byTool)
      log(tool, calls, refused, charged)
    // #endregion report
    expect(log.mock.calls).toEqual([['draw', 2, 1, 60]])
    expect(ledger.entries({ kind: 'call' })).toMatchObject([{ price: { version: '2026-11-01' } }, {}])
  })

  test('tries a price list out before it counts', async () => {
    // #region shadow
    const events = new BudgetEvents().on('refused', ({ call, refusal, enforced }) => {
      if (!enforced) log(`would refuse ${call.tool}: ${refusal.reason}`)
    })

    const trial = meter({ mode: 'shadow', enforcer, budget: 'agent-1', prices: { costs: { draw: 60 } }, events })
    // #endregion shadow
    for (const tool of ['draw', 'draw', 'paint']) {
      expect(await trial.run({ tool }, work)).toMatchObject({ kind: 'result' })
    }
    expect(log.mock.calls.flat()).toEqual(['would refuse draw: insufficient', 'would refuse paint: unpriced'])
    expect(enforcer.remaining('agent-1')).toBe(100)
  })

  test('lets a bounded amount pass while the store is out of reach', async () => {
    const down = Object.assign(new InMemoryBudgetEnforcer(), {
      hold: () => Promise.reject(new Error('connection refused')),
    })
    down.initialize('agent-1', 100)
    // #region open
    const tolerant = withBudget({ enforcer: down, budget: 'agent-1', failMode: { open: { limit: 10 } } })
    // #endregion open
    const run = compose(withCostProfile({ defaultCost: 5 }), tolerant)
    for (const outcome of ['result', 'result', 'refused']) {
      expect(await run.run({ tool: 'search' }, work)).toMatchObject({ kind: outcome })
    }
    // #region flush
    await tolerant.flush()
    if (tolerant.pending > 0) log(`${tolerant.pending} charges have not reached the store`)
    // #endregion flush
    expect(down.describe('agent-1').spent).toBe(10)
    expect(log).not.toHaveBeenCalled()
  })

  test('runs a step of your own', async () => {
    const night = { is: true }
    // #region step
    const daytime: CallMiddleware = {
      name: 'daytime',
      enter: (call) => (night.is ? refuse(call.tool, { error: 'forbidden_tool', reason: 'forbidden_tool' }) : call),
    }

    const timed = middleware(async (call, next) => {
      const outcome = await next(call)
      log(`${call.tool}: ${outcome.proves}, ${outcome.charge?.charged} credits`)
      return outcome
    })

    const steps = compose(
      daytime,
      timed,
      withCostProfile({ defaultCost: 5 }),
      withBudget({ enforcer, budget: 'agent-1' }),
    )
    // #endregion step
    expect(await steps.run({ tool: 'draw' }, work)).toMatchObject({ refusal: { error: 'forbidden_tool' } })
    night.is = false
    await steps.run({ tool: 'draw' }, work)
    expect(log.mock.calls).toEqual([['draw: ran, 5 credits']])
  })
})
