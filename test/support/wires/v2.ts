import { randomUUID } from 'node:crypto'
import {
  Client,
  InMemoryTransport,
  StreamableHTTPClientTransport,
  type VersionNegotiationMode,
} from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { NodeStreamableHTTPServerTransport, toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { listen } from './http.js'
import { memoryJournal } from './journal.js'
import { serverV2 } from './server-v2.js'
import { stdioLink } from './stdio.js'
import { SERVER_INFO, type ToolResult } from './tools.js'
import { type Link, type Links, type OpenWire, type WireClient, wiresOf } from './wire.js'

const LEGACY = {
  'in-memory': inMemory,
  stdio: () => stdioLink('stdio-v2.ts', (spawn) => new StdioClientTransport(spawn)),
  'Streamable HTTP': sessionfulHttp,
  'stateless HTTP': perRequestHttp,
} satisfies Links

/** The servers serve both revisions; it is the client that asks for one. */
const MODERN = {
  'in-memory': inMemory,
  stdio: LEGACY.stdio,
  'Streamable HTTP': perRequestHttp,
} satisfies Links

export const wiresV2 = [
  ...wiresOf('v2', '2025-11-25', LEGACY, (link) => open(link, 'legacy')),
  ...wiresOf('v2', '2026-07-28', MODERN, (link) => open(link, { pin: '2026-07-28' })),
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
    async close() {
      for (const client of clients) await client.close()
      await link.close()
    },
  }
}

/** `serveStdio` is how a v2 server speaks 2026-07-28 over any long-lived transport. */
function inMemory(): Link {
  const journal = memoryJournal()
  const servers: Array<ReturnType<typeof serveStdio>> = []
  return {
    executions: journal.executions,
    transport() {
      const [near, far] = InMemoryTransport.createLinkedPair()
      servers.push(serveStdio(() => serverV2(journal), { transport: far }))
      return near
    },
    async close() {
      for (const server of servers) await server.close()
    },
  }
}

async function sessionfulHttp(): Promise<Link> {
  const journal = memoryJournal()
  const sessions = new Map<string, NodeStreamableHTTPServerTransport>()
  const http = await listen(async (request, response) => {
    const id = request.headers['mcp-session-id']
    const known = typeof id === 'string' ? sessions.get(id) : undefined
    if (known !== undefined) return known.handleRequest(request, response)
    const transport: NodeStreamableHTTPServerTransport = new NodeStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (session) => void sessions.set(session, transport),
    })
    await serverV2(journal).connect(transport)
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

/** A server per request, on both revisions. */
async function perRequestHttp(): Promise<Link> {
  const journal = memoryJournal()
  const handler = createMcpHandler(() => serverV2(journal))
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
