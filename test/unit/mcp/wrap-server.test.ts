import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport as InMemoryV1 } from '@modelcontextprotocol/sdk/inMemory.js'
import { McpServer as McpServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import { Server as ServerV1 } from '@modelcontextprotocol/sdk/server/index.js'
import {
  CallToolRequestSchema,
  ListToolsRequestSchema,
  ReadResourceRequestSchema,
} from '@modelcontextprotocol/sdk/types.js'
import { Client as ClientV2, InMemoryTransport as InMemoryV2 } from '@modelcontextprotocol/client'
import { createMcpHandler, McpServer as McpServerV2, Server as ServerV2 } from '@modelcontextprotocol/server'
import {
  assertMetered,
  BudgetError,
  InMemoryBudgetEnforcer,
  MemoryLedger,
  withBudget,
  withCostProfile,
  withLedger,
  wrapServer,
  wrapServerFactory,
  wrapTransport,
  type BudgetOptions,
  type CallMiddleware,
  type SeatOptions,
} from 'mcp-budget'
import { asyncEnforcer, FakeClock, settle } from 'mcp-budget/testing'
import { afterEach, describe, expect, test, vi } from 'vitest'
import * as z from 'zod'
import { rpcError } from '../../support/wire-error.js'

const INFO = { name: 'a', version: '1' }
const CAPABLE = { capabilities: { tools: {}, resources: {} } }
const text = (value: string) => ({ content: [{ type: 'text' as const, text: value }] })

const closing: Array<() => Promise<void>> = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

function budget(options: Partial<BudgetOptions> & { credits?: number; later?: boolean } = {}) {
  const { credits = 100, later = false, ...more } = options
  const clock = new FakeClock()
  const ledger = new MemoryLedger()
  const memory = new InMemoryBudgetEnforcer({ clock, ledger })
  memory.initialize('a', credits)
  const enforcer = later ? asyncEnforcer(memory) : memory
  const steps = [
    withLedger({ ledger, clock }),
    withCostProfile({ defaultCost: 5, clock }),
    withBudget({ enforcer, budget: 'a', clock, ...more }),
  ] as const
  const balance = () => {
    const { available, held, spent } = memory.describe('a')
    return { available, held, spent }
  }
  return { clock, memory, steps, balance, records: () => ledger.entries({ kind: 'call' }) }
}

/** Both generations, low level: a handler for tools/call in the words of each. */
const GENERATIONS = {
  v1: {
    low: () => new ServerV1(INFO, CAPABLE) as any,
    high: () => new McpServerV1(INFO) as any,
    client: () => new ClientV1(INFO) as any,
    pair: () => InMemoryV1.createLinkedPair() as any,
    onCall: (server: any, handler: any) => server.setRequestHandler(CallToolRequestSchema, handler),
    onList: (server: any, handler: any) => server.setRequestHandler(ListToolsRequestSchema, handler),
    onRead: (server: any, handler: any) => server.setRequestHandler(ReadResourceRequestSchema, handler),
    signal: (context: any): AbortSignal => context.signal,
  },
  v2: {
    low: () => new ServerV2(INFO, CAPABLE) as any,
    high: () => new McpServerV2(INFO) as any,
    client: () => new ClientV2(INFO) as any,
    pair: () => InMemoryV2.createLinkedPair() as any,
    onCall: (server: any, handler: any) => server.setRequestHandler('tools/call', handler),
    onList: (server: any, handler: any) => server.setRequestHandler('tools/list', handler),
    onRead: (server: any, handler: any) => server.setRequestHandler('resources/read', handler),
    signal: (context: any): AbortSignal => context.mcpReq.signal,
  },
}

describe.each(Object.entries(GENERATIONS))('a server of SDK %s', (_, sdk) => {
  async function connected(server: any) {
    const [near, far] = sdk.pair()
    const client = sdk.client()
    await server.connect(far)
    await client.connect(near)
    closing.push(() => client.close())
    return { client, near, far }
  }
  const tool = (server: any, name: string, handler: () => unknown = () => text(name)) =>
    server.registerTool(name, { inputSchema: { q: z.string().optional() } }, handler)

  test('is guarded whether its tools were registered before or after, and is the same server', async () => {
    const { steps, balance, records } = budget()
    const server = sdk.high()
    tool(server, 'before')
    expect(wrapServer(server, ...steps)).toBe(server)
    tool(server, 'after')
    const { client } = await connected(server)
    tool(server, 'late')
    for (const name of ['before', 'after', 'late'])
      expect(await client.callTool({ name, arguments: {} })).toMatchObject(text(name))
    expect(balance()).toMatchObject({ spent: 15, held: 0 })
    expect(records().map((record) => record.tool)).toEqual(['before', 'after', 'late'])
    expect(() => assertMetered(server)).not.toThrow()
  })

  test('of which only the low level was wrapped is guarded too, and counts as wrapped', async () => {
    const { steps, balance } = budget()
    const server = sdk.high()
    wrapServer(server.server, ...steps)
    tool(server, 'x')
    const { client } = await connected(server)
    await client.callTool({ name: 'x', arguments: {} })
    expect(balance()).toMatchObject({ spent: 5 })
    expect(() => assertMetered(server)).not.toThrow()
    expect(codeOf(() => wrapServer(server, ...steps))).toBe('already_wrapped')
  })

  test('whose handler is exchanged, or taken away, is guarded all the same [T51, L-P25]', async () => {
    const { steps, balance } = budget()
    const server = wrapServer(sdk.low(), ...steps)
    sdk.onCall(server, () => text('first'))
    const { client } = await connected(server)
    expect(await client.callTool({ name: 'x' })).toMatchObject(text('first'))
    sdk.onCall(server, () => text('second'))
    expect(await client.callTool({ name: 'x' })).toMatchObject(text('second'))
    server.removeRequestHandler('tools/call')
    server.fallbackRequestHandler = (request: any) =>
      Promise.resolve(request.method === 'tools/call' ? text('third') : {})
    expect(await client.callTool({ name: 'x' })).toMatchObject(text('third'))
    expect(balance()).toMatchObject({ spent: 15, held: 0 })
    expect(await client.ping()).toBeDefined()
    expect(balance()).toMatchObject({ spent: 15 })
  })

  test('that was refused at a limit runs nothing, whoever answers later', async () => {
    const { steps } = budget({ credits: 4 })
    const handler = vi.fn(() => text('x'))
    const server = wrapServer(sdk.low(), ...steps)
    sdk.onCall(server, handler)
    const { client } = await connected(server)
    expect(await rpcError(client.callTool({ name: 'x' }))).toMatchObject({ data: { error: 'budget_exhausted' } })
    expect(handler).not.toHaveBeenCalled()
  })

  test.each([-32602, -32601, -32603, 7])(
    'whose handler throws %i has begun the work, and is paid for it [L-S19]',
    async (code) => {
      const { steps, balance } = budget()
      const server = wrapServer(sdk.low(), ...steps)
      sdk.onCall(server, () => {
        throw Object.assign(new Error('no'), { code })
      })
      const { client } = await connected(server)
      expect(await rpcError(client.callTool({ name: 'x' }))).toMatchObject({ code })
      expect(balance()).toEqual({ available: 95, held: 0, spent: 5 })
    },
  )

  test('without a tool answers as without a seat, and holds nothing', async () => {
    const { steps, balance, records } = budget({ later: true })
    const bare = await connected(new (sdk.low().constructor)(INFO))
    const guarded = await connected(wrapServer(new (sdk.low().constructor)(INFO), ...steps))
    const wanted = await rpcError(raw(bare.client))
    expect(await rpcError(raw(guarded.client))).toEqual(wanted)
    expect(wanted.code).toBe(-32601)
    await settle()
    expect(balance()).toEqual({ available: 100, held: 0, spent: 0 })
    expect(records()).toEqual([])
  })

  const raw = (client: any) => client.request({ method: 'tools/call', params: { name: 'x' } }, z.looseObject({}))

  test('goes on with a call when the connection has closed, and the call ends when its handler does', async () => {
    const { steps, balance, clock } = budget({ onExpire: 'release' })
    const server = wrapServer(sdk.low(), ...steps)
    let finish!: (result: object) => void
    sdk.onCall(server, () => new Promise((resolve) => (finish = resolve)))
    const { client } = await connected(server)
    const call = client.callTool({ name: 'x' })
    call.catch(() => {})
    await vi.waitFor(() => expect(finish).toBeDefined())
    await client.close()
    expect(balance()).toMatchObject({ held: 5 })
    await clock.advanceAsync(60_000)
    finish(text('done'))
    await settle()
    expect(balance()).toEqual({ available: 95, held: 0, spent: 5 })
  })

  test('whose handler never ends after that is not kept alive: its hold ends at its deadline [L-P3]', async () => {
    const { steps, balance, clock } = budget()
    const server = wrapServer(sdk.low(), { clock }, ...steps)
    const begun = vi.fn()
    sdk.onCall(server, () => new Promise(begun))
    const { client } = await connected(server)
    client.callTool({ name: 'x' }).catch(() => {})
    await vi.waitFor(() => expect(begun).toHaveBeenCalled())
    await client.close()
    await clock.advanceAsync(121_000)
    expect(balance()).toEqual({ available: 95, held: 0, spent: 5 })
  })

  test('keeps the hold of a call that takes long', async () => {
    const { steps, balance, clock } = budget({ onExpire: 'release' })
    const server = wrapServer(sdk.low(), { clock }, ...steps)
    let finish!: (result: object) => void
    sdk.onCall(server, () => new Promise((resolve) => (finish = resolve)))
    const { client } = await connected(server)
    const call = client.callTool({ name: 'x' })
    await vi.waitFor(() => expect(finish).toBeDefined())
    await clock.advanceAsync(900_000)
    expect(balance()).toMatchObject({ held: 5 })
    finish(text('done'))
    await call
    expect(balance()).toMatchObject({ spent: 5, held: 0 })
  })

  test('whose call is cancelled while the steps decide gives the credits back, and runs nothing', async () => {
    let decide!: () => void
    const slow: CallMiddleware = {
      name: 'slow',
      enter: (call) => new Promise((resolve) => (decide = () => resolve(call))),
    }
    const { steps, balance } = budget()
    const handler = vi.fn(() => text('x'))
    const server = wrapServer(sdk.low(), ...([...steps, slow] as unknown as typeof steps))
    sdk.onCall(server, handler)
    const { client } = await connected(server)
    const caller = new AbortController()
    const call = client.callTool({ name: 'x' }, ...(sdk === GENERATIONS.v1 ? [undefined] : []), {
      signal: caller.signal,
    })
    call.catch(() => {})
    await vi.waitFor(() => expect(decide).toBeDefined())
    expect(balance()).toMatchObject({ held: 5 })
    caller.abort()
    await vi.waitFor(() => expect(balance()).toMatchObject({ available: 100, held: 0 }))
    decide()
    await settle()
    expect(handler).not.toHaveBeenCalled()
  })

  test('hands its handler what a step made of the arguments and of `_meta`', async () => {
    const change: CallMiddleware = {
      name: 'change',
      enter: (call) => ({ ...call, args: { q: 'changed' }, meta: { kept: true } }),
    }
    const seen: unknown[] = []
    const server = wrapServer(sdk.low(), change, withCostProfile({ defaultCost: 0 }))
    sdk.onCall(server, (request: any, context: any) => {
      seen.push(request.params.arguments, request.params._meta, context._meta ?? context.mcpReq._meta)
      return text('x')
    })
    const { client } = await connected(server)
    await client.callTool({ name: 'x', arguments: { q: 'seen' }, _meta: { token: 'secret' } })
    expect(seen).toEqual([{ q: 'changed' }, { kept: true }, { kept: true }])
  })

  test('may govern other methods, by their handlers', async () => {
    const { steps, balance } = budget({ credits: 5 })
    const options: SeatOptions = { governed: ['resources/read'] }
    const server = wrapServer(sdk.low(), options, ...steps)
    sdk.onRead(server, () => ({ contents: [{ uri: 'a:b', text: 'x' }] }))
    const { client } = await connected(server)
    await client.readResource({ uri: 'a:b' })
    expect(balance()).toMatchObject({ spent: 5 })
    expect(await rpcError(client.readResource({ uri: 'a:b' }))).toMatchObject({
      data: { error: 'budget_exhausted', tool: 'resources/read' },
    })
  })

  test('can be closed and connected again', async () => {
    const { steps, balance } = budget()
    const server = wrapServer(sdk.low(), ...steps)
    sdk.onCall(server, () => text('x'))
    for (let i = 1; i <= 2; i++) {
      const { client } = await connected(server)
      await client.callTool({ name: 'x' })
      expect(balance()).toMatchObject({ spent: i * 5 })
      await client.close()
      await vi.waitFor(() => expect(server.transport).toBeUndefined())
    }
  })

  test('that is connected cannot be connected again, or answers would cross [T13]', async () => {
    const { steps } = budget()
    const server = wrapServer(sdk.low(), ...steps)
    await connected(server)
    await expect(server.connect(sdk.pair()[0])).rejects.toMatchObject({ code: 'already_connected' })
  })

  test('that answers without a handler of its own is found out, and its answer is not handed on [T51]', async () => {
    const { steps } = budget()
    const server = wrapServer(sdk.low(), ...steps)
    const [near, far] = sdk.pair()
    const sent: any[] = []
    near.onmessage = (message: unknown) => void sent.push(message)
    await server.connect(far)
    await near.start()
    const onerror = vi.fn()
    server.onerror = onerror
    // Whatever takes the message from the SDK answers it behind the back of the steps.
    server.transport.onmessage = (message: any) =>
      void server.transport.send({ jsonrpc: '2.0', id: message.id, result: {} })
    await near.send({ jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name: 'x' } })
    await settle()
    expect(sent).toMatchObject([{ id: 7, error: { code: -32603 } }])
    expect(onerror).toHaveBeenCalledWith(expect.objectContaining({ code: 'not_metered' }))
  })

  test('refuses a handler that is asked for by something else than its transport [T51]', async () => {
    const { steps } = budget()
    const server = wrapServer(sdk.low(), ...steps)
    const handler = vi.fn()
    sdk.onCall(server, handler)
    const stored = server._requestHandlers.get('tools/call')
    const request = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'x' } }
    await expect((async () => stored(request, { requestId: 1, mcpReq: { id: 1 } }))()).rejects.toMatchObject({
      code: 'not_metered',
    })
    expect(handler).not.toHaveBeenCalled()
  })
})

