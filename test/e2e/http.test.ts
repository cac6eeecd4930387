import type { IncomingMessage, ServerResponse } from 'node:http'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js'
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { Client as ClientV2, StreamableHTTPClientTransport as HttpV2 } from '@modelcontextprotocol/client'
import { InMemoryBudgetEnforcer, refusalOf, withBudget, withCostProfile, wrapTransport } from 'mcp-budget'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { listen } from '../support/wires/http.js'
import { wires } from '../support/wires.js'

const info = { name: 'a', version: '1' }
const closing: Array<() => Promise<void>> = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

function budget(credits = 100) {
  const memory = new InMemoryBudgetEnforcer()
  memory.initialize('a', credits)
  return {
    memory,
    steps: [withCostProfile({ defaultCost: 5 }), withBudget({ enforcer: memory, budget: 'a' })] as const,
  }
}

interface Request {
  readonly message: any
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/** An HTTP server by hand: `initialize` and notifications are answered here, the rest by `onCall`. */
async function server(onCall: (request: Request) => void, onOther: (request: Request) => boolean = () => false) {
  const calls: any[] = []
  const http = await listen(async (request, response) => {
    let body = ''
    for await (const chunk of request as AsyncIterable<Buffer>) body += chunk.toString()
    const message = body.startsWith('{') || body.startsWith('[') ? JSON.parse(body) : undefined
    const all = { message, request, response }
    if (onOther(all)) return
    if (message?.method === 'initialize') {
      const result = { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: info }
      json(response, { jsonrpc: '2.0', id: message.id, result })
    } else if (message?.method === 'tools/call') {
      calls.push(message)
      onCall(all)
    } else response.writeHead(message === undefined ? 405 : 202).end()
  })
  closing.push(() => http.close())
  return { url: http.url, calls }
}

function json(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

const answer = ({ message, response }: Request): void =>
  json(response, { jsonrpc: '2.0', id: message.id, result: { content: [{ type: 'text', text: 'done' }] } })

async function connected(Client: typeof ClientV1 | typeof ClientV2, transport: any): Promise<any> {
  const client = new Client(info) as any
  closing.push(() => client.close())
  await client.connect(transport)
  return client
}

const GENERATIONS = [
  ['v1', (url: URL, options?: any) => new HttpV1(url, options), ClientV1],
  ['v2', (url: URL, options?: any) => new HttpV2(url, options), ClientV2],
] as const

describe.each(GENERATIONS)('over Streamable HTTP, SDK %s,', (_, transport, Client) => {
  test.each([
    ['400', 0],
    ['403', 0],
    ['404', 0],
    ['413', 0],
    ['429', 0],
    ['500', 5],
    ['502', 5],
    ['503', 5],
    ['a broken connection', 5],
    ['a body that is no JSON', 5],
    ['a type of content that there is not', 5],
  ])('%s in answer to a call leaves %i credits on hold [L-S10, L-P4, I6]', async (failure, held) => {
    const { url, calls } = await server(({ response }) => {
      if (/^\d+$/.test(failure)) response.writeHead(Number(failure)).end('no')
      else if (failure === 'a broken connection') response.destroy()
      else if (failure === 'a body that is no JSON')
        response.writeHead(200, { 'content-type': 'application/json' }).end('{"id":')
      else response.writeHead(200, { 'content-type': 'text/html' }).end('<html>')
    })
    const { memory, steps } = budget()
    const client = await connected(Client, wrapTransport(transport(url), ...steps))
    await expect(client.callTool({ name: 't' })).rejects.toThrow()
    expect(calls).toHaveLength(1)
    expect(memory.describe('a')).toMatchObject({ held, spent: 0 })
  })

  test('a server that is not there any more costs nothing [L-S10]', async () => {
    const { url } = await server(answer)
    const { memory, steps } = budget()
    const client = await connected(Client, wrapTransport(transport(url), ...steps))
    await closing.shift()?.()
    await expect(client.callTool({ name: 't' })).rejects.toThrow()
    expect(memory.describe('a')).toMatchObject({ held: 0, spent: 0 })
  })

  test('arguments nested too deep to be written cost nothing, and the client goes on [T21]', async () => {
    const { url } = await server(answer)
    const { memory, steps } = budget()
    const client = await connected(Client, wrapTransport(transport(url), ...steps))
    let deep: unknown = 'leaf'
    for (let i = 0; i < 200_000; i++) deep = [deep]
    await expect(client.callTool({ name: 't', arguments: { deep } })).rejects.toThrow()
    expect(memory.describe('a')).toMatchObject({ held: 0, spent: 0 })
    await client.callTool({ name: 't' })
    expect(memory.describe('a')).toMatchObject({ held: 0, spent: 5 })
  })

  test('a redirection that the transport follows is one call, run once and charged once [L-S20]', async () => {
    const { url, calls } = await server(
      (request) => {
        if (request.request.url === '/real') answer(request)
        else request.response.writeHead(307, { location: '/real' }).end()
      },
      ({ message, request }) => {
        if (message?.method === 'tools/call' && request.url !== '/real') redirected++
        return false
      },
    )
    let redirected = 0
    const { memory, steps } = budget()
    const client = await connected(Client, wrapTransport(transport(url), ...steps))
    expect(await client.callTool({ name: 't' })).toMatchObject({ content: [{ text: 'done' }] })
    expect([redirected, calls.length]).toEqual([1, 2])
    expect(memory.describe('a')).toMatchObject({ held: 0, spent: 5 })
  })

  test('a call that the transport repeats after it was told to authorize is charged once [L-P7, L-S20]', async () => {
    const seen: unknown[] = []
    const { url } = await server(answer, ({ message, request, response }) => {
      if (request.url?.includes('.well-known/oauth-authorization-server') === true) {
        const base = `http://${request.headers.host}`
        json(response, {
          issuer: base,
          authorization_endpoint: `${base}/authorize`,
          token_endpoint: `${base}/token`,
          response_types_supported: ['code'],
        })
      } else if (request.url?.includes('.well-known') === true) response.writeHead(404).end()
      else if (request.url === '/token') {
        json(response, { access_token: 'second', token_type: 'Bearer', refresh_token: 'r' })
      } else if (message?.method === 'tools/call') {
        seen.push(request.headers.authorization)
        if (request.headers.authorization !== 'Bearer second') response.writeHead(401).end()
        else return false
      } else return false
      return true
    })
    const issuer = url.origin
    let tokens: any = { access_token: 'first', token_type: 'Bearer', refresh_token: 'r', issuer }
    const authProvider = {
      redirectUrl: 'http://127.0.0.1/back',
      clientMetadata: { redirect_uris: ['http://127.0.0.1/back'] },
      clientInformation: () => ({ client_id: 'c', issuer }),
      tokens: () => tokens,
      saveTokens: (saved: unknown) => void (tokens = saved),
      redirectToAuthorization: () => {
        throw new Error('nobody is there to ask')
      },
      saveCodeVerifier: () => {},
      codeVerifier: () => 'v',
    }
    const { memory, steps } = budget()
    const client = await connected(Client, wrapTransport(transport(url, { authProvider }), ...steps))
    expect(await client.callTool({ name: 't' })).toMatchObject({ content: [{ text: 'done' }] })
    expect(seen).toEqual(['Bearer first', 'Bearer second'])
    expect(memory.describe('a')).toMatchObject({ held: 0, spent: 5 })
  })

  test('a call that is not authorized at all costs nothing [L-S10]', async () => {
    const { url } = await server(({ response }) => response.writeHead(401).end())
    const { memory, steps } = budget()
    const client = await connected(Client, wrapTransport(transport(url), ...steps))
    await expect(client.callTool({ name: 't' })).rejects.toThrow()
    expect(memory.describe('a')).toMatchObject({ held: 0, spent: 0 })
  })

  test('a stream that breaks off and is resumed by the transport is one call, charged once', async () => {
    let broken: any
    const { url, calls } = await server(
      ({ message, response }) => {
        broken = message
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        response.write('id: event-1\nretry: 10\ndata: \n\n')
        setTimeout(() => response.end(), 20)
      },
      ({ request, response }) => {
        if (request.method !== 'GET' || request.headers['last-event-id'] === undefined) return false
        expect(request.headers['last-event-id']).toBe('event-1')
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        const result = { jsonrpc: '2.0', id: broken.id, result: { content: [{ type: 'text', text: 'late' }] } }
        response.end(`id: event-2\ndata: ${JSON.stringify(result)}\n\n`)
        return true
      },
    )
    const { memory, steps } = budget()
    const client = await connected(Client, wrapTransport(transport(url), ...steps))
    expect(await client.callTool({ name: 't' })).toMatchObject({ content: [{ text: 'late' }] })
    expect(calls).toHaveLength(1)
    await expect.poll(() => memory.describe('a')).toMatchObject({ held: 0, spent: 5 })
  })
})

test('a call that is resumed by its caller, after the answer was lost, runs and is charged once (SDK v1)', async () => {
  const { url, calls } = await server(
    ({ response }) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(
        'id: event-7\ndata: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}\n\n',
      )
    },
    ({ request, response }) => {
      if (request.headers['last-event-id'] !== 'event-7') return false
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      const result = { jsonrpc: '2.0', id: 'of the first', result: { content: [{ type: 'text', text: 'resumed' }] } }
      // The transport replays it under the new id.
      response.end(`id: event-8\ndata: ${JSON.stringify(result)}\n\n`)
      return true
    },
  )
  const { memory, steps } = budget()
  const client = await connected(ClientV1, wrapTransport(new HttpV1(url), ...steps))
  let token = ''
  const first = client.callTool({ name: 't' }, undefined, { onresumptiontoken: (each: string) => (token = each) })
  first.catch(() => {})
  await vi.waitFor(() => expect(token).toBe('event-7'))
  const second = await client.callTool({ name: 't' }, undefined, { resumptionToken: token })
  expect(second).toMatchObject({ content: [{ text: 'resumed' }] })
  expect(calls).toHaveLength(1)
  expect(memory.describe('a')).toMatchObject({ held: 0, spent: 5 })
})

test('each call of a batch is paid for, over real Streamable HTTP [L-P25]', async () => {
  const wire = wires.find(({ sdk, transport }) => sdk === 'v1' && transport === 'Streamable HTTP')
  const open = await (wire as (typeof wires)[number]).open()
  closing.push(() => open.close())
  const { memory, steps } = budget(12)
  const transport = wrapTransport(open.transport() as HttpV1, ...steps)
  const client = open.client()
  await client.connect(transport)
  const answers: any[] = []
  const { onmessage } = transport
  transport.onmessage = (message: any, extra?: any) => {
    if (String(message.id).startsWith('batch')) answers.push(message)
    else (onmessage as any)?.(message, extra)
  }
  const calls = ['batch-1', 'batch-2', 'batch-3'].map((id) => ({
    jsonrpc: '2.0',
    id,
    method: 'tools/call',
    params: { name: 'echo', arguments: { text: id } },
  }))
  await transport.send(calls as never)
  await vi.waitFor(() => expect(answers).toHaveLength(3))
  expect(open.executions().echo).toBe(2)
  expect(
    answers
      .filter(({ result }) => result !== undefined)
      .map(({ result }) => result.content[0].text)
      .sort(),
  ).toEqual(['batch-1', 'batch-2'])
  expect(refusalOf(answers.find(({ error }) => error !== undefined)?.error)).toMatchObject({
    error: 'budget_exhausted',
  })
  expect(memory.describe('a')).toMatchObject({ spent: 10, held: 0 })
})

test('an SSE server that sends garbage and calls the client’s tools does not cut the connection [T45, I21]', async () => {
  let stream: ServerResponse | undefined
  const answered: any[] = []
  const http = await listen(async (request, response) => {
    if (request.method === 'GET') {
      stream = response
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('event: endpoint\ndata: /messages\n\n')
      return
    }
    let body = ''
    for await (const chunk of request as AsyncIterable<Buffer>) body += chunk.toString()
    const message = JSON.parse(body)
    response.writeHead(202).end()
    const say = (text: unknown): void => void stream?.write(`event: message\ndata: ${JSON.stringify(text)}\n\n`)
    if (message.method === 'initialize') {
      const result = { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: info }
      say({ jsonrpc: '2.0', id: message.id, result })
    } else if (message.method === 'tools/call') {
      say({ jsonrpc: '2.0', id: 77, method: 'tools/call', params: { name: 'yours' } })
      say({ jsonrpc: '2.0', method: 'tools/call', params: { name: 'yours' } })
      say(null)
      say({ jsonrpc: '2.0', id: 'nobody asked', result: {} })
      say({ jsonrpc: '2.0', id: message.id, result: { content: [{ type: 'text', text: 'done' }] } })
    } else answered.push(message)
  })
  closing.push(() => http.close())
  const { memory, steps } = budget()
  const client = await connected(ClientV1, wrapTransport(new SSEClientTransport(http.url), ...steps))
  for (let i = 1; i <= 3; i++) {
    expect(await client.callTool({ name: 't' })).toMatchObject({ content: [{ text: 'done' }] })
    expect(memory.describe('a')).toMatchObject({ spent: i * 5, held: 0 })
  }
  await vi.waitFor(() =>
    expect(answered.filter(({ id }) => id === 77)).toMatchObject(Array(3).fill({ error: { code: -32601 } })),
  )
})
