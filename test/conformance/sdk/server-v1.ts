import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js'
import {
  CallToolRequestSchema,
  CompleteRequestSchema,
  CreateMessageResultSchema,
  ElicitResultSchema,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  McpError,
  ReadResourceRequestSchema,
  type ServerNotification,
  type ServerRequest,
  SetLevelRequestSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from '@modelcontextprotocol/sdk/types.js'
import type { CallLog } from '../call-log.js'
import { type Answer, CAPABILITIES, LEGACY_METHODS, methods, SERVER_INFO } from '../fixture/methods.js'
import { type Peer, type Result, WireError } from '../fixture/peer.js'
import type { ServerSeat } from '../server-seat.js'
import type { ServeMcp } from './server.js'

const SCHEMAS = {
  'tools/list': ListToolsRequestSchema,
  'tools/call': CallToolRequestSchema,
  'prompts/list': ListPromptsRequestSchema,
  'prompts/get': GetPromptRequestSchema,
  'resources/list': ListResourcesRequestSchema,
  'resources/templates/list': ListResourceTemplatesRequestSchema,
  'resources/read': ReadResourceRequestSchema,
  'completion/complete': CompleteRequestSchema,
  'resources/subscribe': SubscribeRequestSchema,
  'resources/unsubscribe': UnsubscribeRequestSchema,
  'logging/setLevel': SetLevelRequestSchema,
}

type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>

/** A session for each client that initializes. */
export const serveMcp: ServeMcp = (log, seat) => {
  const sessions = new Map<string, StreamableHTTPServerTransport>()
  return async (request, response, body) => {
    const id = request.headers['mcp-session-id']
    const known = typeof id === 'string' ? sessions.get(id) : undefined
    if (known !== undefined) return known.handleRequest(request, response, body)
    if (id !== undefined) return void response.writeHead(404).end()
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (session) => void sessions.set(session, transport),
      onsessionclosed: (session) => void sessions.delete(session),
      ...onlyFromHere(request),
    })
    await openServer(log, seat).connect(seat.transport(transport))
    return transport.handleRequest(request, response, body)
  }
}

function openServer(log: CallLog, seat: ServerSeat): Server {
  const server = seat.server(new Server(SERVER_INFO, { capabilities: CAPABILITIES }))
  for (const [method, answer] of Object.entries({ ...methods(log), ...LEGACY_METHODS })) {
    const schema = SCHEMAS[method as keyof typeof SCHEMAS]
    server.setRequestHandler(schema, async ({ params = {} }, extra) => raised(answer, params, peerOf(server, extra)))
  }
  return server
}

async function raised(answer: Answer, params: Result, peer: Peer): Promise<Result> {
  try {
    return await answer(params, peer)
  } catch (error) {
    throw error instanceof WireError ? new McpError(error.code, error.message, error.data) : error
  }
}

function peerOf(server: Server, extra: Extra): Peer {
  const progressToken = extra._meta?.progressToken
  return {
    capabilities: server.getClientCapabilities(),
    progressToken,
    inputResponses: undefined,
    requestState: undefined,
    log: (data) => extra.sendNotification({ method: 'notifications/message', params: { level: 'info', data } }),
    async progress(progress, total) {
      if (progressToken === undefined) return
      const params = { progressToken, progress, total }
      await extra.sendNotification({ method: 'notifications/progress', params })
    },
    elicit: (message, requestedSchema) =>
      extra.sendRequest(
        { method: 'elicitation/create', params: { message, requestedSchema: requestedSchema as never } },
        ElicitResultSchema,
      ),
    sample(text) {
      const messages = [{ role: 'user' as const, content: { type: 'text' as const, text } }]
      const params = { messages, maxTokens: 100 }
      return extra.sendRequest({ method: 'sampling/createMessage', params }, CreateMessageResultSchema)
    },
    listChanged: () => {},
  }
}

/** One scenario comes with the Host and the Origin of a stranger. */
function onlyFromHere(request: IncomingMessage) {
  const allowedHosts = ['localhost', '127.0.0.1'].map((host) => `${host}:${request.socket.localPort}`)
  return {
    enableDnsRebindingProtection: true,
    allowedHosts,
    allowedOrigins: allowedHosts.map((host) => `http://${host}`),
  }
}
