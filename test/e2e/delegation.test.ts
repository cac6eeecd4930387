import {
  BudgetClient,
  BudgetEvents,
  InMemoryBudgetEnforcer,
  MemoryLedger,
  meter,
  refusalOf,
  withDelegation,
  wrapClient,
  wrapTransport,
  type TokenAuthOptions,
} from 'mcp-budget'
import { mint, type MintOptions } from 'mcp-budget/delegation'
import { afterEach, describe, expect, test } from 'vitest'
import { keys } from '../support/tokens.js'
import { TOKEN_LINKS, TOKEN_WAYS, type SeatName, type Seen, type TokenLinkName } from '../support/token-link.js'

const closing: Array<() => Promise<void>> = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

const ALL_OPS = ['call', 'balance', 'delegate', 'close', 'revoke'] as const
const soon = (): number => Math.floor(Date.now() / 1_000) + 600

function tokenOn(budget = 'acme/agent-1', more: Partial<MintOptions> = {}): string {
  return mint(keys, { budget, exp: soon(), ops: ALL_OPS, depth: 4, ...more }) as string
}

/** A server that takes tokens, with 1,000 credits and a price of 5. */
async function serve(link: TokenLinkName, seat: SeatName, auth: Partial<TokenAuthOptions> = {}) {
  const ledger = new MemoryLedger()
  const memory = new InMemoryBudgetEnforcer({ ledger })
  memory.initialize('acme/agent-1', 1_000)
  const events = new BudgetEvents()
  const seen: Seen = []
  const steps = meter({
    enforcer: memory,
    prices: { defaultCost: 5, costs: { dear: 50 } },
    ledger,
    events,
    awaitCapture: true,
    delegation: { keys, ...auth },
  })
  const open = await TOKEN_LINKS[link](seat, [steps], seen)
  closing.push(() => open.close())
  return {
    memory,
    ledger,
    events,
    seen,
    /** A client with a token; or one that has it in a header, or none. */
    async connect(token?: string, how: 'wrapTransport' | 'wrapClient' | 'header' = 'wrapTransport'): Promise<any> {
      const client = open.client()
      closing.push(() => client.close())
      const step = token === undefined ? [] : [withDelegation({ token })]
      if (how === 'header') await client.connect(open.transport({ authorization: `Bearer ${token}` }))
      else if (how === 'wrapClient') await wrapClient(client, ...(step as [never])).connect(open.transport())
      else
        await client.connect(
          token === undefined ? open.transport() : wrapTransport(open.transport() as any, ...(step as [never])),
        )
      return client
    },
  }
}

const look = (client: any, name = 'look'): Promise<any> => client.callTool({ name, arguments: { q: 'x' } })

/** What was refused, be it thrown or an error result. */
async function refusal(call: Promise<unknown>) {
  return refusalOf(await call.catch((error: unknown) => error))
}

describe.each(TOKEN_WAYS)('%s, %s', (link, seat) => {
  test('a client attaches its token; the server verifies it, takes it out, and lets its budget pay [L-S31, seed-001:macaroon-auth]', async () => {
    const { connect, memory, seen, ledger } = await serve(link, seat)
    const token = tokenOn()
    for (const how of ['wrapTransport', 'wrapClient'] as const) {
      const client = await connect(token, how)
      await client.listTools()
      expect(await look(client)).toMatchObject({ content: [{ text: 'done' }] })
    }
    expect(memory.describe('acme/agent-1')).toMatchObject({ available: 990, spent: 10, held: 0 })
    expect(seen.length).toBeGreaterThanOrEqual(2)
    expect(seen.join('\n')).not.toContain('mcpb_')
    expect(ledger.entries({ kind: 'call' })).toMatchObject([{ outcome: 'result' }, { outcome: 'result' }])
  })

  test('no token, and one that does not serve, are refused alike, and nothing runs [L-S6]', async () => {
    const { connect, memory, seen } = await serve(link, seat)
    const none = await refusal(look(await connect()))
    expect(none).toEqual({ error: 'unauthorized', reason: 'unauthorized', tool: 'look', retryable: false })
    for (const token of ['mcpb_nonsense', tokenOn('acme/nobody'), tokenOn('acme/agent-1', { aud: 'other' })])
      expect(await refusal(look(await connect(token)))).toEqual(none)
    expect(seen).toEqual([])
    expect(memory.describe('acme/agent-1')).toMatchObject({ available: 1_000, held: 0 })
  })
})

const HTTP = TOKEN_WAYS.filter(([link]) => link.includes('HTTP'))

test.each(HTTP)(
  '%s, %s: a token in Authorization is taken where auth is `header`, and only there [L-S31, seed-001:auth-modes]',
  async (link, seat) => {
    const { connect, memory, seen } = await serve(link, seat, { auth: 'header' })
    const token = tokenOn()
    const client = await connect(token, 'header')
    await client.listTools()
    expect(await look(client)).toMatchObject({ content: [{ text: 'done' }] })
    expect(memory.describe('acme/agent-1')).toMatchObject({ spent: 5 })
    expect(seen.join('\n')).not.toContain('mcpb_')
    const other = await serve(link, seat)
    expect(await refusal(look(await other.connect(token, 'header')))).toMatchObject({ error: 'unauthorized' })
    expect(other.seen.join('\n')).not.toContain('mcpb_')
  },
)

/** A tool's handler has no methods of its own. */
const WITH_METHODS = TOKEN_WAYS.filter(([, seat]) => seat !== 'wrapTool')

