/** A server of three tools. One of them was added last week, and nobody thought of its price. */
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'

/** A server of its own for each connection. */
export function studio(): McpServer {
  const server = new McpServer({ name: 'studio', version: '1.0.0' })
  server.registerTool('search', {}, () => ({ content: [{ type: 'text', text: 'three ferries' }] }))
  server.registerTool('draw', {}, () => ({
    content: [{ type: 'text', text: 'a ferry' }],
    _meta: { 'example.com/usage': { credits: 12 } },
  }))
  server.registerTool('animate', {}, () => ({ content: [{ type: 'text', text: 'a ferry, moving' }] }))
  return server
}
