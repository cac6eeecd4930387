import {
  BudgetEvents,
  compileCostProfile,
  compose,
  InMemoryBudgetEnforcer,
  MemoryLedger,
  toolDigest,
  withBudget,
  withCostProfile,
  withLedger,
  withToolPins,
  type CallInput,
  type CallMiddleware,
  type Priced,
} from 'mcp-budget'
import { describe, expect, test } from 'vitest'
import * as z from 'zod/v4'

/** What calls cost, by what is held for them. */
function holds(priced: CallMiddleware<unknown, Priced>, ...calls: CallInput[]): Promise<unknown[]> {
  const enforcer = new InMemoryBudgetEnforcer()
  enforcer.initialize('payer', 1_000_000)
  const run = compose(priced, withBudget({ enforcer, budget: 'payer' }))
  return Promise.all(
    calls.map(async (call) => {
      const outcome = await run.run(call, () => ({ content: [] }))
      return outcome.kind === 'refused' ? outcome.refusal.reason : outcome.charge?.charged
    }),
  )
}

describe('the code of the pricing guide', () => {
  test('prices by name, by prefix and by default', async () => {
    // #region list
    const priced = withCostProfile({
      costs: {
        web_search: 5, // this tool
        'gpt4_*': 25, // all that begin so
        'gpt4_vision_*': 40, // the longest beginning wins
        health_check: 0, // free
      },
      defaultCost: 2, // all others
    })
    // #endregion list
    const tools = ['web_search', 'gpt4_summarize', 'gpt4_vision_ocr', 'health_check', 'anything']
    expect(await holds(priced, ...tools.map((tool) => ({ tool })))).toEqual([5, 25, 40, 0, 2])
  })

  test('prices in one glance', async () => {
    // #region glance
    const priced = withCostProfile({
      costs: {
        web_search: 5, // one tool
        'gpt4_*': 25, // all that begin so; the longest beginning wins
        draw: (args) => (args?.size === 'large' ? 50 : 20), // by the arguments
        book_flight: { price: 100, failed: 5 }, // by the outcome
        speak: { max: 50, metered: { meta: 'example.com/usage', pointer: '/credits' } }, // by what the result reports
      },
      servers: { github: { defaultCost: 1 } }, // one server's own list comes first
      defaultCost: 2, // all others; without it they are refused
    })
    // #endregion glance
    const calls = ['web_search', 'gpt4_o', 'draw', 'book_flight', 'speak', 'other'].map((tool) => ({ tool }))
    expect(await holds(priced, ...calls, { tool: 'web_search', server: 'github' })).toEqual([5, 25, 20, 100, 50, 2, 1])
  })

  test('refuses what has no price', async () => {
    // #region deny
    const strict = withCostProfile({ costs: { web_search: 5 } })
    const lenient = withCostProfile({ costs: { web_search: 5 }, unpriced: 'observe' })
    // #endregion deny
    expect(await holds(strict, { tool: 'draw' })).toEqual(['unpriced'])
    expect(await holds(lenient, { tool: 'draw' })).toEqual([0])
  })

  test('refuses a name that a server may take for a priced one', async () => {
    const priced = withCostProfile({ costs: { web_search: 5, 'gpt4_*': 25 }, defaultCost: 1 })
    const tools = ['Web_Search', 'web_search ', 'GPT4_summarize', 'web_searches']
    expect(await holds(priced, ...tools.map((tool) => ({ tool })))).toEqual([
      'ambiguous_tool_name',
      'ambiguous_tool_name',
      'ambiguous_tool_name',
      1,
    ])
  })

  test('computes a price from the arguments', async () => {
    // #region computed
    const priced = withCostProfile({
      costs: {
        draw: (args) => (args?.size === 'large' ? 50 : 20),
      },
    })
    // #endregion computed
    const draw = (size?: string): CallInput => ({ tool: 'draw', args: { size } })
    expect(await holds(priced, draw(), draw('large'), draw('LARGE'))).toEqual([20, 50, 20])
  })

  test('validates the arguments that a price depends on', async () => {
    // #region schema
    const priced = withCostProfile({
      costs: {
        draw: {
          schema: z.object({ count: z.int().min(1).max(10).default(1) }),
          price: (args: { count: number }) => args.count * 20,
          max: 200,
        },
      },
    })
    // #endregion schema
    const draw = (args: Record<string, unknown>): CallInput => ({ tool: 'draw', args })
    const calls = [draw({}), draw({ count: 3 }), draw({ count: '3' }), draw({ count: 11 })]
    expect(await holds(priced, ...calls)).toEqual([20, 60, 'invalid_arguments', 'invalid_arguments'])
  })

  test('refuses a price that is none', async () => {
    const priced = withCostProfile({ costs: { half: () => 0.5, broken: () => JSON.parse('no') as number } })
    expect(await holds(priced, { tool: 'half' }, { tool: 'broken' })).toEqual(['invalid_price', 'price_failed'])
  })

  test('prices outcomes', async () => {
    // #region outcomes
    const priced = withCostProfile({
      costs: {
        book_flight: { price: 100, failed: 5, unknown: 100 },
      },
    })
    // #endregion outcomes
    const enforcer = new InMemoryBudgetEnforcer()
    enforcer.initialize('payer', 1_000)
    const run = compose(priced, withBudget({ enforcer, budget: 'payer' }))
    const failed = await run.run({ tool: 'book_flight' }, () => ({ isError: true, content: [] }))
    expect(failed.charge).toEqual({ held: 100, charged: 5, end: 'captured' })
    const ran = await run.run({ tool: 'book_flight' }, () => ({ content: [] }))
    expect(ran.charge).toEqual({ held: 100, charged: 100, end: 'captured' })
  })

  test('prices servers on their own', async () => {
    // #region servers
    const priced = withCostProfile({
      costs: { list_issues: 3, 'search_*': 5 },
      servers: {
        github: { costs: { list_issues: 1 } },
        intranet: { defaultCost: 0 },
      },
    })
    // #endregion servers
    expect(
      await holds(
        priced,
        { tool: 'list_issues', server: 'github' },
        { tool: 'search_code', server: 'github' },
        { tool: 'list_issues', server: 'intranet' },
        { tool: 'list_issues' },
        { tool: 'unheard_of', server: 'github' },
      ),
    ).toEqual([1, 5, 0, 3, 'unpriced'])
  })

  test('pins what tools are', async () => {
    const enforcer = new InMemoryBudgetEnforcer()
    enforcer.initialize('agent-1', 100)
    const told: unknown[] = []
    const warn = (...words: unknown[]): void => void told.push(words)
    // #region pins
    const events = new BudgetEvents()
    events.on('tool_changed', ({ server, tool, from, to }) => warn('changed', server, tool, from, to))

    const pinned = withToolPins({ onChange: 'deny', events })
    const metered = compose(pinned, withCostProfile({ defaultCost: 5 }), withBudget({ enforcer, budget: 'agent-1' }))
    // #endregion pins
    const [before, after] = ['Sends a mail', 'Sends a mail, and a copy'].map((description) => ({
      name: 'send',
      description,
    }))
    const client = { listTools: async () => ({ tools: [before!] }) }
    // #region write-pins
    const { tools } = await client.listTools()
    const pins = Object.fromEntries(await Promise.all(tools.map(async (tool) => [tool.name, await toolDigest(tool)])))
    // #endregion write-pins
    // #region allow-list
    const allowed = withToolPins({ servers: { mail: pins }, onChange: 'deny', unpinned: 'deny', events })
    // #endregion allow-list
    for (const shown of [before!, after!]) pinned.listTools?.({ tools: [shown], server: 'mail', side: 'client' })
    expect(told).toEqual([['changed', 'mail', 'send', pins.send, toolDigest(after!)]])
    const outcome = await metered.run({ tool: 'send', server: 'mail' }, () => ({ content: [] }))
    expect(outcome).toMatchObject({ refusal: { error: 'forbidden_tool', reason: 'definition_changed' } })
    const list = { tools: [before!, { name: 'other' }], server: 'mail', side: 'client' } as const
    expect(allowed.listTools?.(list)).toEqual([before])
  })

  test('looks a price up without a call', () => {
    const said: unknown[] = []
    const print = (...words: unknown[]) => said.push(...words)
    // #region find
    const profile = compileCostProfile({ costs: { 'gpt4_*': 25 }, defaultCost: 2 })

    const found = profile.find('gpt4_summarize')
    if (found.kind === 'priced') print(found.credits, found.source.pattern) // 25 gpt4_*
    // #endregion find
    expect(said).toEqual([25, 'gpt4_*'])
  })

  test('records which price of which list it was', async () => {
    const ledger = new MemoryLedger()
    const priced = withCostProfile({ costs: { 'gpt4_*': 25 }, version: '2026-11-01' })
    const enforcer = new InMemoryBudgetEnforcer()
    enforcer.initialize('payer', 25)
    const run = compose(withLedger({ ledger }), priced, withBudget({ enforcer, budget: 'payer' }))
    await run.run({ tool: 'gpt4_summarize' }, () => ({ content: [] }))
    expect(ledger.entries({ kind: 'call' })).toMatchObject([
      { price: { rule: 'wildcard', pattern: 'gpt4_*', version: '2026-11-01' } },
    ])
  })

  test('names a mistake in the list by its path', () => {
    expect(() => withCostProfile({ costs: { draw: 0.5 } })).toThrow('`costs.draw`')
    expect(() => withCostProfile({ costs: { 'a*b': 1 } })).toThrow('`costs.a*b`')
  })
})
