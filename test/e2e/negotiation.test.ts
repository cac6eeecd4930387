import { InMemoryBudgetEnforcer, refusalOf, withBudget, withCostProfile, wrapClient, wrapTransport } from 'mcp-budget'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as StdioV1 } from '@modelcontextprotocol/sdk/client/stdio.js'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { afterEach, describe, expect, test } from 'vitest'

/** A server from before the probe for 2026-07-28, in a process of its own and without any SDK. */
function legacyServer(onUnknown: 'is silent' | 'exits' | 'answers garbage'): { command: string; args: string[] } {
  const unknown = {
    'is silent': '',
    exits: 'process.exit(3)',
    'answers garbage': `process.stdout.write('not json\\n{"jsonrpc":"2.0","id":77,"result":{}}\\n[]\\n')`,
  }[onUnknown]
  const script = `
    const say = (id, result) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', id, result }) + '\\n')
    require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
      const { id, method, params } = JSON.parse(line)
      if (method === 'initialize') {
        say(id, { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo: { name: 's', version: '1' } })
      } else if (method === 'tools/call') {
        say(id, { content: [{ type: 'text', text: params.name + ' in ' + process.pid }] })
      } else if (id !== undefined) { ${unknown} }
    })`
  return { command: process.execPath, args: ['-e', script] }
}

const info = { name: 'a', version: '1' }
const closing: Array<() => Promise<void>> = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

function budget(credits: number) {
  const memory = new InMemoryBudgetEnforcer()
  memory.initialize('a', credits)
  return {
    memory,
    steps: [withCostProfile({ defaultCost: 5 }), withBudget({ enforcer: memory, budget: 'a' })] as const,
  }
}

describe('a v2 client that negotiates its revision with a legacy server', () => {
  const seats = {
    wrapTransport: (client: Client, transport: StdioClientTransport, steps: ReturnType<typeof budget>['steps']) =>
      client.connect(wrapTransport(transport, ...steps)),
    wrapClient: (client: Client, transport: StdioClientTransport, steps: ReturnType<typeof budget>['steps']) =>
      wrapClient(client, ...steps).connect(transport),
  }
  for (const behaviour of ['is silent', 'exits', 'answers garbage'] as const) {
    test.each(Object.entries(seats))(
      `that ${behaviour} at the probe falls back as it does without a budget, and is metered: %s [R5, T45, seed-001:transparent]`,
      async (_, connect) => {
        const { memory, steps } = budget(7)
        const client = new Client(info, { versionNegotiation: { mode: 'auto', probe: { timeoutMs: 500 } } as never })
        closing.push(() => client.close())
        await connect(client, new StdioClientTransport(legacyServer(behaviour)), steps)
        expect(client.getNegotiatedProtocolVersion?.()).toBe('2025-06-18')
        expect(await client.callTool({ name: 'first' })).toMatchObject({
          content: [{ text: expect.stringMatching(/^first in \d+$/) }],
        })
        const refused = await client.callTool({ name: 'second' }).catch((error: unknown) => error)
        expect(refusalOf(refused)).toMatchObject({ error: 'budget_exhausted', remaining_credits: 2 })
        expect(memory.describe('a')).toMatchObject({ spent: 5, held: 0 })
      },
      20_000,
    )
  }
})

test('a stdio transport of v1 that was closed connects again, and is metered again', async () => {
  const { memory, steps } = budget(100)
  const transport = wrapTransport(new StdioV1(legacyServer('is silent')), ...steps)
  for (let i = 1; i <= 2; i++) {
    const client = new ClientV1(info)
    await client.connect(transport)
    await client.callTool({ name: 'again' })
    await client.close()
    await expect.poll(() => transport.pid).toBeNull()
    expect(memory.describe('a')).toMatchObject({ spent: i * 5, held: 0 })
  }
})

test('a server that dies in the middle of a call leaves the hold to its deadline, and the process lives [I6, L-P3, I21]', async () => {
  const { memory, steps } = budget(100)
  const script = `require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
    const { id, method } = JSON.parse(line)
    if (method === 'initialize') console.log(JSON.stringify({ jsonrpc: '2.0', id, result:
      { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo: { name: 's', version: '1' } } }))
    if (method === 'tools/call') process.exit(1)
  })`
  const client = new ClientV1(info)
  await client.connect(wrapTransport(new StdioV1({ command: process.execPath, args: ['-e', script] }), ...steps))
  await expect(client.callTool({ name: 'deadly' })).rejects.toThrow(/closed/i)
  expect(memory.describe('a')).toMatchObject({ spent: 0, held: 5, openHolds: 1 })
})
