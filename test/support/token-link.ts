import { randomUUID } from 'node:crypto'
import { inspect } from 'node:util'
import {
  Client as ClientV2,
  InMemoryTransport as MemoryV2,
  StreamableHTTPClientTransport as HttpV2,
} from '@modelcontextprotocol/client'
import { NodeStreamableHTTPServerTransport, toNodeHandler } from '@modelcontextprotocol/node'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { InMemoryTransport as MemoryV1 } from '@modelcontextprotocol/sdk/inMemory.js'
import { Server as ServerV1 } from '@modelcontextprotocol/sdk/server/index.js'
import { McpServer as McpServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import { createMcpHandler, McpServer as McpServerV2, Server as ServerV2 } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { wrapServer, wrapServerFactory, wrapTool, wrapTransport, type CallMiddleware } from 'mcp-budget'
import { object, string } from 'zod'
import { listen } from './wires/http.js'
import type { WireTransport } from './wires/wire.js'

export const SEATS = ['wrapServer', 'wrapServerFactory', 'wrapTransport', 'wrapTool'] as const
export type SeatName = (typeof SEATS)[number]

/** What the handlers behind a seat saw: everything that can be read of what they were given. */
export type Seen = string[]

type Steps = readonly CallMiddleware<any, any>[]
type Any = any

/** A server behind a seat; `transport` makes a client's end, with headers where there are any. */
export interface TokenLink {
  transport(headers?: Record<string, string>): WireTransport
  client(): Any
  close(): Promise<void>
}

const info = { name: 'a', version: '1' }
const capabilities = { tools: {} }
const tools = ['look', 'dear'].map((name) => ({ name, inputSchema: { type: 'object' as const } }))
const done = { content: [{ type: 'text' as const, text: 'done' }] }

/** All that there is to see, of a request and its headers too. */
export function everything(...given: readonly unknown[]): string {
  const texts = given.map((each) =>
    inspect(each, { depth: 20, showHidden: true, maxStringLength: null, maxArrayLength: null }),
  )
  const headers = given.flatMap((each) => [
    ...((each as Any)?.http?.req?.headers ?? (each as Any)?.request?.headers ?? []),
  ])
  return [...texts, JSON.stringify(headers)].join('\n')
}

function serverOf(generation: 'v1' | 'v2', seat: SeatName, steps: Steps, seen: Seen): Any {
  const look = (...given: readonly unknown[]) => {
    seen.push(everything(...given))
    return done
  }
  if (seat === 'wrapTool') {
    const server: Any = generation === 'v1' ? new McpServerV1(info) : new McpServerV2(info)
    for (const name of ['look', 'dear'])
      server.registerTool(
        name,
        { inputSchema: object({ q: string().optional() }) },
        wrapTool(name, look as Any, ...(steps as Any)),
      )
    return server
  }
  const server: Any = generation === 'v1' ? new ServerV1(info, { capabilities }) : new ServerV2(info, { capabilities })
  const list = (...given: readonly unknown[]) => (look(...given), { tools })
  server.setRequestHandler(generation === 'v1' ? ListToolsRequestSchema : 'tools/list', list)
  server.setRequestHandler(generation === 'v1' ? CallToolRequestSchema : 'tools/call', look)
  return server
}

/** A factory of servers, and what to do with their transports, with a seat in one of the places. */
function seated(generation: 'v1' | 'v2', seat: SeatName, steps: Steps, seen: Seen) {
  const list = steps as unknown as readonly []
  const bare = () => serverOf(generation, seat, steps, seen)
  const factory = seat === 'wrapServerFactory' ? wrapServerFactory(bare, ...list) : bare
  return {
    make: (): Any => (seat === 'wrapServer' ? wrapServer(factory(), ...list) : factory()),
    guard: <T extends WireTransport>(transport: T): T =>
      seat === 'wrapTransport' ? wrapTransport(transport as Any, ...list) : transport,
  }
}

type Open = (seat: SeatName, steps: Steps, seen: Seen) => Promise<TokenLink>

const clientV2 = (mode: Any) => () => new ClientV2(info, { versionNegotiation: { mode } })
const MODERN = { pin: '2026-07-28' }

const inMemoryV1: Open = async (seat, steps, seen) => {
  const { make, guard } = seated('v1', seat, steps, seen)
  return {
    client: () => new ClientV1(info),
    transport() {
      const [near, far] = MemoryV1.createLinkedPair()
      void make().connect(guard(far as WireTransport))
      return near
    },
    close: async () => {},
  }
}

const inMemoryV2 =
  (mode: Any): Open =>
  async (seat, steps, seen) => {
    const { make, guard } = seated('v2', seat, steps, seen)
    const servers: Any[] = []
    return {
      client: clientV2(mode),
      transport() {
        const [near, far] = MemoryV2.createLinkedPair()
        servers.push(serveStdio(make, { transport: guard(far as WireTransport) }))
        return near
      },
      close: async () => void (await Promise.all(servers.map((server) => server.close()))),
    }
  }

const sessions =
  (generation: 'v1' | 'v2'): Open =>
  async (seat, steps, seen) => {
    const { make, guard } = seated(generation, seat, steps, seen)
    const open = new Map<unknown, Any>()
    const Transport: Any = generation === 'v1' ? StreamableHTTPServerTransport : NodeStreamableHTTPServerTransport
    const http = await listen(async (request, response) => {
      const known = open.get(request.headers['mcp-session-id'])
      if (known !== undefined) return known.handleRequest(request, response)
      const transport = new Transport({
        sessionIdGenerator: randomUUID,
        onsessioninitialized: (session: string) => void open.set(session, transport),
      })
      await make().connect(guard(transport))
      return transport.handleRequest(request, response)
    })
    const Http: Any = generation === 'v1' ? HttpV1 : HttpV2
    return {
      client: generation === 'v1' ? () => new ClientV1(info) : clientV2('legacy'),
      transport: (headers = {}) => new Http(http.url, { requestInit: { headers } }),
      async close() {
        for (const transport of open.values()) await transport.close()
        await http.close()
      },
    }
  }

const perRequest: Open = async (seat, steps, seen) => {
  const { make } = seated('v2', seat, steps, seen)
  const handler = createMcpHandler(make)
  const handle = toNodeHandler(handler)
  const http = await listen((request, response) => handle(request as Any, response))
  return {
    client: clientV2(MODERN),
    transport: (headers = {}) => new HttpV2(http.url, { requestInit: { headers } }),
    async close() {
      await handler.close()
      await http.close()
    },
  }
}

export const TOKEN_LINKS = {
  'SDK v1 in memory': inMemoryV1,
  'SDK v1 over Streamable HTTP': sessions('v1'),
  'SDK v2 on 2025-11-25 in memory': inMemoryV2('legacy'),
  'SDK v2 on 2025-11-25 over Streamable HTTP': sessions('v2'),
  'SDK v2 on 2026-07-28 in memory': inMemoryV2(MODERN),
  'SDK v2 on 2026-07-28 over Streamable HTTP': perRequest,
} as const satisfies Record<string, Open>

export type TokenLinkName = keyof typeof TOKEN_LINKS

/** Every link with every seat that there is for it: a transport that the SDK makes for itself cannot be wrapped. */
export const TOKEN_WAYS = (Object.keys(TOKEN_LINKS) as TokenLinkName[]).flatMap((link) =>
  SEATS.filter((seat) => !(seat === 'wrapTransport' && TOKEN_LINKS[link] === perRequest)).map(
    (seat) => [link, seat] as const,
  ),
)
