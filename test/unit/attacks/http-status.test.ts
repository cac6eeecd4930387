import { request as send } from 'node:http'
import { toNodeHandler } from '@modelcontextprotocol/node'
import {
  CLIENT_CAPABILITIES_META_KEY,
  createMcpHandler,
  fromJsonSchema,
  McpServer,
  type McpServerFactory,
  PROTOCOL_VERSION_META_KEY,
  ProtocolError,
  Server,
} from '@modelcontextprotocol/server'
import { InMemoryBudgetEnforcer, withBudget, withCostProfile, wrapServer, wrapServerFactory } from 'mcp-budget'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { asyncEnforcer } from '../../support/async-enforcer.js'
import { type HttpServer, listen } from '../../support/wires/http.js'

/*
 * Why: wire.md says that what an SDK refuses before it asks a handler keeps its answer and its HTTP status.
 * On 2026-07-28 an error that is raised before a handler runs has an HTTP status of its own. A seat that lets a message
 * wait turns that into 200. So each row here is the same behind every seat: status, type and body.
 */
const REVISION = '2026-07-28'
const INFO = { name: 'mcp-budget-statuses', version: '0.0.0' }
const ENVELOPE = { [PROTOCOL_VERSION_META_KEY]: REVISION, [CLIENT_CAPABILITIES_META_KEY]: {} }

type Seat = (factory: McpServerFactory) => McpServerFactory

function steps(later: boolean) {
  const memory = new InMemoryBudgetEnforcer()
  memory.initialize('agent-1', 1_000)
  const enforcer = later ? asyncEnforcer(memory) : memory
  return [withCostProfile({ defaultCost: 5 }), withBudget({ enforcer, budget: 'agent-1' })] as const
}

/** Each way to put a meter on a factory; the first is none. */
const SERVERS: ReadonlyArray<readonly [string, Seat]> = [
  ['no seat', (factory) => factory],
  ['wrapServerFactory', (factory) => wrapServerFactory(factory, ...steps(false))],
  ['wrapServerFactory on a store that answers later', (factory) => wrapServerFactory(factory, ...steps(true))],
  ['wrapServer', (factory) => async (context) => wrapServer(await factory(context), ...steps(false))],
  [
    'wrapServer on a store that answers later',
    (factory) => async (context) => wrapServer(await factory(context), ...steps(true)),
  ],
]

interface Row {
  readonly about: string
  readonly status: number
  /** The JSON-RPC code in the body; none for a result, or a body that is no JSON-RPC. */
  readonly code?: number
  readonly of?: 'toolless'
  readonly verb?: 'GET' | 'DELETE'
  readonly method?: string
  readonly params?: object
  readonly headers?: Readonly<Record<string, string | undefined>>
  /** A seat adds prices, or its methods, to what the server says. */
  readonly more?: true
  /** Instead of a JSON-RPC request. */
  readonly body?: string
}

const ROWS: readonly Row[] = [
  { about: 'arguments that are no object', status: 404, of: 'toolless', params: { name: 'echo', arguments: [1] } },
  {
    about: 'a related task',
    status: 404,
    of: 'toolless',
    params: { _meta: { ...ENVELOPE, 'io.modelcontextprotocol/related-task': { taskId: 't' } } },
  },
  { about: 'a forged state', status: 404, of: 'toolless', params: { requestState: 'mcpb-s1.x' } },
]

interface Answer {
  readonly status: number | undefined
  readonly type: string | undefined
  readonly body: unknown
}

type Open = Readonly<Record<'toolful' | 'toolless', HttpServer>>

const closing: Array<() => Promise<void>> = []
afterAll(async () => {
  for (const close of closing) await close()
})

describe.each(SERVERS)('behind %s', (_, seat) => {
  let open: Open
  let bare: Open

  beforeAll(async () => {
    open = { toolful: await serve(seat(toolful)), toolless: await serve(seat(toolless)) }
    bare = { toolful: await serve(toolful), toolless: await serve(toolless) }
  })

  test.each(ROWS.map((row) => [row.about, row.status, row] as const))(
    '%s is answered %i',
    async (_about, status, row) => {
      const answer = await ask(open, row)
      expect(answer.status).toBe(status)
      const expected = await ask(bare, row)
      if (row.more === true) expect(answer).toMatchObject(expected)
      else expect(answer).toEqual(expected)
    },
  )
})

function toolful(): McpServer {
  const server = new McpServer(INFO)
  const text = fromJsonSchema<{ text: string }>({
    type: 'object',
    properties: { text: { type: 'string' } },
    required: ['text'],
  })
  server.registerTool('echo', { inputSchema: text }, ({ text }) => ({ content: [{ type: 'text', text }] }))
  server.registerTool('fail', {}, () => {
    throw new ProtocolError(-32603, 'as you asked')
  })
  return server
}

function toolless(): Server {
  return new Server(INFO, { capabilities: {} })
}

async function serve(factory: McpServerFactory): Promise<HttpServer> {
  const handler = createMcpHandler(factory, { legacy: 'reject' })
  const handle = toNodeHandler(handler)
  // Its parameter is an IncomingMessage in all but the `undefined` of optional properties.
  const http = await listen((request, response) => handle(request as Parameters<typeof handle>[0], response))
  closing.push(async () => {
    await handler.close()
    await http.close()
  })
  return http
}

/** By hand, for a client of an SDK would send nothing of this. */
function ask(open: Open, row: Row): Promise<Answer> {
  const method = row.method ?? 'tools/call'
  const call = method === 'tools/call' ? { name: 'echo', arguments: { text: 'x' } } : {}
  const params = { ...call, _meta: ENVELOPE, ...row.params }
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': REVISION,
    'mcp-method': method,
    ...('name' in params && { 'mcp-name': params.name }),
    ...row.headers,
  }
  const sent = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined))
  const body = row.body ?? JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
  return new Promise((resolve, reject) => {
    const request = send(open[row.of ?? 'toolful'].url, { method: row.verb ?? 'POST', headers: sent }, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => (text += chunk.toString()))
      response.on('error', reject)
      response.on('end', () => {
        const type = response.headers['content-type']
        resolve({ status: response.statusCode, type, body: text === '' ? '' : JSON.parse(text) })
      })
    })
    request.on('error', reject)
    request.end(body)
  })
}
