import { InMemoryBudgetEnforcer, withBudget, withCostProfile, wrapClient, wrapTransport } from 'mcp-budget'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { asyncEnforcer } from '../support/async-enforcer.js'
import { rpcError } from '../support/wire-error.js'
import { type OpenWire, type WireClient, wires } from '../support/wires.js'

const STORES = { 'at once': (memory: InMemoryBudgetEnforcer) => memory, later: asyncEnforcer }

describe.each(wires.map((wire) => [wire.name, wire] as const))('%s, with 10 credits and a price of 5', (_, wire) => {
  const data = {
    error: 'budget_exhausted',
    reason: 'exhausted',
    tool: 'echo',
    cost_credits: 5,
    remaining_credits: 0,
    budget_id: 'default/agent-1',
    retryable: false,
  }
  let memory: InMemoryBudgetEnforcer
  let open: OpenWire
  let client: WireClient

  beforeEach(async () => {
    memory = new InMemoryBudgetEnforcer()
    memory.initialize('agent-1', 10)
    open = await wire.open()
    client = open.client()
  })
  afterEach(async () => {
    await open.close()
  })

  const steps = (store: keyof typeof STORES = 'at once') =>
    [withCostProfile({ defaultCost: 5 }), withBudget({ enforcer: STORES[store](memory), budget: 'agent-1' })] as const

  const SEATS = {
    wrapTransport: {
      error: () => client.connect(wrapTransport(open.transport(), ...steps())),
      result: () => client.connect(wrapTransport(open.transport(), { refusal: 'result' }, ...steps())),
    },
    wrapClient: {
      error: () => wrapClient(client, ...steps()).connect(open.transport()),
      result: () => wrapClient(client, { refusal: 'result' }, ...steps()).connect(open.transport()),
    },
  }

  test.each(['wrapTransport', 'wrapClient'] as const)(
    '%s lets two calls run and answers the third with an error',
    async (seat) => {
      await SEATS[seat].error()
      await twoResults()
      const refusal = await rpcError(call('3'))
      expect(refusal).toEqual({
        code: wire.revision === '2026-07-28' ? 40200 : -32000,
        message: expect.stringMatching(/^Budget exhausted/),
        data,
      })
      expectSpent()
    },
  )

  test.each(['wrapTransport', 'wrapClient'] as const)('%s can answer the third with an error result', async (seat) => {
    await SEATS[seat].result()
    await twoResults()
    const refusal = await call('3')
    expect(refusal.isError).toBe(true)
    expect(refusal.content[0]?.text).toMatch(/^Budget exhausted/)
    expect(refusal._meta?.['dev.mcp-budget/refusal']).toEqual(data)
    expectSpent()
  })

  test('a store that answers later makes no difference', async () => {
    await client.connect(wrapTransport(open.transport(), ...steps('later')))
    await twoResults()
    expect(await rpcError(call('3'))).toMatchObject({ data })
    await expect.poll(() => memory.describe('agent-1').held).toBe(0)
    expectSpent()
  })

  async function twoResults(): Promise<void> {
    for (const text of ['1', '2']) {
      const result = await call(text)
      expect(result.content).toEqual([{ type: 'text', text }])
      expect(result.isError ?? false).toBe(false)
    }
  }

  function call(text: string) {
    return open.callTool(client, 'echo', { text })
  }

  function expectSpent(): void {
    expect(open.executions().echo).toBe(2)
    expect(memory.describe('agent-1')).toMatchObject({ spent: 10, held: 0, available: 0 })
  }
})
