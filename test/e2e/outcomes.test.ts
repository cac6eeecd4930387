import { BudgetEvents, InMemoryBudgetEnforcer, withBudget, withCostProfile, wrapTransport } from 'mcp-budget'
import { asyncEnforcer } from 'mcp-budget/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { rpcError } from '../support/wire-error.js'
import { type OpenWire, type WireClient, wires } from '../support/wires.js'

const stores = { 'at once': (memory: InMemoryBudgetEnforcer) => memory, later: asyncEnforcer }

describe.each(wires.map((wire) => [wire.name, wire] as const))('%s', (_, wire) => {
  let open: OpenWire

  beforeEach(async () => {
    open = await wire.open()
  })
  afterEach(async () => {
    await open.close()
  })

  async function metered(store: keyof typeof stores = 'at once') {
    const memory = new InMemoryBudgetEnforcer()
    memory.initialize('a', 100)
    const charges: unknown[] = []
    const events = new BudgetEvents()
    events.on('charged', ({ charge, outcome }) => void charges.push([outcome, charge.end]))
    const client = open.client()
    await client.connect(
      wrapTransport(
        open.transport(),
        withCostProfile({
          defaultCost: 5,
          costs: { usage: { max: 50, metered: { meta: 'example.com/usage', pointer: '/credits' } } },
        }),
        withBudget({ enforcer: stores[store](memory), budget: 'a', events }),
      ),
    )
    return { client, memory, charges }
  }

  test.each(Object.keys(stores) as Array<keyof typeof stores>)(
    'each outcome has its charge, and what the client sees is what it would see without a budget (store: %s) [I17, R5, L-P28, L-S37, seed-001:transparent]',
    async (store) => {
      const { client, memory, charges } = await metered(store)
      const bare = open.client()
      await bare.connect(open.transport())
      const { tools } = await client.listTools()
      expect(tools).toEqual((await bare.listTools()).tools)

      const rows: ReadonlyArray<readonly [string, Record<string, unknown>, number]> = [
        ['echo', { text: 'hello' }, 5],
        ['fail', {}, 5],
        ['usage', {}, 7],
        ['throw', { code: -32603 }, 5],
        ['throw', { code: 1234 }, 5],
        ['throw', { code: -32602 }, 0],
        ['nothing', {}, 0],
      ]
      let spent = 0
      for (const [tool, args, charge] of rows) {
        const [wanted, got] = [await ending(bare, tool, args), await ending(client, tool, args)]
        expect(got).toEqual(wanted)
        spent += charge
        await expect.poll(() => memory.describe('a')).toMatchObject({ spent, held: 0 })
      }
      expect(charges).toHaveLength(rows.length)
    },
  )

  test('a call that its caller cancels is charged, and so is one that takes too long [L-P3, L-P4]', async () => {
    const { client, memory } = await metered()
    const caller = new AbortController()
    const call = open.callTool(client, 'slow', { ms: 200 }, { signal: caller.signal })
    await expect.poll(() => open.executions().slow).toBe(1)
    caller.abort('enough')
    await expect(call).rejects.toThrow()
    await expect.poll(() => memory.describe('a')).toMatchObject({ spent: 5, held: 0, openHolds: 0 })

    await expect(open.callTool(client, 'slow', { ms: 200 }, { timeout: 100 })).rejects.toThrow()
    await expect.poll(() => memory.describe('a')).toMatchObject({ spent: 10, held: 0, openHolds: 0 })
    // Whatever comes late changes nothing.
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(memory.describe('a')).toMatchObject({ spent: 10, held: 0 })
  })

  test('a client that closes while a call runs has paid, or will when the hold’s time is up [L-P3, I6]', async () => {
    const { client, memory } = await metered()
    const call = open.callTool(client, 'slow', { ms: 200 })
    const ended = call.catch(() => {})
    await expect.poll(() => open.executions().slow).toBe(1)
    await client.close()
    await ended
    // Charged at once where closing cancels the request, or where the answer still comes.
    const { held, spent } = memory.describe('a')
    expect(held + spent).toBe(5)
  })

  test('many calls at once each get their own answer, and each is charged once', async () => {
    const { client, memory } = await metered('later')
    const texts = Array.from({ length: 12 }, (__, i) => `call ${i}`)
    const answers = await Promise.all(texts.map((text) => open.callTool(client, 'echo', { text })))
    expect(answers.map(({ content }) => content[0]?.text)).toEqual(texts)
    expect(open.executions().echo).toBe(12)
    await expect.poll(() => memory.describe('a')).toMatchObject({ spent: 60, held: 0 })
  })

  /** The result, or the error as it was on the wire. */
  async function ending(client: WireClient, tool: string, args: Record<string, unknown>): Promise<unknown> {
    const call = open.callTool(client, tool, args)
    return call.catch(() => rpcError(call))
  }
})
