import { Client, InMemoryTransport, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, inputRequired, McpServer } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { InMemoryBudgetEnforcer, withBudget, withCostProfile, wrapServerFactory, wrapTransport } from 'mcp-budget'
import { asyncEnforcer } from 'mcp-budget/testing'
import { afterEach, describe, expect, test } from 'vitest'
import { object, string } from 'zod'
import { listen } from '../support/wires/http.js'

const info = { name: 'a', version: '1' }
const closing: Array<() => Promise<void>> = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

/** A server whose tool `book` asks for a name, then for a day, and works with both; and what it has run. */
function booking() {
  const legs: string[] = []
  const ask = (what: string) => inputRequired.elicit({ message: what, requestedSchema: object({ [what]: string() }) })
  const make = () => {
    const server = new McpServer(info)
    server.registerTool('book', { inputSchema: object({ seats: string() }) }, async ({ seats }, context) => {
      const { inputResponses, requestState } = context.mcpReq as any
      const state = typeof requestState === 'function' ? requestState() : requestState
      legs.push(state === undefined ? 'first' : String(state))
      if (inputResponses?.name === undefined && state === undefined) {
        return inputRequired({ inputRequests: { name: ask('name') }, requestState: 'has name' })
      }
      if (state === 'has name') return inputRequired({ inputRequests: { day: ask('day') }, requestState: 'has day' })
      return { content: [{ type: 'text', text: `booked ${seats}` }] }
    })
    return server
  }
  return { legs, make }
}

const WIRES = {
  async 'in-memory'(make: () => McpServer) {
    const [near, far] = InMemoryTransport.createLinkedPair()
    serveStdio(make, { transport: far })
    return near
  },
  async 'Streamable HTTP'(make: () => McpServer) {
    const handle = toNodeHandler(createMcpHandler(make))
    const http = await listen((request, response) => handle(request as Parameters<typeof handle>[0], response))
    closing.push(() => http.close())
    return new StreamableHTTPClientTransport(http.url)
  },
}

const STORES = { 'at once': (memory: InMemoryBudgetEnforcer) => memory, later: asyncEnforcer }
const SIDES = { client: ['client'], server: ['server'], 'both ends': ['client', 'server'] } as const
const rows = Object.keys(SIDES).flatMap((side) => Object.keys(STORES).map((store) => [side, store] as const))

describe.each(Object.entries(WIRES))('over %s, on 2026-07-28,', (_, wire) => {
  test.each(rows as ReadonlyArray<readonly [keyof typeof SIDES, keyof typeof STORES]>)(
    'a call of three rounds is charged once at each seat, and the server sees its own states (%s, store: %s) [T31]',
    async (side, store) => {
      const { legs, make } = booking()
      const memory = new InMemoryBudgetEnforcer()
      const sides: readonly string[] = SIDES[side]
      for (const end of sides) memory.initialize(end, 12)
      const steps = (budget: string) =>
        [withCostProfile({ defaultCost: 5 }), withBudget({ enforcer: STORES[store](memory), budget })] as const
      const guarded = sides.includes('server') ? wrapServerFactory(make, ...steps('server')) : make
      const client = new Client(info, {
        versionNegotiation: { mode: { pin: '2026-07-28' } },
        capabilities: { elicitation: { form: {} } },
      })
      closing.push(() => client.close())
      const asked: string[] = []
      client.setRequestHandler('elicitation/create', ({ params }) => {
        asked.push(params.message)
        return { action: 'accept', content: { [params.message]: 'x' } }
      })
      const transport = await wire(guarded)
      await client.connect(sides.includes('client') ? wrapTransport(transport, ...steps('client')) : transport)
      for (let call = 1; call <= 2; call++) {
        const result = await client.callTool({ name: 'book', arguments: { seats: '2' } })
        expect(result).toMatchObject({ content: [{ type: 'text', text: 'booked 2' }] })
        for (const end of sides)
          await expect.poll(() => memory.describe(end)).toMatchObject({ spent: call * 5, held: 0, openHolds: 0 })
      }
      expect(asked).toEqual(['name', 'day', 'name', 'day'])
      expect(legs).toEqual(['first', 'has name', 'has day', 'first', 'has name', 'has day'])
      await expect(client.callTool({ name: 'book', arguments: { seats: '2' } })).rejects.toThrow(/Budget exhausted/)
      expect(legs).toHaveLength(6)
    },
  )
})
