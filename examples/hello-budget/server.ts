/** An MCP server with five tools, over stdio. It knows nothing of budgets. */
import { setTimeout } from 'node:timers/promises'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'
import * as z from 'zod/v4'
import { articleText, calculate, draw, findOrders, search, summarize } from './tools.js'

/** How long each call takes, so that somebody who watches sees it run. */
const paceMs = Number(process.env['PACE_MS'] ?? 0)
const runs: Record<string, number> = {}
const server = new McpServer({ name: 'hello-budget', version: '1.0.0' })

server.registerTool(
  'web_search',
  { description: 'Finds articles by their words.', inputSchema: { query: z.string().max(200) } },
  ({ query }) => run('web_search', () => search(query).join('\n')),
)

server.registerTool(
  'database_query',
  { description: 'Lists orders.', inputSchema: { country: z.string().length(2).optional() } },
  ({ country }) => run('database_query', () => findOrders(country).join('\n')),
)

server.registerTool(
  'gpt4_summarize',
  {
    description: 'Says in one sentence, or a few, what an article says.',
    inputSchema: { title: z.string(), sentences: z.int().min(1).max(5).default(1) },
  },
  ({ title, sentences }) => run('gpt4_summarize', () => summarize(articleText(title), sentences)),
)

server.registerTool(
  'dalle_generate',
  { description: 'Draws a picture.', inputSchema: { prompt: z.string().max(1_000) } },
  ({ prompt }) => run('dalle_generate', () => draw(prompt)),
)

server.registerTool(
  'code_execute',
  { description: 'Calculates.', inputSchema: { code: z.string().max(1_000) } },
  ({ code }) => run('code_execute', () => String(calculate(code))),
)

// What really reached this process, for whoever wants to know.
server.registerResource('runs', 'stats://runs', { mimeType: 'application/json' }, ({ href }) => ({
  contents: [{ uri: href, mimeType: 'application/json', text: JSON.stringify(runs) }],
}))

await server.connect(new StdioServerTransport())

/** Counts the run and does the work. What the work throws, the SDK answers as a result with `isError`. */
async function run(tool: string, work: () => string): Promise<CallToolResult> {
  runs[tool] = (runs[tool] ?? 0) + 1
  if (paceMs > 0) await setTimeout(paceMs)
  return { content: [{ type: 'text', text: work() }] }
}
