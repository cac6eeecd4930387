import { get, request, type IncomingMessage } from 'node:http'
import { once } from 'node:events'
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js'
import { CallToolRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import { InMemoryBudgetEnforcer, withBudget, withCostProfile, wrapServer, wrapTransport } from 'mcp-budget'
import { asyncEnforcer } from 'mcp-budget/testing'
import { afterEach, describe, expect, test } from 'vitest'
import { listen, type HttpServer } from '../support/wires/http.js'

const CALLS = 30
const LARGE = 'x'.repeat(300_000)

let http: HttpServer
afterEach(() => http.close())

/** A server over SSE whose every answer is large, behind a seat, and what its calls cost. */
async function guarded(seat: 'wrapServer' | 'wrapTransport', later: boolean) {
  const memory = new InMemoryBudgetEnforcer()
  memory.initialize('a', CALLS * 5)
  const enforcer = later ? asyncEnforcer(memory) : memory
  const steps = [withCostProfile({ defaultCost: 5 }), withBudget({ enforcer, budget: 'a' })] as const
  let transport: SSEServerTransport
  http = await listen(async (incoming, response) => {
    if (incoming.method === 'POST') return transport.handlePostMessage(incoming, response)
    const server = new Server({ name: 'large', version: '1' }, { capabilities: { tools: {} } })
    server.setRequestHandler(CallToolRequestSchema, () => ({ content: [{ type: 'text', text: LARGE }] }))
    transport = new SSEServerTransport('/messages', response)
    if (seat === 'wrapServer') return wrapServer(server, ...steps).connect(transport)
    return server.connect(wrapTransport(transport, ...steps))
  })
  return memory
}

function post(path: string, message: object): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' }
    const sending = request(new URL(path, http.url), { method: 'POST', headers }, (response) => {
      response.resume().once('end', resolve)
    })
    sending.once('error', reject).end(JSON.stringify(message))
  })
}

describe.each(['wrapServer', 'wrapTransport'] as const)('%s on an SSE server', (seat) => {
  test.each([false, true])(
    'delivers every answer that it charged to a client that stops reading for a while (store answers later: %s) [L-S38]',
    async (later) => {
      const memory = await guarded(seat, later)
      const [stream] = (await once(get(http.url), 'response')) as [IncomingMessage]
      let read = ''
      stream.setEncoding('utf8').on('data', (chunk: string) => (read += chunk))
      await expect.poll(() => /data: (\S+)/.exec(read)?.[1]).toBeDefined()
      const path = /data: (\S+)/.exec(read)![1] as string
      stream.pause()
      for (let id = 0; id < CALLS; id++)
        await post(path, { jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'large' } })
      await expect.poll(() => memory.describe('a')).toMatchObject({ spent: CALLS * 5, held: 0 })
      stream.resume()
      const answers = () =>
        read.match(/^data: \{.*"id":\d+\}$/gm)?.map((line) => (JSON.parse(line.slice(6)) as { id: number }).id) ?? []
      await expect.poll(() => answers().length).toBe(CALLS)
      expect(answers().sort((a, b) => a - b)).toEqual(Array.from({ length: CALLS }, (_, id) => id))
      stream.destroy()
    },
  )
})
