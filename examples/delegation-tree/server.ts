/** A server of SDK v1 whose tools are paid by token, over Streamable HTTP: a server for each request, one set of steps. */
import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import {
  compose,
  InMemoryBudgetEnforcer,
  KeyRing,
  MemoryLedger,
  withBudget,
  withCostProfile,
  withDelegation,
  withLedger,
  wrapServer,
} from 'mcp-budget'
import * as z from 'zod/v4'

export const ledger = new MemoryLedger()
export const enforcer = new InMemoryBudgetEnforcer({ ledger })

/** What reached a handler, with all that the SDK handed it: to show that no token did. */
export const handed: unknown[] = []

// #region steps
export const keys = new KeyRing({ current: { kid: '2026-11', key: randomBytes(32) } }) // out of your secrets

const steps = compose(
  withLedger({ ledger }),
  withDelegation({ keys, enforcer, audiences: ['newsroom'] }), // whose token it is
  withCostProfile({ costs: { search: 50, write: 40 } }), // what the call costs
  withBudget({ enforcer }), // the budget of the token pays
)
// #endregion steps

function makeServer(): McpServer {
  const server = wrapServer(new McpServer({ name: 'newsroom', version: '1.0.0' }), steps)
  for (const name of ['search', 'write']) {
    server.registerTool(name, { inputSchema: { about: z.string() } }, ({ about }, extra) => {
      handed.push(extra)
      return { content: [{ type: 'text', text: `${name}: ${about}` }] }
    })
  }
  return server
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== 'POST') return void response.writeHead(405).end()
  const transport = new StreamableHTTPServerTransport()
  const server = makeServer()
  response.once('close', () => void server.close())
  await server.connect(transport)
  await transport.handleRequest(request, response)
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