describe('misuse', () => {
  const { steps } = budget()
  const connectedV1 = async () => {
    const server = new McpServerV1(INFO)
    await server.connect(InMemoryV1.createLinkedPair()[0])
    return server
  }

  test('comes too late, or twice, is said so [T51]', async () => {
    const late = await connectedV1()
    expect(codeOf(() => wrapServer(late, ...steps))).toBe('already_connected')
    const twice = wrapServer(new McpServerV1(INFO), ...steps)
    expect(codeOf(() => wrapServer(twice, ...steps))).toBe('already_wrapped')
    const transport = wrapTransport(InMemoryV1.createLinkedPair()[0], ...steps)
    await expect(wrapServer(new McpServerV1(INFO), ...steps).connect(transport)).rejects.toMatchObject({
      code: 'already_wrapped',
    })
  })

  test.each([
    ['a client', () => new ClientV1(INFO), /use wrapClient/],
    ['a transport', () => InMemoryV1.createLinkedPair()[0], /use wrapTransport/],
    ['a factory', () => () => new McpServerV2(INFO), /use wrapServerFactory/],
    ['a handler', () => createMcpHandler(() => new McpServerV2(INFO)), /use wrapServerFactory inside createMcpHandler/],
    ['nothing', () => undefined, /got `undefined`/],
    ['text', () => 'server', /got "server" \(string\)/],
    ['an object', () => ({ connect: () => {} }), /got an object/],
  ])('of wrapServer with %s says what to use [T51]', (_, make, hint) => {
    const thrown = errorOf(() => wrapServer(make() as never, ...steps))
    expect(thrown).toMatchObject({ code: 'not_supported', message: expect.stringMatching(hint) })
  })

  test.each([
    ['a server', () => new McpServerV2(INFO), /use wrapServer for a server/],
    ['nothing', () => undefined, /got `undefined`/],
  ])('of wrapServerFactory with %s says what to use [T51]', (_, make, hint) => {
    const thrown = errorOf(() => wrapServerFactory(make() as never, ...steps))
    expect(thrown).toMatchObject({ code: 'not_supported', message: expect.stringMatching(hint) })
  })

  test('of a server that keeps its handlers elsewhere says to wrap its transport', () => {
    const other = { connect: async () => {}, close: async () => {}, getClientCapabilities: () => ({}) }
    expect(errorOf(() => wrapServer(other, ...steps))).toMatchObject({
      code: 'not_supported',
      message: expect.stringContaining('wrapTransport'),
    })
  })

  test('without steps, or with settings that make no sense, leaves the server as it was', () => {
    const server = new McpServerV1(INFO)
    expect(codeOf(() => wrapServer(server))).toBe('invalid_config')
    expect(codeOf(() => wrapServer(server, { sealKeys: ['short'] } as SeatOptions, ...steps))).toBe('invalid_config')
    expect(wrapServer(server, ...steps)).toBe(server)
  })
})

