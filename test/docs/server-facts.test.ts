import { Client as ClientV2, InMemoryTransport as InMemoryTransportV2 } from '@modelcontextprotocol/client'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { McpServer as McpServerV2 } from '@modelcontextprotocol/server'
import {
  compose,
  InMemoryBudgetEnforcer,
  withBudget,
  withCostProfile,
  wrapServer,
  wrapTool,
  wrapTransport,
  type CallMiddleware,
} from 'mcp-budget'
import { settle } from 'mcp-budget/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import * as z from 'zod/v4'

const info = { name: 'studio', version: '1.0.0' }
const content = [{ type: 'text' as const, text: 'a picture' }]

describe.each(['wrapServer', 'wrapTransport'] as const)('as the server guide says, at %s', (seat) => {
  let enforcer: InMemoryBudgetEnforcer
  let client: ClientV2
  /** Lets the handler that runs come to its end. */
  let finish: () => void

  beforeEach(async () => {
    enforcer = new InMemoryBudgetEnforcer()
    enforcer.initialize('alice', 100)
    const steps = compose(withCostProfile({ defaultCost: 50 }), withBudget({ enforcer, budget: 'alice' }))
    const server = new McpServerV2(info)
    const ended = new Promise<void>((resolve) => (finish = resolve))
    server.registerTool('draw', { inputSchema: z.object({}) }, async () => {
      await ended
      return { content }
    })
    if (seat === 'wrapServer') wrapServer(server, steps)
    const [near, far] = InMemoryTransportV2.createLinkedPair()
    await server.connect(seat === 'wrapTransport' ? wrapTransport(far, steps) : far)
    client = new ClientV2(info)
    await client.connect(near)
  })

  afterEach(() => client.close())

  const balance = () => {
    const { held, spent } = enforcer.describe('alice')
    return { held, spent }
  }

  test('a call that is cancelled is charged at once, and what its handler does later changes nothing', async () => {
    const caller = new AbortController()
    const call = client.callTool({ name: 'draw', arguments: {} }, { signal: caller.signal })
    await expect.poll(balance).toEqual({ held: 50, spent: 0 })
    caller.abort()
    await expect(call).rejects.toThrow()
    expect(balance()).toEqual({ held: 0, spent: 50 })
    finish()
    await settle()
    expect(balance()).toEqual({ held: 0, spent: 50 })
  })

  test('a closed connection ends a call when its handler is seen to end, or with its hold', async () => {
    const call = client.callTool({ name: 'draw', arguments: {} })
    await expect.poll(balance).toEqual({ held: 50, spent: 0 })
    await client.close()
    await expect(call).rejects.toThrow()
    expect(balance()).toEqual({ held: 50, spent: 0 })
    finish()
    await settle()
    // At a transport nobody sees the handler: the hold is kept until its time is up.
    expect(balance()).toEqual(seat === 'wrapServer' ? { held: 0, spent: 50 } : { held: 50, spent: 0 })
  })

  test('an error −32602 out of a handler is charged where the handler is seen to be entered', async () => {
    await expect(client.callTool({ name: 'drwa', arguments: {} })).rejects.toThrow('not found')
    expect(balance()).toEqual({ held: 0, spent: seat === 'wrapServer' ? 50 : 0 })
  })
})

describe.each([
  ['v1', McpServer, Client, InMemoryTransport],
  ['v2', McpServerV2, ClientV2, InMemoryTransportV2],
] as const)('who asks, on SDK %s,', (_, Server, AnyClient, Memory) => {
  test.each(['wrapServer', 'wrapTransport', 'wrapTool'] as const)('is known at %s', async (seat) => {
    const seen: unknown[] = []
    const watch: CallMiddleware = {
      name: 'watch',
      enter: (call) => {
        const { clientId, scopes, extra } = call.auth ?? {}
        seen.push({ clientId, scopes, extra }, JSON.stringify(call.auth).includes('secret'))
        return call
      },
    }
    const server = new (Server as typeof McpServer)(info)
    const draw = () => ({ content })
    server.registerTool('draw', {}, seat === 'wrapTool' ? wrapTool('draw', draw, watch) : draw)
    if (seat === 'wrapServer') wrapServer(server, watch)
    const [near, far] = (Memory as typeof InMemoryTransport).createLinkedPair()
    const authInfo = { token: 'secret', clientId: 'alice', scopes: ['draw'], extra: { user: 7 } }
    const send = near.send.bind(near)
    near.send = (message) => send(message, { authInfo })
    await server.connect(seat === 'wrapTransport' ? wrapTransport(far, watch) : far)
    const client = new (AnyClient as typeof Client)(info)
    await client.connect(near)
    await client.callTool({ name: 'draw' })
    expect(seen).toEqual([{ clientId: 'alice', scopes: ['draw'], extra: { user: 7 } }, false])
    await client.close()
  })
})
