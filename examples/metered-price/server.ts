/** A server whose results say what the work cost, each tool in its own way, and some of them badly. */
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import * as z from 'zod/v4'

export const server = new McpServer({ name: 'voices', version: '1.0.0' })

const inputSchema = { text: z.string() }

server.registerTool('speak', { inputSchema }, ({ text }) => ({
  content: [{ type: 'text', text: `~${text}~` }],
  // Dollars as text, because 0.0071 has no exact binary form.
  _meta: { 'example.com/usage': { usd: (text.length * 0.0001).toFixed(4) } },
}))

server.registerTool('translate', { inputSchema }, ({ text }) => ({
  content: [{ type: 'text', text: text.split('').reverse().join('') }],
  structuredContent: { usage: { credits: Math.ceil(text.length / 20) } },
}))

server.registerTool('transcribe', { inputSchema }, ({ text }) => ({
  content: [{ type: 'text', text }],
  _meta: { 'example.com/usage': { usd: 'about a cent' } },
}))

server.registerTool('compose_music', { inputSchema }, () => ({
  content: [{ type: 'text', text: 'la la la' }],
  _meta: { 'example.com/usage': { usd: '0.0900' } },
}))
