import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { createMcpHandler, McpServer as McpServerV2 } from '@modelcontextprotocol/server'
import {
  BudgetError,
  InMemoryBudgetEnforcer,
  withBudget,
  withCostProfile,
  wrapServer,
  wrapServerFactory,
  wrapTransport,
} from 'mcp-budget'
import { describe, expect, test } from 'vitest'

const info = { name: 'a', version: '1' }
const enforcer = new InMemoryBudgetEnforcer()
enforcer.initialize('a', 100)
const steps = [withCostProfile({ defaultCost: 5 }), withBudget({ enforcer, budget: 'a' })] as const

const wrapAnything = (thing: unknown): unknown => wrapServer(thing as McpServer, ...steps)
const wrapAnyFactory = (thing: unknown): unknown => wrapServerFactory(thing as () => McpServer, ...steps)

/** The code and the text of what is thrown. */
function thrown(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (BudgetError.isInstance(error)) return `${error.code}: ${error.message}`
    throw error
  }
  return 'nothing'
}

describe('wrapServer', () => {
  const expected = 'not_supported: Expected wrapServer to get a server of an MCP SDK'

  test.each([
    ['a factory', () => new McpServer(info), 'use wrapServerFactory for a function that makes servers'],
    ['a client', new Client(info), 'use wrapClient for a client'],
    ['a transport', InMemoryTransport.createLinkedPair()[0], 'use wrapTransport for a transport'],
    [
      'a wrapped transport',
      wrapTransport(InMemoryTransport.createLinkedPair()[0], ...steps),
      'use wrapTransport for a transport',
    ],
    [
      'the handler of createMcpHandler',
      createMcpHandler(() => new McpServerV2(info)),
      'use wrapServerFactory inside createMcpHandler',
    ],
    ['undefined', undefined, 'got `undefined`'],
    ['a text', 'server', 'got "server" (string)'],
    ['a number', 7, 'got `7`'],
  ])('given %s says what to use instead', (_, thing, hint) => {
    expect(thrown(() => wrapAnything(thing))).toBe(`${expected}; ${hint}`)
  })

  test('given what looks like a server, but keeps its handlers elsewhere, says to wrap the transport', () => {
    const server = { connect: async () => {}, close: async () => {}, getClientCapabilities: () => ({}) }
    expect(thrown(() => wrapAnything(server))).toBe(
      'not_supported: Expected a server of SDK v1 or v2; for any other wrap its transport with wrapTransport',
    )
  })

  test.each([
    ['v1', () => new McpServer(info)],
    ['v2', () => new McpServerV2(info)],
  ])('wraps a server of SDK %s once, be it the whole or the low-level one', (_, make) => {
    const server = make()
    wrapAnything(server)
    const twice = 'already_wrapped: Expected a server that is not wrapped; give all steps to one call'
    expect(thrown(() => wrapAnything(server))).toBe(twice)
    expect(thrown(() => wrapAnything(server.server))).toBe(twice)
  })

  test('given a server that is connected says that it comes too late', async () => {
    const server = new McpServer(info)
    await server.connect(InMemoryTransport.createLinkedPair()[1])
    expect(thrown(() => wrapAnything(server))).toBe(
      'already_connected: Expected a server that is not connected; call wrapServer before connect',
    )
  })

  test('lets a server connect to one transport at a time, and again after it was closed [T13]', async () => {
    const server = wrapServer(new McpServer(info), ...steps)
    await server.connect(InMemoryTransport.createLinkedPair()[1])
    await expect(server.connect(InMemoryTransport.createLinkedPair()[1])).rejects.toThrow(
      'Expected a server that is not connected; make a server for each connection, or answers cross',
    )
    await server.close()
    await server.connect(InMemoryTransport.createLinkedPair()[1])
  })

  test('lets a server connect to no transport that is wrapped already', async () => {
    const server = wrapServer(new McpServer(info), ...steps)
    const transport = wrapTransport(InMemoryTransport.createLinkedPair()[1], ...steps)
    await expect(server.connect(transport)).rejects.toMatchObject({ code: 'already_wrapped' })
  })
})

describe('wrapServerFactory', () => {
  test.each([
    ['a server', new McpServer(info), 'use wrapServer for a server'],
    ['undefined', undefined, 'got `undefined`'],
    ['a number', 7, 'got `7`'],
  ])('given %s says what to use instead', (_, thing, hint) => {
    expect(thrown(() => wrapAnyFactory(thing))).toBe(
      `not_supported: Expected wrapServerFactory to get a function that makes a server; ${hint}`,
    )
  })

  test('finds out when it is called that a factory makes something else', () => {
    const make = wrapAnyFactory(() => new Client(info)) as () => unknown
    expect(thrown(make)).toBe(
      'not_supported: Expected wrapServerFactory to get a server of an MCP SDK; use wrapClient for a client',
    )
  })

  test('wraps a server that the factory makes again only once', async () => {
    const server = new McpServer(info)
    const make = wrapServerFactory(() => server, ...steps)
    expect(make()).toBe(server)
    expect(make()).toBe(server)
  })

  test('refuses a server that was wrapped by somebody else', async () => {
    const server = wrapServer(new McpServer(info), ...steps)
    expect(thrown(wrapServerFactory(() => server, ...steps))).toMatch(/^already_wrapped/)
    await expect(wrapServerFactory(async () => server, ...steps)()).rejects.toMatchObject({ code: 'already_wrapped' })
  })
})
