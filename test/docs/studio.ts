import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import * as z from 'zod/v4'

/** A server for the code of the guides; answers with the client's end of a transport, and with what ran. */
export async function studio(): Promise<{ transport: InMemoryTransport; ran: string[] }> {
  const ran: string[] = []
  const server = new McpServer({ name: 'studio', version: '1.0.0' })
  for (const name of ['search', 'draw', 'list_issues']) {
    server.registerTool(name, { inputSchema: z.looseObject({}) }, () => {
      ran.push(name)
      return { content: [{ type: 'text', text: `${name} ran` }] }
    })
  }
  const [transport, far] = InMemoryTransport.createLinkedPair()
  await server.connect(far)
  return { transport, ran }
}
