import { afterEach, describe, expect, test } from 'vitest'
import { BUDGET, type Guarding } from '../support/wires/guard.js'
import { rpcError } from '../support/wire-error.js'
import { type OpenWire, type Wire, type WireClient, wires } from '../support/wires.js'

const SEATS = ['wrapServer', 'wrapServerFactory', 'wrapTransport'] as const
const STORES = ['at once', 'later'] as const

/** Every way to guard a server: a transport that the SDK makes for itself cannot be wrapped. */
const guarded = wires.flatMap((wire) =>
  SEATS.filter((seat) => seat !== 'wrapTransport' || wire.ownTransport).map(
    (seat) => [`${wire.name}, ${seat}`, wire, seat] as const,
  ),
)

let open: OpenWire
let client: WireClient

afterEach(() => open.close())

async function begin(wire: Wire, guarding: Guarding): Promise<void> {
  open = await wire.open(guarding)
  client = open.client()
  await client.connect(open.transport())
}

const echo = (text: string) => open.callTool(client, 'echo', { text })

describe.each(guarded)('%s, with 10 credits and a price of 5', (_, wire, seat) => {
  const data = {
    error: 'budget_exhausted',
    reason: 'exhausted',
    tool: 'echo',
    cost_credits: 5,
    remaining_credits: 0,
    budget_id: `default/${BUDGET}`,
    retryable: false,
  }

  test.each(STORES)('lets two calls run and answers the third with an error (store: %s)', async (store) => {
    await begin(wire, { seat, store })
    await twoResults()
    expect(await rpcError(echo('3'))).toEqual({
      code: wire.revision === '2026-07-28' ? 40200 : -32000,
      message: expect.stringMatching(/^Budget exhausted: tool 'echo' costs 5 credits, 0 remaining$/),
      data,
    })
    expect(open.executions().echo).toBe(2)
    await expectBalance({ remaining: 0, held: 0, spent: 10, debt: 0 })
  })

  test('can answer the third with an error result', async () => {
    await begin(wire, { seat, store: 'at once', refusal: 'result' })
    await twoResults()
    const refusal = await echo('3')
    expect(refusal.isError).toBe(true)
    expect(refusal.content[0]?.text).toMatch(/^Budget exhausted/)
    expect(refusal._meta?.['dev.mcp-budget/refusal']).toEqual(data)
    expect(open.executions().echo).toBe(2)
  })

  test('shows prices, tells of its extension, and answers for its balance under both names', async () => {
    await begin(wire, { seat, store: 'at once' })
    const { tools } = await client.listTools()
    expect(tools.map(({ name }) => name)).toEqual(['echo', 'fail', 'slow', 'usage', 'throw'])
    expect(tools.map(({ _meta }) => _meta?.['dev.mcp-budget/cost'])).toEqual(
      tools.map(() => ({ credits: 5, unit: 'credits' })),
    )
    expect((client as any).getServerCapabilities().extensions).toEqual({
      'dev.mcp-budget/budget': { methods: ['budget/balance', 'satgate/budget'] },
    })
    await echo('1')
    await expectBalance({ remaining: 5, held: 0, spent: 5, debt: 0 })
    expect(await open.request(client, 'satgate/budget')).toMatchObject({
      budgetId: `default/${BUDGET}`,
      remaining: 5,
    })
    expect(await rpcError(open.request(client, 'budget/balance', { budget: 'of-another' }))).toMatchObject({
      code: -32602,
      data: { error: 'invalid_params', reason: 'unknown_parameter' },
    })
  })

  test('charges a failure, and what throws; a call that is cancelled pays, and its answer never comes', async () => {
    await begin(wire, { seat, store: 'at once', credits: 100 })
    expect(await open.callTool(client, 'fail')).toMatchObject({ isError: true })
    expect(await rpcError(open.callTool(client, 'throw', { code: 1234 }))).toMatchObject({ code: 1234 })
    await expectBalance({ remaining: 90, held: 0, spent: 10 })
    const caller = new AbortController()
    const call = open.callTool(client, 'slow', { ms: 300 }, { signal: caller.signal })
    await expect.poll(() => open.executions().slow).toBe(1)
    caller.abort('enough')
    await expect(call).rejects.toThrow()
    await expect.poll(async () => balance()).toMatchObject({ remaining: 85, held: 0, spent: 15 })
  })

  test('in shadow mode changes and answers nothing [I19]', async () => {
    await begin(wire, { seat, store: 'at once', mode: 'shadow', credits: 5 })
    for (const text of ['1', '2', '3']) expect(await echo(text)).toMatchObject({ content: [{ text }] })
    const { tools } = await client.listTools()
    expect(tools.map(({ _meta }) => _meta)).toEqual(tools.map(() => undefined))
    expect((client as any).getServerCapabilities().extensions).toBeUndefined()
    await expect(open.request(client, 'budget/balance')).rejects.toThrow(/Method not found/)
  })

  async function twoResults(): Promise<void> {
    for (const text of ['1', '2']) {
      const result = await echo(text)
      expect(result.content).toEqual([{ type: 'text', text }])
      expect(result.isError ?? false).toBe(false)
    }
  }

  async function balance(): Promise<unknown> {
    return (await open.request(client, 'budget/balance')).budgets[0]
  }

  async function expectBalance(wanted: object): Promise<void> {
    const answer = await open.request(client, 'budget/balance')
    expect(answer).toMatchObject({ mode: 'hard', budgets: [{ budget_id: `default/${BUDGET}`, ...wanted }] })
  }
})

const crowded = guarded.filter(([, { transport }]) => transport === 'stateless HTTP' || transport === 'Streamable HTTP')

test.each(crowded)(
  '%s, with five clients that all count from the same id, crosses no answers and finds no duplicate [T12, T13]',
  async (_, wire, seat) => {
    open = await wire.open({ seat, store: 'later', credits: 1_000 })
    const ids: unknown[][] = []
    const clients = await Promise.all(
      Array.from({ length: 5 }, async () => {
        const each = open.client()
        const transport = open.transport()
        const sent: unknown[] = []
        ids.push(sent)
        const send = transport.send.bind(transport)
        transport.send = (message, options) => {
          if (message.method === 'tools/call') sent.push(message.id)
          return send(message, options)
        }
        await each.connect(transport)
        return each
      }),
    )
    for (let round = 0; round < 4; round++) {
      const answers = await Promise.all(
        clients.map((each, i) => open.callTool(each, 'echo', { text: `client ${i}, call ${round}` })),
      )
      expect(answers.map(({ content }) => content[0]?.text)).toEqual(
        clients.map((_, i) => `client ${i}, call ${round}`),
      )
    }
    expect(open.executions().echo).toBe(20)
    expect(ids).toEqual(ids.map(() => ids[0]))
    const [first] = clients
    expect(await open.request(first as WireClient, 'budget/balance')).toMatchObject({
      budgets: [{ spent: 100, held: 0 }],
    })
  },
)
