/** A server of SDK v1 with one tool that costs credits, and one that is free. */
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { withBudget, withCostProfile, wrapTool, type BudgetEnforcer } from 'mcp-budget'
import * as z from 'zod/v4'

export function serverV1(enforcer: BudgetEnforcer): McpServer {
  // #region tool
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
  return server
}
