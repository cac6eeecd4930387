import { randomUUID } from 'node:crypto'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { ResultSchema } from '@modelcontextprotocol/sdk/types.js'
import { listen } from './http.js'
import { memoryJournal } from './journal.js'
import type { Guard } from './guard.js'
import { serverV1 } from './server-v1.js'
import { stdioLink } from './stdio.js'
import { SERVER_INFO, type ToolResult } from './tools.js'
import { type Link, type Links, type OpenWire, type WireClient, wiresOf } from './wire.js'

const LINKS = {
  'in-memory': inMemory,
  stdio: (_, guarding) => stdioLink('stdio-v1.js', (spawn) => new StdioClientTransport(spawn), guarding),
  'Streamable HTTP': streamableHttp,
  'stateless HTTP': statelessHttp,
  SSE: sse,
} satisfies Links

export const wiresV1 = wiresOf('v1', '2025-11-25', LINKS, open)

function open(link: Link): OpenWire {
  const clients: Client[] = []
  return {
    transport: link.transport,
    executions: link.executions,
    client(): WireClient {
      const client = new Client(SERVER_INFO)
      clients.push(client)
      return client
    },
    async callTool(client, name, args = {}, options) {
      return (await (client as Client).callTool({ name, arguments: args }, undefined, options)) as ToolResult
    },
    request: (client, method, params = {}) => (client as Client).request({ method, params }, ResultSchema),
    async close() {
      for (const client of clients) await client.close()
      await link.close()
    },
  }
}

function inMemory(guard: Guard): Link {
  const journal = memoryJournal()
  const make = guard.factory(() => serverV1(journal))
  const servers: Array<ReturnType<typeof serverV1>> = []
  return {
    executions: journal.executions,
    transport() {
      const [near, far] = InMemoryTransport.createLinkedPair()
      const server = guard.server(make())
      servers.push(server)
      void server.connect(guard.transport(far))
      return near
    },
    async close() {
      for (const server of servers) await server.close()
    },
  }
}

async function streamableHttp(guard: Guard): Promise<Link> {
  const journal = memoryJournal()
  const make = guard.factory(() => serverV1(journal))
  const sessions = new Map<string, StreamableHTTPServerTransport>()
  const http = await listen(async (request, response) => {
    const id = request.headers['mcp-session-id']
    const known = typeof id === 'string' ? sessions.get(id) : undefined
    if (known !== undefined) return known.handleRequest(request, response)
    const transport: StreamableHTTPServerTransport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (session) => void sessions.set(session, transport),
    })
    await guard.server(make()).connect(guard.transport(transport))
    return transport.handleRequest(request, response)
  })
  return {
    executions: journal.executions,
    transport: () => new StreamableHTTPClientTransport(http.url),
    async close() {
      for (const transport of sessions.values()) await transport.close()
      await http.close()
    },
  }
}

/** A server and a transport per request, as the SDK's own example has it. */
async function statelessHttp(guard: Guard): Promise<Link> {
  const journal = memoryJournal()
  const make = guard.factory(() => serverV1(journal))
  const http = await listen(async (request, response) => {
    const transport = new StreamableHTTPServerTransport()
    const server = guard.server(make())
    response.once('close', () => void server.close())
    await server.connect(guard.transport(transport))
    return transport.handleRequest(request, response)
  })
  return {
    executions: journal.executions,
    transport: () => new StreamableHTTPClientTransport(http.url),
    close: () => http.close(),
  }
}

async function sse(guard: Guard): Promise<Link> {
  const journal = memoryJournal()
  const make = guard.factory(() => serverV1(journal))
  const sessions = new Map<string | null, SSEServerTransport>()
  const http = await listen(async (request, response) => {
    if (request.method === 'GET') {
      const transport = new SSEServerTransport('/messages', response)
      sessions.set(transport.sessionId, transport)
      return guard.server(make()).connect(guard.transport(transport))
    }
    const transport = sessions.get(new URL(request.url ?? '', http.url).searchParams.get('sessionId'))
    if (transport === undefined) throw new Error(`no session for ${request.method} ${request.url}`)
    return transport.handlePostMessage(request, response)
  })
  return {
    executions: journal.executions,
    transport: () => new SSEClientTransport(http.url),
    async close() {
      for (const transport of sessions.values()) await transport.close()
      await http.close()
    },
  }
}
