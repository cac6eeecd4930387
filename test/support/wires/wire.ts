import { guardOf, type Guard, type Guarding } from './guard.js'
import type { Executions } from './journal.js'
import type { ToolResult } from './tools.js'

export type Revision = '2025-11-25' | '2026-07-28'

/** What both SDK generations have in common, seen from a test. */
export interface WireTransport {
  start(): Promise<void>
  send(message: any, options?: any): Promise<void>
  close(): Promise<void>
}

export interface WireClient {
  connect(transport: WireTransport): Promise<void>
  listTools(): Promise<{ tools: ReadonlyArray<{ name: string; _meta?: Record<string, unknown> | undefined }> }>
  close(): Promise<void>
}

export interface CallOptions {
  readonly signal?: AbortSignal
  readonly timeout?: number
}

/** A running server, and what it takes to reach it. */
export interface OpenWire {
  /** A fresh transport to the server, not started. */
  transport(): WireTransport
  /** A fresh SDK client, not connected. `close` of the wire closes it. */
  client(): WireClient
  callTool(client: WireClient, name: string, args?: Record<string, unknown>, options?: CallOptions): Promise<ToolResult>
  /** Any other request; the result as it came. */
  request(client: WireClient, method: string, params?: Record<string, unknown>): Promise<any>
  /** What the server ran, over all its clients. */
  executions(): Executions
  close(): Promise<void>
}

/** One way in which a client and a server of an SDK talk to each other. */
export interface Wire {
  readonly name: string
  readonly sdk: 'v1' | 'v2'
  readonly revision: Revision
  /** Behind stateless HTTP every message is another server's: a cancellation does not find what it cancels. */
  readonly transport: 'in-memory' | 'stdio' | 'Streamable HTTP' | 'stateless HTTP' | 'SSE'
  /** Whether the server's transport is in our hands, and not made inside the SDK. */
  readonly ownTransport: boolean
  open(guarding?: Guarding): Promise<OpenWire>
}

/** A server behind one transport; `transport` makes a client's end. */
export interface Link {
  transport(): WireTransport
  executions(): Executions
  close(): Promise<void>
}

/** Opens a link to a guarded server; a server in another process is told how to guard itself. */
export type OpenLink = (guard: Guard, guarding: Guarding | undefined) => Link | Promise<Link>

export type Links = Partial<Record<Wire['transport'], OpenLink>>

export function wiresOf(
  sdk: Wire['sdk'],
  revision: Revision,
  links: Links,
  open: (link: Link) => OpenWire,
  insideSdk: ReadonlyArray<Wire['transport']> = [],
): Wire[] {
  return Object.entries(links).map(([transport, link]) => ({
    name: `SDK ${sdk} on ${revision} over ${transport}`,
    sdk,
    revision,
    transport: transport as Wire['transport'],
    ownTransport: !insideSdk.includes(transport as Wire['transport']),
    open: async (guarding) => open(await link(guardOf(guarding), guarding)),
  }))
}
