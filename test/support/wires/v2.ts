import { randomUUID } from 'node:crypto'
import {
  Client,
  InMemoryTransport,
  SSEClientTransport,
  StreamableHTTPClientTransport,
  type VersionNegotiationMode,
} from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { NodeStreamableHTTPServerTransport, toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { SSEServerTransport } from '@modelcontextprotocol/server-legacy/sse'
import { looseObject } from 'zod'
import { listen } from './http.js'
import { memoryJournal } from './journal.js'
import type { Guard } from './guard.js'
import { serverV2 } from './server-v2.js'
import { stdioLink } from './stdio.js'
import { SERVER_INFO, type ToolResult } from './tools.js'
import { type Link, type Links, type OpenWire, type WireClient, wiresOf } from './wire.js'

const LEGACY = {
  'in-memory': inMemory,
  stdio: (_, guarding) => stdioLink('stdio-v2.js', (spawn) => new StdioClientTransport(spawn), guarding),
  'Streamable HTTP': sessionfulHttp,
  'stateless HTTP': perRequestHttp,
  SSE: sse,
} satisfies Links

/** The servers serve both revisions; it is the client that asks for one. */
const MODERN = {
  'in-memory': inMemory,
  stdio: LEGACY.stdio,
  'Streamable HTTP': perRequestHttp,
} satisfies Links

export const wiresV2 = [
  ...wiresOf('v2', '2025-11-25', LEGACY, (link) => open(link, 'legacy'), ['stateless HTTP']),
  ...wiresOf('v2', '2026-07-28', MODERN, (link) => open(link, { pin: '2026-07-28' }), ['Streamable HTTP']),
]

function open(link: Link, mode: VersionNegotiationMode): OpenWire {
  const clients: Client[] = []
  return {
    transport: link.transport,
    executions: link.executions,
    client(): WireClient {
      const client = new Client(SERVER_INFO, { versionNegotiation: { mode } })
      clients.push(client)
      return client
    },
    async callTool(client, name, args = {}, options) {
      return (await (client as Client).callTool({ name, arguments: args }, options)) as ToolResult
    },
    request: (client, method, params = {}) => (client as Client).request({ method, params }, looseObject({})),
    async close() {
      for (const client of clients) await client.close()
      await link.close()
    },
  }
}

/** `serveStdio` is how a v2 server speaks 2026-07-28 over any long-lived transport. */
function inMemory(guard: Guard): Link {
  const journal = memoryJournal()
  const servers: Array<ReturnType<typeof serveStdio>> = []
  return {
    executions: journal.executions,
    transport() {
      const [near, far] = InMemoryTransport.createLinkedPair()
      const make = guard.factory(() => guard.server(serverV2(journal)))
      servers.push(serveStdio(make, { transport: guard.transport(far) }))
      return near
    },
    async close() {
      for (const server of servers) await server.close()
    },
  }
}

async function sessionfulHttp(guard: Guard): Promise<Link> {
  const journal = memoryJournal()
  const make = guard.factory(() => serverV2(journal))
  const sessions = new Map<string, NodeStreamableHTTPServerTransport>()
  const http = await listen(async (request, response) => {
    const id = request.headers['mcp-session-id']
    const known = typeof id === 'string' ? sessions.get(id) : undefined
    if (known !== undefined) return known.handleRequest(request, response)
    const transport: NodeStreamableHTTPServerTransport = new NodeStreamableHTTPServerTransport({
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

async function sse(guard: Guard): Promise<Link> {
  const journal = memoryJournal()
  const make = guard.factory(() => serverV2(journal))
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

/** A server per request, on both revisions. */
async function perRequestHttp(guard: Guard): Promise<Link> {
  const journal = memoryJournal()
  const handler = createMcpHandler(guard.factory(() => guard.server(serverV2(journal))))
  const handle = toNodeHandler(handler)
  // Its parameter is an IncomingMessage in all but the `undefined` of optional properties.
  const http = await listen((request, response) => handle(request as Parameters<typeof handle>[0], response))
  return {
    executions: journal.executions,
    transport: () => new StreamableHTTPClientTransport(http.url),
    async close() {
      await handler.close()
      await http.close()
    },
  }
}
