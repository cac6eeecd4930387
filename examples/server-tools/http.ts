/** Streamable HTTP with a server for each request, and somebody at the door who knows the clients by their keys. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { makeServer } from './server.js'

const CLIENTS = new Map([
  ['key-of-alice', 'alice'],
  ['key-of-bob', 'bob'],
])

// #region serve
async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const auth = authOf(request)
  if (auth === undefined) return void response.writeHead(401).end()
  if (request.method !== 'POST') return void response.writeHead(405).end()
  const transport = new StreamableHTTPServerTransport()
  const server = makeServer()
  response.once('close', () => void server.close())
  await server.connect(transport)
  await transport.handleRequest(Object.assign(request, { auth }), response)
}
// #endregion serve

/** Stands for your own authentication, such as `requireBearerAuth` of the SDK, which sets `req.auth` too. */
function authOf({ headers }: IncomingMessage): AuthInfo | undefined {
  const token = headers.authorization?.replace('Bearer ', '') ?? ''
  const clientId = CLIENTS.get(token)
  return clientId === undefined ? undefined : { token, clientId, scopes: [] }
}

/** Listens on a free port of this machine. */
export async function listen(): Promise<{ readonly url: URL; close(): void }> {
  const http = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => response.destroy(error as Error))
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const { port } = http.address() as { port: number }
  return {
    url: new URL(`http://127.0.0.1:${port}/mcp`),
    close() {
      http.closeAllConnections()
      http.close()
    },
  }
}
