/**
 * A server of SDK v2 for 2026-07-28: one tool, which asks for a day before it books. Each handler stands for a process
 * of its own; what they have in common is the store and the keys.
 */
import { createServer } from 'node:http'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { acceptedContent, createMcpHandler, inputRequired, McpServer } from '@modelcontextprotocol/server'
import { withBudget, withCostProfile, wrapServerFactory, type HoldingEnforcer, type SealKey } from 'mcp-budget'
import * as z from 'zod/v4'

const day = z.object({ day: z.string() })

// #region tool
function makeServer(booked: (what: string) => void): McpServer {
  const server = new McpServer({ name: 'tables', version: '1.0.0' })
  server.registerTool('book', { inputSchema: z.object({ seats: z.int() }) }, ({ seats }, { mcpReq }) => {
    const answer = acceptedContent(mcpReq.inputResponses, 'day', day)
    if (answer === undefined) {
      const ask = inputRequired.elicit({ message: 'Which day?', requestedSchema: day })
      return inputRequired({ inputRequests: { day: ask } })
    }
    booked(`${seats} seats on ${answer.day}`)
    return { content: [{ type: 'text', text: `booked ${seats} seats on ${answer.day}` }] }
  })
  return server
}
// #endregion tool

// #region process
/** What one process runs. */
export function handlerOf(enforcer: HoldingEnforcer, sealKeys: readonly SealKey[], booked: (what: string) => void) {
  return createMcpHandler(
    wrapServerFactory(
      () => makeServer(booked),
      { sealKeys },
      withCostProfile({ costs: { book: 10 } }),
      withBudget({ enforcer, budget: 'agent-1' }),
    ),
  )
}
// #endregion process

/** Serves a handler on a free port of this machine. */
export async function listen(handler: ReturnType<typeof handlerOf>): Promise<{ readonly url: string; close(): void }> {
  const handle = toNodeHandler(handler)
  const http = createServer((request, response) => void handle(request as Parameters<typeof handle>[0], response))
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(http.address() as { port: number }).port}/mcp`,
    close() {
      http.closeAllConnections()
      http.close()
    },
  }
}
