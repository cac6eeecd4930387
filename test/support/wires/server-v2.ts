import { type CallToolResult, Server } from '@modelcontextprotocol/server'
import type { Journal } from './journal.js'
import { runTool, SERVER_INFO, TOOLS } from './tools.js'

/** Low level, because a handler registered with `McpServer` cannot raise a JSON-RPC error. */
export function serverV2(journal: Journal): Server {
  const server = new Server(SERVER_INFO, { capabilities: { tools: {} } })
  server.setRequestHandler('tools/list', () => ({ tools: TOOLS }))
  server.setRequestHandler(
    'tools/call',
    async ({ params }, { mcpReq }) => (await runTool(journal, params, mcpReq.signal)) as CallToolResult,
  )
  return server
}
