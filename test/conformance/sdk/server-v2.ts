import { randomUUID } from 'node:crypto'
import {
  localhostHostValidation,
  localhostOriginValidation,
  NodeStreamableHTTPServerTransport,
  toNodeHandler,
  toWebRequest,
} from '@modelcontextprotocol/node'
import {
  CLIENT_CAPABILITIES_META_KEY,
  createMcpHandler,
  isLegacyRequest,
  ProtocolError,
  Server,
  type ServerContext,
} from '@modelcontextprotocol/server'
import type { CallLog } from '../call-log.js'
import { type Answer, CAPABILITIES, LEGACY_METHODS, methods, SERVER_INFO } from '../fixture/methods.js'
import { type Peer, type Result, WireError } from '../fixture/peer.js'
import type { ServerSeat } from '../server-seat.js'
import type { HandleMcp, ServeMcp } from './server.js'

type ListChanged = Peer['listChanged']

/** A server per request of 2026-07-28, and a session for each client of earlier revisions. */
export const serveMcp: ServeMcp = (log, seat) => {
  const handler = createMcpHandler(
    seat.factory(() => openServer(log, seat, methods(log), listChanged)),
    { legacy: 'reject' },
  )
  const listChanged: ListChanged = (what) => handler.notify[`${what}Changed`]()
  const modern = toNodeHandler(handler)
  const legacy = serveSessions(log, seat)
  const isHost = localhostHostValidation()
  const isOrigin = localhostOriginValidation()
  return async (incoming, response, body) => {
    // An IncomingMessage in all but the `undefined` of optional properties.
    const request = incoming as Parameters<typeof modern>[0] & typeof incoming
    if (!isHost(request, response) || !isOrigin(request, response)) return
    const isModern = request.method === 'POST' && !(await isLegacyRequest(await toWebRequest(request, body), body))
    await (isModern ? modern : legacy)(request, response, body)
  }
}

function serveSessions(log: CallLog, seat: ServerSeat): HandleMcp {
  const sessions = new Map<string, NodeStreamableHTTPServerTransport>()
  return async (request, response, body) => {
    const id = request.headers['mcp-session-id']
    const known = typeof id === 'string' ? sessions.get(id) : undefined
    if (known !== undefined) return known.handleRequest(request, response, body)
    if (id !== undefined) return void response.writeHead(404).end()
    const transport = new NodeStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (session) => void sessions.set(session, transport),
      onsessionclosed: (session) => void sessions.delete(session),
    })
    await openServer(log, seat, { ...methods(log), ...LEGACY_METHODS }, () => {}).connect(seat.transport(transport))
    return transport.handleRequest(request, response, body)
  }
}

function openServer(
  log: CallLog,
  seat: ServerSeat,
  answers: Readonly<Record<string, Answer>>,
  listChanged: ListChanged,
): Server {
  const server = seat.server(new Server(SERVER_INFO, { capabilities: CAPABILITIES }))
  for (const [method, answer] of Object.entries(answers)) {
    server.setRequestHandler(
      method as never,
      (async ({ params = {} }: { params?: Result }, context: ServerContext) =>
        raised(answer, params, peerOf(server, context, listChanged))) as never,
    )
  }
  return server
}

async function raised(answer: Answer, params: Result, peer: Peer): Promise<Result> {
  try {
    return await answer(params, peer)
  } catch (error) {
    throw error instanceof WireError ? new ProtocolError(error.code, error.message, error.data) : error
  }
}

function peerOf(server: Server, { mcpReq }: ServerContext, listChanged: ListChanged): Peer {
  const progressToken = mcpReq._meta?.progressToken
  // An envelope has no keys in its type.
  const envelope = mcpReq.envelope as Result | undefined
  return {
    capabilities: (envelope?.[CLIENT_CAPABILITIES_META_KEY] as Result | undefined) ?? server.getClientCapabilities(),
    progressToken,
    inputResponses: mcpReq.inputResponses,
    requestState: mcpReq.requestState?.(),
    log: (text) => mcpReq.log('info', text),
    async progress(progress, total) {
      if (progressToken === undefined) return
      await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total } })
    },
    elicit: (message, requestedSchema) => mcpReq.elicitInput({ message, requestedSchema: requestedSchema as never }),
    sample: (text) =>
      mcpReq.requestSampling({ messages: [{ role: 'user', content: { type: 'text', text } }], maxTokens: 100 }),
    listChanged,
  }
}
