import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import {
  BudgetClient,
  BudgetEvents,
  InMemoryBudgetEnforcer,
  KeyRing,
  meter,
  withBudget,
  withCostProfile,
  withDelegation,
  wrapClient,
  wrapServer,
  type CallMiddleware,
} from 'mcp-budget'
import { attenuate, mint, type MintOptions } from 'mcp-budget/delegation'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { secret } from '../support/tokens.js'

const info = { name: 'newsroom', version: '1.0.0' }
const keys = new KeyRing({ current: { kid: '2026-11', key: secret() } })
const inOneHour = Math.floor(Date.now() / 1000) + 3600
const answer = () => ({ content: [] })

describe('docs/guides/delegation.md', () => {
  let enforcer: InMemoryBudgetEnforcer
  let events: BudgetEvents
  const closing: Array<() => Promise<void>> = []

  beforeEach(() => {
    enforcer = new InMemoryBudgetEnforcer()
    events = new BudgetEvents()
    for (const budget of ['acme/orchestrator', 'acme/other', 'studio']) enforcer.initialize(budget, 1_000)
  })

  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close()
  })

  const minted = async (more: Partial<MintOptions> = {}): Promise<string> =>
    mint(keys, {
      budget: 'acme/orchestrator',
      exp: inOneHour,
      ops: ['call', 'balance', 'delegate', 'close', 'revoke'],
      depth: 2,
      ...more,
    })

  /** The client of a server with these steps, in a session of this id. */
  async function clientOf(
    steps: readonly CallMiddleware[],
    client = new Client(info),
    session?: string,
  ): Promise<Client> {
    const server = wrapServer(new McpServer(info), ...(steps as []))
    server.registerTool('search', {}, answer)
    const [near, far] = InMemoryTransport.createLinkedPair()
    if (session !== undefined) far.sessionId = session
    await server.connect(far)
    await client.connect(near)
    closing.push(() => client.close())
    return client
  }

  const steps = (): CallMiddleware[] => [
    withDelegation({ keys, enforcer, events }),
    withCostProfile({ defaultCost: 40 }),
    withBudget({ enforcer, events }),
  ]

  test('tells a client what is left of its token', async () => {
    const token = await minted()
    const client = await clientOf(steps())
    const child = await new BudgetClient(client, { token }).delegate({ budget: 300, restrictions: { calls: 5 } })
    // #region balance
    const { budgets } = await new BudgetClient(client, { token: child.token }).balance()
    // [{ budget_id: 'acme/…', token_id: '…', remaining: 300, remaining_calls: 5, held: 0, spent: 0, debt: 0 }]
    // #endregion balance
    const own = { budget_id: child.budgetId, token_id: child.tokenId.slice(0, 12), remaining: 300, remaining_calls: 5 }
    expect(budgets).toEqual([{ ...own, held: 0, spent: 0, debt: 0 }])
  })

  test('narrows a token offline, and the narrower one draws on the same budget', async () => {
    const token = await minted()
    // #region attenuate
    const forTheIntern = attenuate(token, { max: 50, tool: ['search'], exp: inOneHour - 1800 })
    // #endregion attenuate
    const client = wrapClient(new Client(info), withDelegation({ token: forTheIntern }))
    await clientOf(steps(), client)
    await client.callTool({ name: 'search' })
    await expect(client.callTool({ name: 'search' })).rejects.toMatchObject({
      data: { reason: 'ceiling', remaining_credits: 10 },
    })
    expect(enforcer.remaining('acme/orchestrator')).toBe(960)
  })

  test('answers a request that comes again with its key as before [T10]', async () => {
    const token = await minted()
    const budgets = new BudgetClient(await clientOf(steps()), { token })
    // #region key
    const once = await budgets.delegate({ budget: 300, key: 'job-17/research' })
    const again = await budgets.delegate({ budget: 300, key: 'job-17/research' })
    // the same budget and the same token; 300 credits have moved, and not 600
    // #endregion key
    expect(again).toEqual(once)
    expect(enforcer.remaining('acme/orchestrator')).toBe(700)
    const other = budgets.delegate({ budget: 301, key: 'job-17/research' })
    await expect(other).rejects.toMatchObject({ data: { error: 'idempotency_mismatch' } })
  })

  test('closes what is below another’s budget for nobody, and its own for whoever may', async () => {
    const token = await minted()
    const client = await clientOf(steps())
    const budgets = new BudgetClient(client, { token })
    const child = await budgets.delegate({ budget: 300, restrictions: { ops: ['call', 'close', 'revoke'] } })
    const stranger = new BudgetClient(client, { token: await minted({ budget: 'acme/other' }) })
    for (const ask of [stranger.close({ budget: child.budgetId }), stranger.revoke({ token: child.token })])
      await expect(ask).rejects.toMatchObject({ data: { error: 'unauthorized' } })
    const own = new BudgetClient(client, { token: child.token })
    await expect(own.revoke({ token })).rejects.toMatchObject({ data: { error: 'unauthorized' } })
    expect(await own.close({ budget: child.budgetId })).toEqual({ returned: 300 })
    expect(enforcer.remaining('acme/orchestrator')).toBe(1_000)
  })

  test('leaves the budget of a token that is revoked, and closes one that is', async () => {
    const token = await minted()
    const budgets = new BudgetClient(await clientOf(steps()), { token })
    const [first, second] = [await budgets.delegate({ budget: 300 }), await budgets.delegate({ budget: 200 })]
    expect(await budgets.revoke({ token: first.token })).toMatchObject({ returned: 0, prefixId: first.tokenId })
    expect(enforcer.describe(first.budgetId)).toMatchObject({ state: 'open', available: 300 })
    expect(await budgets.revoke({ budget: second.budgetId })).toMatchObject({ returned: 200 })
    expect(enforcer.remaining('acme/orchestrator')).toBe(700)
  })

  test('asks before much is delegated [T34]', async () => {
    const token = await minted()
    const asked: unknown[] = []
    const ask = (label: string | undefined, amount: number): boolean => {
      asked.push([label, amount])
      return false
    }
    // #region approve
    const delegation = withDelegation({
      keys,
      enforcer,
      approveAbove: 500,
      approve: ({ label, amount }) => ask(label, amount), // only `true` lets it be
    })
    // #endregion approve
    const budgets = new BudgetClient(await clientOf([delegation]), { token })
    await budgets.delegate({ budget: 500 })
    const more = budgets.delegate({ budget: 501, label: 'research' })
    await expect(more).rejects.toMatchObject({ data: { error: 'approval_required', cost_credits: 501 } })
    expect(asked).toEqual([['research', 501]])
  })

  test('lets one secret stand for one budget', async () => {
    const sharedSecret = `mcpb_${'s'.repeat(32)}`
    // #region secret
    const delegation = withDelegation({ auth: 'config', token: sharedSecret, budget: 'studio' })
    // #endregion secret
    const client = wrapClient(new Client(info), withDelegation({ token: sharedSecret }))
    await clientOf([delegation, withCostProfile({ defaultCost: 40 }), withBudget({ enforcer })], client)
    await client.callTool({ name: 'search' })
    expect(enforcer.remaining('studio')).toBe(960)
  })

  test('puts a shared budget beside that of the token', async () => {
    enforcer.initialize('acme/all', 50)
    const token = await minted()
    // #region beside
    const paid = withBudget({ enforcer, budget: 'acme/all' }) // and the budget of the token, which comes first
    // #endregion beside
    const client = wrapClient(new Client(info), withDelegation({ token }))
    await clientOf([withDelegation({ keys }), withCostProfile({ defaultCost: 40 }), paid], client)
    await client.callTool({ name: 'search' })
    await expect(client.callTool({ name: 'search' })).rejects.toMatchObject({ data: { budget_id: 'acme/all' } })
    expect([enforcer.remaining('acme/orchestrator'), enforcer.remaining('acme/all')]).toEqual([960, 10])
  })

  // #region run
  test('pays by token, and not beyond it', async () => {
    const gateway = meter({ enforcer, prices: { defaultCost: 40 }, delegation: { keys } })
    const token = await mint(keys, { budget: 'acme/orchestrator', exp: inOneHour, tool: ['search'] })
    expect(await gateway.run({ tool: 'search', token }, answer)).toMatchObject({ charge: { charged: 40 } })
    expect(await gateway.run({ tool: 'write', token }, answer)).toMatchObject({ refusal: { error: 'forbidden_tool' } })
    expect(await gateway.run({ tool: 'search' }, answer)).toMatchObject({ refusal: { error: 'unauthorized' } })
    expect(enforcer.remaining('acme/orchestrator')).toBe(960)
  })
  // #endregion run

  test('takes a typing mistake for no settings of a client', () => {
    expect(() => withDelegation({ key: keys } as never)).toThrow('`keys` at a server, or `token` at a client')
  })

  test('tells the operator what it does not tell an agent', async () => {
    const told: unknown[] = []
    const gateway = meter({ enforcer, events, prices: { defaultCost: 40 }, delegation: { keys, audiences: ['here'] } })
    // #region detail
    events.on('refused', ({ call, refusal }) => told.push([call.tool, refusal.error, refusal.detail]))
    // #endregion detail
    const token = await minted({ aud: 'elsewhere' })
    await gateway.run({ tool: 'search', token }, answer)
    await gateway.run({ tool: 'search' }, answer)
    expect(told).toEqual([
      [
        'search',
        'unauthorized',
        { reason: 'audience_mismatch', tokenId: expect.stringMatching(/^[\w-]{43}$/) as string },
      ],
      ['search', 'unauthorized', 'no token'],
    ])
  })

  test('a session goes on with the budget that it began with, and with what was delegated from that [T33]', async () => {
    const [token, other] = [await minted(), await minted({ budget: 'acme/other' })]
    const client = await clientOf(steps(), new Client(info), 'session-1')
    const balanceOf = (by: string) => new BudgetClient(client, { token: by }).balance()
    const child = await new BudgetClient(client, { token }).delegate({ budget: 300 })
    expect((await balanceOf(child.token)).budgets[0]?.remaining).toBe(300)
    await expect(balanceOf(other)).rejects.toMatchObject({ data: { error: 'unauthorized' } })
    await expect(client.callTool({ name: 'search' })).rejects.toMatchObject({ data: { error: 'unauthorized' } })
  })
})
