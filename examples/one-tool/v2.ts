/** The same on a server of SDK v2: only the import and the schema differ. */
import { McpServer } from '@modelcontextprotocol/server'
import { withBudget, withCostProfile, wrapTool, type BudgetEnforcer } from 'mcp-budget'
import * as z from 'zod/v4'

export function serverV2(enforcer: BudgetEnforcer): McpServer {
  // #region tool
  const server = new McpServer({ name: 'studio', version: '1.0.0' })

  server.registerTool(
    'draw',
    { description: 'Draws a picture.', inputSchema: z.object({ prompt: z.string() }) },
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
