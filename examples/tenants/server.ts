/** A server of SDK v1 that two tenants share. Who pays, and for whom, stands in the token and nowhere else. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { meter, wrapServer, type BudgetEvents, type DelegatingEnforcer, type KeyRing, type Ledger } from 'mcp-budget'
import * as z from 'zod/v4'

/** What stays when a process is started anew. */
export interface Kept {
  readonly enforcer: DelegatingEnforcer
  readonly ledger: Ledger
  readonly events: BudgetEvents
}

/** Serves on a free port of this machine; one process, with the keys of its time. */
export async function listen(keys: KeyRing, { enforcer, ledger, events }: Kept) {
  // #region steps
  const steps = meter({
    enforcer,
    ledger,
    events,
    prices: { costs: { draw: 50 } },
    delegation: { auth: 'header', keys, audiences: ['studio'] }, // also takes `Authorization: Bearer`
  })
  // #endregion steps
  const makeServer = (): McpServer => {
    const server = wrapServer(new McpServer({ name: 'studio', version: '1.0.0' }), steps)
    server.registerTool('draw', { inputSchema: { prompt: z.string() } }, ({ prompt }) => {
      return { content: [{ type: 'text', text: `a picture of ${prompt}` }] }
    })
    return server
  }
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.method !== 'POST') return void response.writeHead(405).end()
    const transport = new StreamableHTTPServerTransport()
    const server = makeServer()
    response.once('close', () => void server.close())
    await server.connect(transport)
    await transport.handleRequest(request, response)
  }
  const http = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => response.destroy(error as Error))
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  return {
    url: new URL(`http://127.0.0.1:${(http.address() as { port: number }).port}/mcp`),
    close() {
      http.closeAllConnections()
      http.close()
    },
  }
}
