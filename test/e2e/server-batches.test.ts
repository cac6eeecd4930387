import { toNodeHandler } from '@modelcontextprotocol/node'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { createMcpHandler } from '@modelcontextprotocol/server'
import {
  compose,
  InMemoryBudgetEnforcer,
  withBudget,
  withCostProfile,
  wrapServer,
  wrapServerFactory,
  wrapTransport,
  type Meter,
} from 'mcp-budget'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { listen, type Handle, type HttpServer } from '../support/wires/http.js'
import { memoryJournal } from '../support/wires/journal.js'
import { serverV1 } from '../support/wires/server-v1.js'
import { serverV2 } from '../support/wires/server-v2.js'

let enforcer: InMemoryBudgetEnforcer
let steps: Meter
let journal: ReturnType<typeof memoryJournal>
let http: HttpServer | undefined

beforeEach(() => {
  enforcer = new InMemoryBudgetEnforcer()
  enforcer.initialize('a', 10)
  steps = compose(withCostProfile({ defaultCost: 5 }), withBudget({ enforcer, budget: 'a' }))
  journal = memoryJournal()
})

afterEach(async () => {
  await http?.close()
  http = undefined
})

const balance = () => {
  const { held, spent } = enforcer.describe('a')
  return { held, spent }
}

const echo = (id: number | string, text: string) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name: 'echo', arguments: { text } },
})

/** v1 executes arrays whatever the revision says; v2 serves those of earlier revisions. */
const SERVERS: Readonly<Record<string, () => Handle>> = {
  'SDK v1, wrapServer': () => stateless((transport) => wrapServer(serverV1(journal), steps).connect(transport)),
  'SDK v1, wrapTransport': () => stateless((transport) => serverV1(journal).connect(wrapTransport(transport, steps))),
  'SDK v2, wrapServerFactory': () => {
    const handle = toNodeHandler(createMcpHandler(wrapServerFactory(() => serverV2(journal), steps)))
    return (request, response) => handle(request as Parameters<typeof handle>[0], response)
  },
}

function stateless(connect: (transport: StreamableHTTPServerTransport) => Promise<void>): Handle {
  return async (request, response) => {
    const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true })
    response.once('close', () => void transport.close())
    await connect(transport)
    await transport.handleRequest(request, response)
  }
}

describe.each(Object.entries(SERVERS))('a server (%s) that is sent an array of calls', (_, serve) => {
  const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }

  async function post(messages: unknown): Promise<any[]> {
    http ??= await listen(serve())
    const response = await fetch(http.url, {
      method: 'POST',
      headers: { ...headers, 'mcp-protocol-version': '2025-06-18' },
      body: JSON.stringify(messages),
    })
    const text = await response.text()
    const lines = text.split('\n').filter((line) => line.startsWith('data: '))
    return lines.length > 0 ? lines.map((line) => JSON.parse(line.slice(6)) as unknown) : [JSON.parse(text)].flat()
  }

  test('prices each, and refuses the one that the budget cannot pay [T15]', async () => {
    const answers = await post([echo(1, 'one'), echo(2, 'two'), echo(3, 'three')])
    const byId = new Map(answers.map((answer) => [answer.id, answer]))
    expect([1, 2].map((id) => byId.get(id).result.content[0].text)).toEqual(['one', 'two'])
    expect(byId.get(3)).toMatchObject({ error: { data: { error: 'budget_exhausted', reason: 'exhausted' } } })
    expect(journal.executions()).toMatchObject({ echo: 2 })
    expect(balance()).toEqual({ held: 0, spent: 10 })
  })

  test('takes an id that comes again after its answer for another call [T12]', async () => {
    for (const text of ['one', 'two']) {
      const [answer] = await post(echo(1, text))
      expect(answer.result.content[0].text).toBe(text)
    }
    expect(journal.executions()).toMatchObject({ echo: 2 })
    expect(balance()).toEqual({ held: 0, spent: 10 })
  })
})

describe.each(['wrapServer', 'wrapTransport'] as const)('a long-lived transport (%s) that carries an array', (seat) => {
  let faults: Error[]

  async function sendAll(messages: readonly unknown[], wanted = messages.length): Promise<any[]> {
    const [near, far] = InMemoryTransport.createLinkedPair()
    const answers: unknown[] = []
    near.onmessage = (message) => void answers.push(message)
    const server = serverV1(journal)
    faults = []
    server.onerror = (error) => void faults.push(error)
    if (seat === 'wrapServer') wrapServer(server, steps)
    await server.connect(seat === 'wrapTransport' ? wrapTransport(far, steps) : far)
    await near.start()
    await near.send(messages as never)
    await expect.poll(() => answers.length).toBe(wanted)
    await server.close()
    return answers
  }

  test('prices each, though the transport does not split it [T15]', async () => {
    const answers = await sendAll([echo(1, 'one'), echo(2, 'two'), echo(3, 'three')])
    expect(answers.filter(({ error }) => error?.data.error === 'budget_exhausted').map(({ id }) => id)).toEqual([3])
    expect(journal.executions()).toMatchObject({ echo: 2 })
    expect(balance()).toEqual({ held: 0, spent: 10 })
  })

  test('refuses an id that is in flight, and tells 1 from "1" [T12, T15]', async () => {
    const answers = await sendAll([echo(1, 'one'), echo(1, 'again'), echo('1', 'two')])
    const refused = answers.filter(({ error }) => error !== undefined)
    expect(refused).toMatchObject([
      { id: 1, error: { code: -32600, data: { error: 'invalid_request', reason: 'duplicate_id' } } },
    ])
    expect(journal.executions()).toMatchObject({ echo: 2 })
    expect(balance()).toEqual({ held: 0, spent: 10 })
  })

  test('with a call that has no id is not handed it, and nothing is charged for it [T14]', async () => {
    const { id: _, ...notification } = echo(1, 'unpaid')
    await sendAll([notification, echo(2, 'paid')], 1)
    expect(journal.executions()).toMatchObject({ echo: 1 })
    expect(balance()).toEqual({ held: 0, spent: 5 })
    expect(faults).toMatchObject([{ code: 'invalid_request' }])
  })
})
