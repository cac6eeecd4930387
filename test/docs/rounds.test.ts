import { Client as ClientV2, InMemoryTransport as InMemoryTransportV2 } from '@modelcontextprotocol/client'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import { createMcpHandler, inputRequired, McpServer as McpServerV2 } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import {
  compose,
  InMemoryBudgetEnforcer,
  withBudget,
  withCostProfile,
  wrapServer,
  wrapServerFactory,
  type Meter,
} from 'mcp-budget'
import { FakeClock, settle } from 'mcp-budget/testing'
import { beforeEach, describe, expect, test } from 'vitest'
import * as z from 'zod/v4'

const info = { name: 'tables', version: '1.0.0' }
const day = z.object({ day: z.string() })

let clock: FakeClock
let enforcer: InMemoryBudgetEnforcer
let steps: Meter

beforeEach(() => {
  clock = new FakeClock()
  enforcer = new InMemoryBudgetEnforcer({ clock })
  enforcer.initialize('agent-1', 100)
  steps = compose(withCostProfile({ defaultCost: 10 }), withBudget({ enforcer, budget: 'agent-1', clock }))
})

const balance = () => {
  const { held, spent } = enforcer.describe('agent-1')
  return { held, spent }
}

describe('a call whose server asks its client in the middle of it', () => {
  test('is one call of a server of SDK v1, and is paid once', async () => {
    // #region legacy
    const server = wrapServer(new McpServer({ name: 'tables', version: '1.0.0' }), steps)
    server.registerTool('book', { inputSchema: { seats: z.int() } }, async ({ seats }) => {
      const answer = await server.server.elicitInput({
        message: 'Which day?',
        requestedSchema: { type: 'object', properties: { day: { type: 'string' } }, required: ['day'] },
      })
      return { content: [{ type: 'text', text: `booked ${seats} seats on ${String(answer.content?.['day'])}` }] }
    })
    // #endregion legacy
    const [near, far] = InMemoryTransport.createLinkedPair()
    await server.connect(far)
    const client = new Client(info, { capabilities: { elicitation: { form: {} } } })
    client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept', content: { day: 'Friday' } }))
    await client.connect(near)
    const result = await client.callTool({ name: 'book', arguments: { seats: 2 } })
    expect(result.content).toEqual([{ type: 'text', text: 'booked 2 seats on Friday' }])
    expect(balance()).toEqual({ held: 0, spent: 10 })
    await client.close()
  })

  test.each(['wrapServer', 'wrapServerFactory'] as const)(
    'is one call of a server of SDK v2, whose handler is asked again and again (%s)',
    async (seat) => {
      let rounds = 0
      const makeServer = () => {
        const server = new McpServerV2(info)
        server.registerTool('book', { inputSchema: z.object({}) }, () => {
          if (++rounds === 3) return { content: [{ type: 'text', text: 'booked' }] }
          return inputRequired({
            inputRequests: { day: inputRequired.elicit({ message: 'Which day?', requestedSchema: day }) },
          })
        })
        return server
      }
      const [near, far] = InMemoryTransportV2.createLinkedPair()
      const made = seat === 'wrapServer' ? () => wrapServer(makeServer(), steps) : wrapServerFactory(makeServer, steps)
      serveStdio(made, { transport: far })
      const client = new ClientV2(info, { capabilities: { elicitation: { form: {} } } })
      client.setRequestHandler('elicitation/create', () => ({ action: 'accept', content: { day: 'Friday' } }))
      await client.connect(near)
      const result = await client.callTool({ name: 'book', arguments: {} })
      expect(result).toMatchObject({ content: [{ type: 'text', text: 'booked' }] })
      expect(rounds).toBe(3)
      expect(balance()).toEqual({ held: 0, spent: 10 })
      await client.close()
    },
  )
})

