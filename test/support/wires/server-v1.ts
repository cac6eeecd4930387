import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { CallToolRequestSchema, type CallToolResult, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import type { Journal } from './journal.js'
import { runTool, SERVER_INFO, TOOLS } from './tools.js'

/** Low level, because a handler registered with `McpServer` cannot raise a JSON-RPC error. */
export function serverV1(journal: Journal): Server {
  const server = new Server(SERVER_INFO, { capabilities: { tools: {} } })
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: TOOLS }))
  server.setRequestHandler(
    CallToolRequestSchema,
    async ({ params }, { signal }) => (await runTool(journal, params, signal)) as CallToolResult,
  )
  return server
}