describe.each(WITH_METHODS)('%s, %s: a budget client', (link, seat) => {
  test('delegates, tells what is left, revokes and closes', async () => {
    const { connect, memory } = await serve(link, seat)
    const token = tokenOn()
    const budgets = new BudgetClient(await connect(), { token })
    const child = await budgets.delegate({ budget: 300, label: 'research' })
    expect(child).toMatchObject({ budget: 300, parentRemaining: 700, token: expect.stringMatching(/^mcpb_/) })
    const agent = await connect(child.token)
    await look(agent)
    const own = new BudgetClient(agent, { token: child.token })
    expect(await own.balance()).toMatchObject({
      mode: 'hard',
      budgets: [{ budget_id: child.budgetId, remaining: 295, spent: 5, token_id: child.tokenId.slice(0, 12) }],
    })
    await expect(own.delegate({ budget: 1 })).rejects.toMatchObject({ data: { error: 'unauthorized' } })
    expect(await budgets.close({ budget: child.budgetId })).toMatchObject({ returned: 295 })
    expect(await refusal(look(agent))).toMatchObject({ error: 'unauthorized' })
    const second = await budgets.delegate({ budget: 10, key: 'k' })
    expect(await budgets.delegate({ budget: 10, key: 'k' })).toEqual(second)
    expect(await budgets.revoke({ budget: second.budgetId })).toMatchObject({ returned: 10 })
    expect(await refusal(look(await connect(second.token)))).toMatchObject({ error: 'unauthorized' })
    expect(memory.describe('acme/agent-1')).toMatchObject({ available: 995 })
    await expect(budgets.delegate({ budget: 0 })).rejects.toMatchObject({ data: { error: 'invalid_params' } })
  })

  test('the methods of the seeds have the shapes of the seeds [seed-001:delegate-method]', async () => {
    const { connect } = await serve(link, seat)
    const client = await connect()
    const schema: any = {
      safeParse: (data: unknown) => ({ success: true, data }),
      parse: (data: unknown) => data,
      '~standard': { version: 1, vendor: 'test', validate: (value: unknown) => ({ value }) },
    }
    const ask = (method: string, params: object) =>
      client.request({ method, params: { ...params, _meta: { token: tokenOn() } } }, schema)
    const child = await ask('satgate/delegate', { budget: 200, scope: 'look', label: 'content', expiresIn: 60 })
    expect(child).toMatchObject({
      token: expect.any(String),
      tokenId: expect.any(String),
      budget: 200,
      parentRemaining: 800,
    })
    expect(await ask('satgate/budget', {})).toMatchObject({
      tokenId: expect.any(String),
      budgetId: 'acme/agent-1',
      remaining: 800,
    })
    const agent = await connect(child.token)
    await look(agent)
    expect(await refusal(look(agent, 'dear'))).toMatchObject({ error: 'forbidden_tool' })
  })
})

describe.each(WITH_METHODS)('%s, %s: an orchestrator with three children', (link, seat) => {
  test('goes on when one is exhausted, and gets back what they did not spend [seed-003:three-children, seed-003:carving, seed-001:child-isolation, I11]', async () => {
    const { connect, memory } = await serve(link, seat)
    const root = await connect(tokenOn())
    const budgets = new BudgetClient(root, { token: tokenOn() })
    const [research, content, review] = [
      await budgets.delegate({ budget: 300, label: 'research' }),
      await budgets.delegate({ budget: 200, label: 'content' }),
      await budgets.delegate({ budget: 10, label: 'review' }),
    ]
    expect(review.parentRemaining).toBe(490)
    const agents = [await connect(research.token), await connect(content.token), await connect(review.token)]
    await look(agents[2])
    await look(agents[2])
    expect(await refusal(look(agents[2]))).toMatchObject({
      error: 'budget_exhausted',
      reason: 'exhausted',
      budget_id: review.budgetId,
      cost_credits: 5,
      remaining_credits: 0,
    })
    for (const each of [agents[0], agents[1], root])
      expect(await look(each)).toMatchObject({ content: [{ text: 'done' }] })
    expect(memory.describe('acme/agent-1')).toMatchObject({ available: 485, spent: 5 })
    expect(await budgets.close({ budget: research.budgetId })).toMatchObject({ returned: 295 })
    expect(await budgets.close({ budget: content.budgetId })).toMatchObject({ returned: 195 })
    expect(await budgets.close({ budget: review.budgetId })).toMatchObject({ returned: 0 })
    // 1,000 less the five calls that ran.
    expect(memory.describe('acme/agent-1')).toMatchObject({ available: 975, held: 0, debt: 0 })
    for (const agent of agents) expect(await refusal(look(agent))).toMatchObject({ error: 'unauthorized' })
  })
})

describe.each(HTTP.filter(([link, seat]) => seat !== 'wrapTool' && !link.includes('2026')))(
  '%s, %s: a session',
  (link, seat) => {
    test('that was begun with a token serves nobody without, and nobody with another root [T33]', async () => {
      const { connect, memory } = await serve(link, seat)
      memory.initialize('acme/agent-2', 100)
      const client = await connect()
      const bearing = (token?: string) =>
        refusal(
          client.callTool({ name: 'look', arguments: {}, ...(token && { _meta: { 'dev.mcp-budget/token': token } }) }),
        )
      expect(await bearing(tokenOn())).toBeUndefined()
      expect(await bearing()).toMatchObject({ error: 'unauthorized' })
      expect(await bearing(tokenOn('acme/agent-2'))).toMatchObject({ error: 'unauthorized' })
      expect(await bearing(tokenOn())).toBeUndefined()
      expect(memory.describe('acme/agent-2')).toMatchObject({ available: 100 })
    })
  },
)
