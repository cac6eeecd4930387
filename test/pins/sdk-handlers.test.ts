import { InMemoryTransport as InMemoryV1 } from '@modelcontextprotocol/sdk/inMemory.js'
import { Server as ServerV1 } from '@modelcontextprotocol/sdk/server/index.js'
import { InMemoryTransport as InMemoryV2 } from '@modelcontextprotocol/client'
import { Server as ServerV2 } from '@modelcontextprotocol/server'
import { describe, expect, test, vi } from 'vitest'

/*
 * What wrapServer rests on, and no SDK promises: where handlers are kept, and what they are asked with (decision 18). A
 * version that changes it must turn this red before it turns a server free.
 */
const CAPABLE = { capabilities: { tools: {} } }
const INFO = { name: 'a', version: '1' }

describe.each([
  [
    'v1',
    () => new ServerV1(INFO, CAPABLE) as any,
    () => InMemoryV1.createLinkedPair() as any[],
    (context: any) => context.requestId,
  ],
  [
    'v2',
    () => new ServerV2(INFO, CAPABLE) as any,
    () => InMemoryV2.createLinkedPair() as any[],
    (context: any) => context.mcpReq.id,
  ],
] as const)('a server of SDK %s', (_, make, pair, idOf) => {
  test('keeps its handlers in a map, and looks one up there for each request', async () => {
    const server = make()
    expect(server._requestHandlers).toBeInstanceOf(Map)
    const handler = vi.fn((..._asked: any[]) => Promise.resolve({ content: [] }))
    server._requestHandlers.get = (method: string) => (method === 'tools/call' ? handler : undefined)
    const [near, far] = pair()
    const answers: any[] = []
    near.onmessage = (message: unknown) => void answers.push(message)
    await server.connect(far)
    await near.start()
    await near.send({ jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name: 'x' } })
    await vi.waitFor(() => expect(answers).toHaveLength(1))
    expect(handler).toHaveBeenCalledOnce()
    const [request, context] = handler.mock.calls[0]!
    expect(request).toMatchObject({ method: 'tools/call', params: { name: 'x' } })
    expect(idOf(context)).toBe(7)
  })

  test('asks the fallback where there is none', async () => {
    const server = make()
    const fallback = vi.fn(() => Promise.resolve({ content: [] }))
    server.fallbackRequestHandler = fallback
    const [near, far] = pair()
    near.onmessage = () => {}
    await server.connect(far)
    await near.start()
    await near.send({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'x' } })
    await vi.waitFor(() => expect(fallback).toHaveBeenCalledOnce())
  })
})
