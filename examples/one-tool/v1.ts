/** A server of SDK v1 with one tool that costs credits, and one that is free. */
// #region tool
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { InMemoryBudgetEnforcer, withBudget, withCostProfile, wrapTool } from 'mcp-budget'
import * as z from 'zod/v4'

const enforcer = new InMemoryBudgetEnforcer()
enforcer.initialize('studio', 120)

const server = new McpServer({ name: 'studio', version: '1.0.0' })

server.registerTool(
  'draw',
  { description: 'Draws a picture.', inputSchema: { prompt: z.string() } },
  wrapTool(
    'draw',
    ({ prompt }) => ({ content: [{ type: 'text', text: `a picture of ${prompt}` }] }),
    withCostProfile({ costs: { draw: 50 } }),
    withBudget({ enforcer, budget: 'studio' }),
  ),
)
// #endregion tool

server.registerTool('list_styles', {}, () => ({ content: [{ type: 'text', text: 'ink, oil, charcoal' }] }))

export { enforcer, server }
