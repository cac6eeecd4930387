import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type OpenWire, type WireClient, wires } from '../support/wires.js'
import { rpcError } from '../support/wire-error.js'

describe.each(wires.map((wire) => [wire.name, wire] as const))('%s', (_, wire) => {
  let open: OpenWire
  let client: WireClient

  beforeEach(async () => {
    open = await wire.open()
    client = open.client()
    await client.connect(open.transport())
  })
  afterEach(async () => {
    await open.close()
  })

  test('a tool answers, an error result and a JSON-RPC error arrive, and the server counts what ran', async () => {
    const { tools } = await client.listTools()
    expect(tools.map((tool) => tool.name)).toEqual(['echo', 'fail', 'slow', 'usage', 'throw'])

    const echo = await open.callTool(client, 'echo', { text: 'hello' })
    expect(echo.content).toEqual([{ type: 'text', text: 'hello' }])
    expect(echo.isError ?? false).toBe(false)

    const failed = await open.callTool(client, 'fail')
    expect(failed.isError).toBe(true)

    const usage = await open.callTool(client, 'usage')
    expect(usage._meta).toMatchObject({ 'example.com/usage': { credits: 7, usd: '0.0071' } })

    for (const code of [-32603, -32602, 1234]) {
      const error = await rpcError(open.callTool(client, 'throw', { code }))
      expect(error).toEqual({ code, message: 'as you asked', data: { asked: code } })
    }
    expect((await rpcError(open.callTool(client, 'nothing'))).code).toBe(-32602)

    expect(await open.callTool(client, 'slow', { ms: 5 })).toMatchObject({ content: [{ text: 'done' }] })
    expect(open.executions()).toEqual({ echo: 1, fail: 1, slow: 1, 'slow aborted': 0, usage: 1, throw: 3 })
  })

  test('the client speaks the revision', async () => {
    const other = open.client()
    const transport = open.transport()
    const sent: any[] = []
    const send = transport.send.bind(transport)
    transport.send = (message, options) => {
      sent.push(message)
      return send(message, options)
    }
    await other.connect(transport)
    await open.callTool(other, 'echo', { text: 'hello' })

    const params = (method: string): any => sent.find((message) => message.method === method)?.params
    const legacy = params('initialize')?.protocolVersion
    const modern = params('tools/call')._meta?.['io.modelcontextprotocol/protocolVersion']
    expect([legacy, modern]).toEqual(
      wire.revision === '2026-07-28' ? [undefined, '2026-07-28'] : [wire.revision, undefined],
    )
  })

  test('a caller that gives up is told, and the tool where a cancellation can reach it', async () => {
    const reaches = wire.transport !== 'stateless HTTP'
    const caller = new AbortController()
    const call = open.callTool(client, 'slow', { ms: reaches ? 20_000 : 300 }, { signal: caller.signal })
    await expect.poll(() => open.executions().slow).toBe(1)
    caller.abort('enough')
    await expect(call).rejects.toThrow()
    if (!reaches) await new Promise((resolve) => setTimeout(resolve, 300))
    await expect.poll(() => open.executions()['slow aborted']).toBe(reaches ? 1 : 0)
  })

  test('two clients get their own answers', async () => {
    const other = open.client()
    await other.connect(open.transport())
    const answers = await Promise.all(
      [client, other].map((one, index) => open.callTool(one, 'echo', { text: `client ${index}` })),
    )
    expect(answers.map((answer) => answer.content[0]?.text)).toEqual(['client 0', 'client 1'])
    expect(open.executions().echo).toBe(2)
  })
})
