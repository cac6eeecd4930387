/** A server of SDK v1. All its tools cost credits, and each client pays out of a budget of its own. */
// #region imports
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { compose, InMemoryBudgetEnforcer, withBudget, withCostProfile, wrapServer } from 'mcp-budget'
import * as z from 'zod/v4'
// #endregion imports

export const enforcer = new InMemoryBudgetEnforcer()
enforcer.initialize('alice', 100)
enforcer.initialize('bob', 1_000)

/** What really ran, by tool. */
export const runs: Record<string, number> = {}

// #region make
const steps = compose(
  withCostProfile({ costs: { draw: 50, list_styles: 0 } }),
  withBudget({ enforcer, budget: (call) => call.auth?.clientId ?? 'anonymous' }),
)

/** A server for one request; all of them share the steps. */
export function makeServer(): McpServer {
  const server = wrapServer(new McpServer({ name: 'studio', version: '1.0.0' }), steps)
  server.registerTool('draw', { inputSchema: { prompt: z.string() } }, ({ prompt }) => drawn(prompt))
  server.registerTool('list_styles', {}, () => ({ content: [{ type: 'text', text: 'ink, oil, charcoal' }] }))
  return server
}
// #endregion make

function drawn(prompt: string): { content: [{ type: 'text'; text: string }] } {
  runs['draw'] = (runs['draw'] ?? 0) + 1
  return { content: [{ type: 'text', text: `a picture of ${prompt}` }] }
}
