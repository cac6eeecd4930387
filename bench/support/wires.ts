import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as StdioV1 } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { InMemoryTransport as InMemoryV1 } from '@modelcontextprotocol/sdk/inMemory.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { Client, InMemoryTransport, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { NodeStreamableHTTPServerTransport, toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { listen } from '../../test/support/wires/http.js'
import { serverV1 } from '../../test/support/wires/server-v1.js'
import { serverV2 } from '../../test/support/wires/server-v2.js'
import { SILENT } from './silent-journal.js'
import type { WireTransport } from '../../test/support/wires.js'

/** Makes a client's transport of a running server, as often as it is asked. */
type Link = () => WireTransport

/** One client, connected; calls one tool. */
export type Call = () => Promise<unknown>

/** A way in which a client and a server of an SDK talk to each other: connects a client through `wrap`. */
export type Connect = (wrap: (transport: WireTransport) => WireTransport) => Promise<Call>

const INFO = { name: 'bench', version: '0.0.0' }
const ECHO = { name: 'echo', arguments: { text: 'x' } }

/** The wires of P1; each opens one server, or one per client where a server has but one. */
export const WIRES = {
  'v1 in-memory': async () => throughV1(inMemoryV1),
  'v2 in-memory, 2025-11-25': async () => throughV2(inMemoryV2, 'legacy'),
  'v2 in-memory, 2026-07-28': async () => throughV2(inMemoryV2, { pin: '2026-07-28' }),
  'v1 stdio': async () => throughV1(() => new StdioV1(spawn('v1'))),
  'v2 stdio, 2025-11-25': async () => throughV2(() => new StdioClientTransport(spawn('v2')), 'legacy'),
  'v2 stdio, 2026-07-28': async () => throughV2(() => new StdioClientTransport(spawn('v2')), { pin: '2026-07-28' }),
  'v1 HTTP': async () => throughV1(await httpV1()),
  'v2 HTTP, 2025-11-25': async () => throughV2(await httpV2(), 'legacy'),
  'v2 HTTP, 2026-07-28': async () => throughV2(await perRequestHttp(), { pin: '2026-07-28' }),
} as const satisfies Record<string, () => Promise<Connect>>

function throughV1(link: Link): Connect {
  return async (wrap) => {
    const client = new ClientV1(INFO)
    await client.connect(wrap(link()))
    return () => client.callTool(ECHO)
  }
}

function throughV2(link: Link, mode: 'legacy' | { pin: '2026-07-28' }): Connect {
  return async (wrap) => {
    const client = new Client(INFO, { versionNegotiation: { mode } })
    await client.connect(wrap(link()))
    return () => client.callTool(ECHO)
  }
}

function inMemoryV1(): WireTransport {
  const [near, far] = InMemoryV1.createLinkedPair()
  void serverV1(SILENT).connect(far)
  return near
}

function inMemoryV2(): WireTransport {
  const [near, far] = InMemoryTransport.createLinkedPair()
  serveStdio(() => serverV2(SILENT), { transport: far })
  return near
}

function spawn(sdk: 'v1' | 'v2'): { command: string; args: string[] } {
  const script = fileURLToPath(new URL('stdio-server.ts', import.meta.url))
  return { command: process.execPath, args: ['--import', 'tsx', script, sdk] }
}

async function httpV1(): Promise<Link> {
  const sessions = new Map<string, StreamableHTTPServerTransport>()
  const { url } = await listen(async (request, response) => {
    const known = sessions.get(String(request.headers['mcp-session-id']))
    if (known !== undefined) return known.handleRequest(request, response)
    const transport: StreamableHTTPServerTransport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void sessions.set(id, transport),
    })
    await serverV1(SILENT).connect(transport)
    return transport.handleRequest(request, response)
  })
  return () => new HttpV1(url)
}

async function httpV2(): Promise<Link> {
  const sessions = new Map<string, NodeStreamableHTTPServerTransport>()
  const { url } = await listen(async (request, response) => {
    const known = sessions.get(String(request.headers['mcp-session-id']))
    if (known !== undefined) return known.handleRequest(request, response)
    const transport: NodeStreamableHTTPServerTransport = new NodeStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void sessions.set(id, transport),
    })
    await serverV2(SILENT).connect(transport)
    return transport.handleRequest(request, response)
  })
  return () => new StreamableHTTPClientTransport(url)
}

async function perRequestHttp(): Promise<Link> {
  const handle = toNodeHandler(createMcpHandler(() => serverV2(SILENT)))
  // Its parameter is an IncomingMessage in all but the `undefined` of optional properties.
  const { url } = await listen((request, response) => handle(request as Parameters<typeof handle>[0], response))
  return () => new StreamableHTTPClientTransport(url)
}