describe('wrapServerFactory', () => {
  test('takes a factory that makes the same server again, or promises one', async () => {
    const { steps } = budget()
    const server = new McpServerV2(INFO)
    const again = wrapServerFactory(() => server, ...steps)
    expect(again()).toBe(server)
    expect(again()).toBe(server)
    const later = wrapServerFactory(async () => new McpServerV2(INFO), ...steps)
    expect(() => assertMetered(server)).not.toThrow()
    assertMetered(await later())
  })

  test('hands on what the factory is called with, and what it throws', async () => {
    const { steps } = budget()
    const factory = vi.fn((_context: { era: string }) => {
      throw new Error('no server today')
    })
    const wrapped = wrapServerFactory(factory as never, ...steps) as unknown as typeof factory
    expect(() => wrapped({ era: 'modern' })).toThrow('no server today')
    expect(factory).toHaveBeenCalledExactlyOnceWith({ era: 'modern' })
    const failing = wrapServerFactory(() => Promise.reject(new Error('later')), ...steps)
    await expect(failing()).rejects.toThrow('later')
  })

  test('of something that makes no servers says so when it is called', () => {
    const { steps } = budget()
    const wrapped = wrapServerFactory((() => ({})) as never, ...steps) as () => unknown
    expect(codeOf(wrapped)).toBe('not_supported')
  })
})

function errorOf(action: () => unknown): unknown {
  try {
    action()
  } catch (error) {
    return error
  }
  return undefined
}

function codeOf(action: () => unknown): string | undefined {
  const error = errorOf(action)
  return BudgetError.isInstance(error) ? error.code : undefined
}
