import { Client as ClientV2, InMemoryTransport as InMemoryTransportV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport as InMemoryTransportV1 } from '@modelcontextprotocol/sdk/inMemory.js'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { memoryJournal, type Executions } from './wires/journal.js'
import { serverV1 } from './wires/server-v1.js'
import { serverV2 } from './wires/server-v2.js'
import { SERVER_INFO } from './wires/tools.js'
import type { CallOptions, WireClient, WireTransport } from './wires/wire.js'

/** What a link is made of, for a seat to put itself around one of them. */
export interface Parts {
  readonly client: WireClient
  readonly near: WireTransport
  readonly far: WireTransport
  /** Makes the server; on SDK v2 it is asked for one by each connection. */
  readonly server: () => object
}

/** What passed one place, in order, each message as JSON text with its direction. */
export type Tape = readonly string[]

export interface RecordedLink {
  call(name: string, args: Record<string, unknown>, options?: CallOptions): Promise<unknown>
  executions(): Executions
  readonly tapes: { readonly client: Tape; readonly wire: Tape; readonly server: Tape }
  close(): Promise<void>
}

const LINKS = {
  'SDK v1 on 2025-11-25': {
    pair: () => InMemoryTransportV1.createLinkedPair(),
    client: () => new ClientV1(SERVER_INFO),
    server: serverV1,
    serve: async (server: () => object, far: WireTransport) => {
      const made = server() as ReturnType<typeof serverV1>
      await made.connect(far)
      return made
    },
  },
  'SDK v2 on 2025-11-25': {
    pair: () => InMemoryTransportV2.createLinkedPair(),
    client: () => new ClientV2(SERVER_INFO, { versionNegotiation: { mode: 'legacy' } }),
    server: serverV2,
    serve: serveV2,
  },
  'SDK v2 on 2026-07-28': {
    pair: () => InMemoryTransportV2.createLinkedPair(),
    client: () => new ClientV2(SERVER_INFO, { versionNegotiation: { mode: { pin: '2026-07-28' } } }),
    server: serverV2,
    serve: serveV2,
  },
} as const

export type LinkName = keyof typeof LINKS
export const LINK_NAMES = Object.keys(LINKS) as LinkName[]

/**
 * Connects a client and a server in memory, and records what the client sends and receives, what is on the wire, and
 * what the server receives and sends. `seat` puts a seat around one of the parts; without it the link is bare.
 */
export async function recordedLink(name: LinkName, seat = (parts: Parts): Parts => parts): Promise<RecordedLink> {
  const link = LINKS[name]
  const journal = memoryJournal()
  const [near, far] = link.pair() as readonly WireTransport[] as readonly [WireTransport, WireTransport]
  const tapes = { client: [] as string[], wire: [] as string[], server: [] as string[] }
  const client = link.client()
  const parts = seat({
    client: client,
    near: taped(near, tapes.wire),
    far,
    server: () => link.server(journal),
  })
  const serving = await link.serve(parts.server, taped(parts.far, tapes.server))
  await parts.client.connect(taped(parts.near, tapes.client))
  return {
    call: (tool, args, options) =>
      client instanceof ClientV1
        ? client.callTool({ name: tool, arguments: args }, undefined, options)
        : client.callTool({ name: tool, arguments: args }, options),
    executions: journal.executions,
    tapes,
    async close() {
      await parts.client.close()
      await serving.close()
    },
  }
}

async function serveV2(server: () => object, far: WireTransport): Promise<{ close(): Promise<void> }> {
  return serveStdio(server as () => ReturnType<typeof serverV2>, { transport: far })
}

type Handler = ((message: unknown, extra?: unknown) => void) | undefined

/** A transport that notes what passes it. */
function taped(inner: WireTransport, tape: string[]): WireTransport {
  const below = inner as WireTransport & { onmessage?: Handler; onclose?: () => void; onerror?: (error: Error) => void }
  const above = {
    onmessage: undefined as Handler,
    onclose: undefined as (() => void) | undefined,
    onerror: undefined as ((error: Error) => void) | undefined,
    start() {
      below.onmessage = (message, extra) => {
        tape.push(`in  ${JSON.stringify(message)}`)
        above.onmessage?.(message, extra)
      }
      below.onclose = () => above.onclose?.()
      below.onerror = (error) => above.onerror?.(error)
      return below.start()
    },
    send(message: unknown, options?: unknown) {
      tape.push(`out ${JSON.stringify(message)}`)
      return below.send(message, options)
    },
    close: () => below.close(),
  }
  return above
}
