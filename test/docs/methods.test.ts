import { readFileSync } from 'node:fs'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import {
  ClientRequestSchema,
  CreateMessageRequestSchema,
  ServerRequestSchema,
} from '@modelcontextprotocol/sdk/types.js'
import { specTypeSchemas } from '@modelcontextprotocol/server'
import {
  compose,
  InMemoryBudgetEnforcer,
  KeyRing,
  withBudget,
  withCostProfile,
  withDelegation,
  wrapClient,
  wrapServer,
  type SeatOptions,
} from 'mcp-budget'
import { describe, expect, test } from 'vitest'
import { GOVERNABLE } from '../../src/mcp/methods.js'
import { secret } from '../support/tokens.js'

/** The rows of the table of methods in docs/reference/wire.md. */
const text = readFileSync('docs/reference/wire.md', 'utf8')
const [, body = ''] = /^## Methods\n[\s\S]*?\n\|[-| ]+\|\n((?:\|.*\n)+)/m.exec(text) ?? []
const rows = body
  .trim()
  .split('\n')
  .map((row) => row.split('|').map((cell) => cell.trim().replaceAll('`', '')))
  .map(([, method = '', askedBy = '', since = '', costs = '']) => ({ method, askedBy, since, costs }))
const methodsThat = (is: (row: (typeof rows)[number]) => boolean): string[] =>
  rows.filter(is).map(({ method }) => method)

const methodOf = (schema: unknown): string | undefined =>
  (schema as { readonly shape?: { readonly method?: { readonly value?: string } } }).shape?.method?.value
const namesOf = (schemas: readonly unknown[]): string[] => schemas.map((schema) => methodOf(schema)!)

const askedByClientV1 = namesOf(ClientRequestSchema.options)
const askedByServerV1 = namesOf(ServerRequestSchema.options)
const askedV2 = Object.entries(specTypeSchemas)
  .filter(([name]) => name.endsWith('Request'))
  .map(([, schema]) => methodOf(schema))
  // Not the general ones: `Request`, `ClientRequest`, `PaginatedRequest` …
  .filter((method) => method !== undefined)

describe('the table of methods in docs/reference/wire.md', () => {
  test('has each request that the SDKs know, once, and no other', () => {
    const known = new Set([...askedByClientV1, ...askedByServerV1, ...askedV2])
    expect(known.size).toBeGreaterThan(20)
    expect(methodsThat(({ costs }) => costs !== 'ours').toSorted()).toEqual([...known].toSorted())
  })

  test('says which came with 2026-07-28: those that SDK v1 does not know', () => {
    const v1 = new Set([...askedByClientV1, ...askedByServerV1])
    const news = methodsThat(({ since }) => since === '2026-07-28')
    expect(news).toEqual(methodsThat(({ method, costs }) => !v1.has(method) && costs !== 'ours'))
  })

  test('says who asks', () => {
    const asks = (method: string): string => {
      const [client, server] = [askedByClientV1.includes(method), askedByServerV1.includes(method)]
      return client && server ? 'either' : server ? 'server' : 'client'
    }
    expect(rows.filter(({ method, askedBy }) => askedBy !== asks(method))).toEqual([])
  })

  test('says what each costs', () => {
    const enforcer = new InMemoryBudgetEnforcer()
    const keys = new KeyRing({ current: { kid: 'k1', key: secret() } })
    const steps = [withBudget({ enforcer, budget: 'a' }), withDelegation({ keys, enforcer })]
    const methods: object = Object.assign({}, ...steps.map((step) => step.methods))
    const costs = (method: string): string => {
      if (method === 'tools/call') return 'call'
      if (Object.hasOwn(methods, method)) return 'ours'
      return (GOVERNABLE as readonly string[]).includes(method) ? 'can be governed' : 'free'
    }
    expect(rows.filter((row) => row.costs !== costs(row.method))).toEqual([])
    expect(methodsThat(() => true)).toEqual(expect.arrayContaining([...GOVERNABLE, ...Object.keys(methods)]))
  })
})

describe('sampling, which a server asks for,', () => {
  const info = { name: 'a', version: '1' }
  const options: SeatOptions = { governed: ['sampling/createMessage'] }

  /** What a call of the tool `think`, which asks the client's model, costs. */
  async function costs(seat: 'server' | 'client', governed: boolean): Promise<number> {
    const enforcer = new InMemoryBudgetEnforcer()
    enforcer.initialize('a', 100)
    const prices = withCostProfile({ defaultCost: 0, costs: { 'sampling/createMessage': 7 } })
    const steps = compose(prices, withBudget({ enforcer, budget: 'a' }))
    const server = new McpServer(info)
    const client = new Client(info, { capabilities: { sampling: {} } })
    if (seat === 'server') wrapServer(server, governed ? options : {}, steps)
    else wrapClient(client, governed ? options : {}, steps)
    server.registerTool('think', {}, async () => {
      const asked = {
        messages: [{ role: 'user' as const, content: { type: 'text' as const, text: '?' } }],
        maxTokens: 1,
      }
      await server.server.createMessage(asked)
      return { content: [] }
    })
    client.setRequestHandler(CreateMessageRequestSchema, () => ({
      model: 'm',
      role: 'assistant',
      content: { type: 'text', text: '!' },
    }))
    const [near, far] = InMemoryTransport.createLinkedPair()
    await server.connect(far)
    await client.connect(near)
    expect((await client.callTool({ name: 'think' })).isError).toBeUndefined()
    await client.close()
    return 100 - enforcer.remaining('a')
  }

  test.each([
    ['server', true, 7],
    ['client', true, 7],
    ['server', false, 0],
    ['client', false, 0],
  ] as const)('at the seat of a %s (governed: %s) costs %i', async (seat, governed, cost) => {
    expect(await costs(seat, governed)).toBe(cost)
  })
})
