import {
  Client as ClientV2,
  InMemoryTransport as InMemoryTransportV2,
  StreamableHTTPClientTransport,
} from '@modelcontextprotocol/client'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { ResultSchema } from '@modelcontextprotocol/sdk/types.js'
import { createMcpHandler, McpServer as McpServerV2 } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import {
  assertMetered,
  compose,
  InMemoryBudgetEnforcer,
  refusalOf,
  withBudget,
  withCostProfile,
  wrapServer,
  wrapServerFactory,
  wrapTransport,
  type Meter,
} from 'mcp-budget'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import * as z from 'zod/v4'

const info = { name: 'studio', version: '1.0.0' }
const content = [{ type: 'text' as const, text: 'a picture' }]
const inputSchema = z.object({ prompt: z.string() })

describe('the code of the server guide', () => {
  let enforcer: InMemoryBudgetEnforcer
  let steps: Meter
  const closing: Array<() => Promise<void>> = []

  beforeEach(() => {
    enforcer = new InMemoryBudgetEnforcer()
    for (const budget of ['anonymous', 'alice', 'acme/alice']) enforcer.initialize(budget, 100)
    steps = compose(withCostProfile({ defaultCost: 50 }), withBudget({ enforcer, budget: 'alice' }))
  })

  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close()
  })

  test('wraps a server of SDK v1', async () => {
    // #region server
    const server = wrapServer(
      new McpServer({ name: 'studio', version: '1.0.0' }),
      withCostProfile({ defaultCost: 5, costs: { draw: 50 } }),
      withBudget({ enforcer, budget: (call) => call.auth?.clientId ?? 'anonymous' }),
    )
    // #endregion server
    server.registerTool('search', {}, () => ({ content }))
    server.registerTool('draw', { inputSchema: inputSchema.shape }, () => ({ content }))
    const client = await clientOf(server)
    await client.callTool({ name: 'search' })
    await client.callTool({ name: 'draw', arguments: { prompt: 'a boat' } })
    expect(enforcer.remaining('anonymous')).toBe(45)
  })

  test('wraps a server of SDK v2 in the same words, or its low-level server, with tools before and after', async () => {
    for (const wrapped of [(server: McpServerV2) => server, (server: McpServerV2) => server.server]) {
      const server = new McpServerV2(info)
      server.registerTool('draw', { inputSchema }, () => ({ content }))
      expect(wrapServer(wrapped(server), steps)).toBe(wrapped(server))
      server.registerTool('erase', { inputSchema }, () => ({ content }))
      const [near, far] = InMemoryTransportV2.createLinkedPair()
      await server.connect(far)
      const client = new ClientV2(info)
      await client.connect(near)
      closing.push(() => client.close())
      for (const name of ['draw', 'erase']) await client.callTool({ name, arguments: { prompt: 'a boat' } })
      expect(enforcer.remaining('alice')).toBe(0)
      enforcer.grant({ id: `top-up ${closing.length}`, budget: 'alice', amount: 100 })
    }
  })

  test('lets each client pay for itself', async () => {
    const payers = new Map([['client-of-alice', 'acme/alice']])
    // #region payer
    const payer = withBudget({
      enforcer,
      // `payers` maps the ids that your authentication gives to budgets of yours.
      budget: (call) => payers.get(call.auth?.clientId ?? '') ?? 'anonymous',
    })
    // #endregion payer
    const makeServer = () => {
      const server = new McpServerV2(info)
      server.registerTool('draw', { inputSchema }, () => ({ content }))
      return server
    }
    // #region handler
    const handler = createMcpHandler(wrapServerFactory(makeServer, withCostProfile({ defaultCost: 50 }), payer))
    // #endregion handler
    const authInfo = { token: 'secret', clientId: 'client-of-alice', scopes: [] }
    for (const options of [{ authInfo }, {}, {}]) {
      const transport = new StreamableHTTPClientTransport(new URL('http://127.0.0.1/mcp'), {
        fetch: (url, init) => handler.fetch(new Request(url, init), options),
      })
      const client = new ClientV2(info, { versionNegotiation: { mode: { pin: '2026-07-28' } } })
      await client.connect(transport)
      closing.push(() => client.close())
      await client.callTool({ name: 'draw', arguments: { prompt: 'a boat' } })
    }
    expect([enforcer.remaining('acme/alice'), enforcer.remaining('anonymous')]).toEqual([50, 0])
  })

  test.each([
    ['is no budget id', 'https://a.client.example', 'step_failed'],
    ['has no budget', 'nobody', 'unauthorized'],
  ])('refuses a call whose payer %s', async (_, payer, error) => {
    const server = new McpServer(info)
    wrapServer(server, withCostProfile({ defaultCost: 50 }), withBudget({ enforcer, budget: () => payer }))
    server.registerTool('draw', {}, () => ({ content }))
    const client = await clientOf(server)
    expect(await client.callTool({ name: 'draw' }).catch(refusalOf)).toMatchObject({ error })
  })

  test('serves stdio on both revisions', async () => {
    const makeServer = () => {
      const server = new McpServerV2(info)
      server.registerTool('draw', { inputSchema }, () => ({ content }))
      return server
    }
    for (const mode of ['legacy', { pin: '2026-07-28' }] as const) {
      const [near, transport] = InMemoryTransportV2.createLinkedPair()
      // #region stdio
      const stdio = serveStdio(wrapServerFactory(makeServer, steps), { transport }) // or stdin and stdout, without it
      // #endregion stdio
      closing.push(() => stdio.close())
      const client = new ClientV2(info, { versionNegotiation: { mode } })
      await client.connect(near)
      closing.push(() => client.close())
      await client.callTool({ name: 'draw', arguments: { prompt: 'a boat' } })
    }
    expect(enforcer.remaining('alice')).toBe(0)
  })

  test('wraps a transport of a server, whoever it belongs to', async () => {
    const server = new McpServer(info)
    server.registerTool('draw', {}, () => ({ content }))
    const [near, transport] = InMemoryTransport.createLinkedPair()
    // #region transport
    await server.connect(wrapTransport(transport, steps))
    // #endregion transport
    const client = new Client(info)
    await client.connect(near)
    closing.push(() => client.close())
    await client.callTool({ name: 'draw' })
    expect(enforcer.remaining('alice')).toBe(50)
  })

  test('shows prices, and tells what is left', async () => {
    const server = new McpServer(info)
    wrapServer(server, steps)
    server.registerTool('draw', {}, () => ({ content }))
    const client = await clientOf(server)
    // #region seen
    const { tools } = await client.listTools()
    const price = tools[0]?._meta?.['dev.mcp-budget/cost'] // { credits: 50, unit: 'credits' }

    const balance = await client.request({ method: 'budget/balance' }, ResultSchema)
    // { mode: 'hard', budgets: [{ budget_id: 'default/alice', remaining: 100, held: 0, spent: 0, debt: 0 }] }
    // #endregion seen
    expect(price).toEqual({ credits: 50, unit: 'credits' })
    expect(balance).toEqual({
      mode: 'hard',
      budgets: [{ budget_id: 'default/alice', remaining: 100, held: 0, spent: 0, debt: 0 }],
    })
  })

  test('lets resources cost', async () => {
    const server = new McpServer(info)
    server.registerResource('report', 'reports://one', {}, ({ href }) => ({
      contents: [{ uri: href, text: 'a report' }],
    }))
    // #region governed
    wrapServer(
      server,
      { governed: ['resources/read'] },
      withCostProfile({
        defaultCost: 5,
        costs: { 'resources/read': (args) => (args?.uri === 'reports://one' ? 80 : 1) },
      }),
      withBudget({ enforcer, budget: 'alice' }),
    )
    // #endregion governed
    const client = await clientOf(server)
    await client.readResource({ uri: 'reports://one' })
    expect(enforcer.remaining('alice')).toBe(20)
    const refusal = await client.readResource({ uri: 'reports://one' }).catch(refusalOf)
    expect(refusal).toMatchObject({ error: 'budget_exhausted', tool: 'resources/read', cost_credits: 80 })
    await client.listResources()
  })

  test('proves that a server is metered', () => {
    const server = wrapServer(new McpServer(info), steps)
    // #region metered
    assertMetered(server) // throws when calls are not metered
    // #endregion metered
    expect(() => assertMetered(new McpServer(info))).toThrow()
  })

  test('charges less for what a handler refuses', async () => {
    const server = new McpServer(info)
    // #region failed
    const prices = withCostProfile({ costs: { draw: { price: 50, failed: 1 } } }) // and no default
    // #endregion failed
    wrapServer(server, prices, withBudget({ enforcer, budget: 'alice' }))
    server.registerTool('draw', { inputSchema: inputSchema.shape }, () => ({ content }))
    const client = await clientOf(server)
    expect(await client.callTool({ name: 'draw', arguments: { prompt: 7 } })).toMatchObject({ isError: true })
    expect(enforcer.remaining('alice')).toBe(99)
    const unknown = await client.callTool({ name: 'drwa' }).catch(refusalOf)
    expect(unknown).toMatchObject({ error: 'unpriced_tool' })
    expect(enforcer.remaining('alice')).toBe(99)
  })

  async function clientOf(server: McpServer): Promise<Client> {
    const [near, far] = InMemoryTransport.createLinkedPair()
    await server.connect(far)
    const client = new Client(info)
    await client.connect(near)
    closing.push(() => client.close())
    return client
  }
})