/** A handler of 2026-07-28 whose tool asks as often as it is told to, and what it answers to single rounds. */
function asking(times: number, sealKey = 'a key that every process has, 32 bytes') {
  const makeServer = () => {
    const server = new McpServerV2(info)
    server.registerTool('book', { inputSchema: z.looseObject({}) }, (_args, { mcpReq }) => {
      const asked = Number(mcpReq.requestState() ?? 0)
      if (asked === times) return { content: [{ type: 'text', text: 'booked' }] }
      const ask = inputRequired.elicit({ message: 'Which day?', requestedSchema: day })
      return inputRequired({ inputRequests: { day: ask }, requestState: String(asked + 1) })
    })
    return server
  }
  const handler = createMcpHandler(wrapServerFactory(makeServer, { sealKeys: [sealKey], clock }, steps))
  return async (requestState?: string, args: object = { seats: 2 }): Promise<any> => {
    const inputResponses = { day: { action: 'accept', content: { day: 'Friday' } } }
    const params = {
      name: 'book',
      arguments: args,
      ...(requestState !== undefined && { requestState, inputResponses }),
      _meta: {
        'io.modelcontextprotocol/protocolVersion': '2026-07-28',
        'io.modelcontextprotocol/clientCapabilities': { elicitation: { form: {} } },
      },
    }
    const headers = {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': 'book',
    }
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params })
    return (await handler.fetch(new Request('http://127.0.0.1/mcp', { method: 'POST', headers, body }))).json()
  }
}

const REFUSED = { code: -32602, data: { error: 'invalid_request_state', retryable: false } }

describe('a call that asks for input on 2026-07-28, at a server', () => {
  test('goes on in another server with the same key and the same store, and is paid once [T31]', async () => {
    const state = (await asking(1)()).result.requestState
    expect(balance()).toEqual({ held: 10, spent: 0 })
    const answer = await asking(1)(state)
    expect(answer.result.content[0].text).toBe('booked')
    expect(balance()).toEqual({ held: 0, spent: 10 })
  })

  test('is a new call, which pays, when its state is brought a second time [T31]', async () => {
    const send = asking(1)
    const state = (await send()).result.requestState
    await Promise.all([send(state), send(state), send(state)])
    expect(balance()).toEqual({ held: 0, spent: 30 })
  })

  test.each([
    ['another key sealed it', async (state: string) => asking(1, 'a key that nobody else has, 32 bytes')(state)],
    ['other arguments came with it', async (state: string) => asking(1)(state, { seats: 200 })],
    ['a letter of it was changed', async (state: string) => asking(1)(state.replace(/.$/, '0'))],
    [
      'it is 600 seconds old',
      async (state: string) => {
        clock.advance(600_000)
        return asking(1)(state)
      },
    ],
  ])('is refused where %s, and nothing is held for it [T31]', async (_, bring) => {
    const state = (await asking(1)()).result.requestState
    expect(await bring(state)).toMatchObject({ error: REFUSED })
    const { held, spent } = balance()
    expect(held + spent).toBe(10)
  })

  test('is charged when nobody goes on with it, after 600 seconds', async () => {
    await asking(1)()
    clock.advance(599_999)
    expect(balance()).toEqual({ held: 10, spent: 0 })
    clock.advance(1)
    expect(balance()).toEqual({ held: 0, spent: 10 })
  })

  test('asks ten times for one price, and the eleventh time for another', async () => {
    const send = asking(11)
    let state: string | undefined
    for (let round = 1; round <= 10; round++) {
      state = (await send(state)).result.requestState
      expect(state).toMatch(/^mcpb-s1\./)
    }
    const eleventh = await send(state)
    expect(eleventh.result.requestState).toBe('11')
    expect((await send('11')).result.content[0].text).toBe('booked')
    expect(balance()).toEqual({ held: 10, spent: 10 })
  })
})

test('a call that takes long keeps its hold until it ends', async () => {
  const server = new McpServer(info)
  let finish = (): void => {}
  const ended = new Promise<void>((resolve) => (finish = resolve))
  wrapServer(
    server,
    { clock },
    withCostProfile({ defaultCost: 10 }),
    withBudget({ enforcer, budget: 'agent-1', ttlMs: 60_000, onExpire: 'release', clock }),
  )
  server.registerTool('train', {}, async () => {
    await ended
    return { content: [] }
  })
  const [near, far] = InMemoryTransport.createLinkedPair()
  await server.connect(far)
  const client = new Client(info)
  await client.connect(near)
  const call = client.callTool({ name: 'train' })
  await expect.poll(balance).toEqual({ held: 10, spent: 0 })
  for (let minute = 0; minute < 60; minute++) {
    clock.advance(60_000)
    await settle()
  }
  expect(balance()).toEqual({ held: 10, spent: 0 })
  finish()
  await call
  expect(balance()).toEqual({ held: 0, spent: 10 })
  await client.close()
})
