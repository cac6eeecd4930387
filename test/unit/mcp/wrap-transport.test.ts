import {
  BudgetError,
  InMemoryBudgetEnforcer,
  isMetered,
  assertMetered,
  withBudget,
  withCostProfile,
  wrapTransport,
} from 'mcp-budget'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport as InMemoryV1 } from '@modelcontextprotocol/sdk/inMemory.js'
import { StdioClientTransport as StdioV1 } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { InMemoryTransport as InMemoryV2, StreamableHTTPClientTransport as HttpV2 } from '@modelcontextprotocol/client'
import { StdioClientTransport as StdioV2 } from '@modelcontextprotocol/client/stdio'
import { describe, expect, test, vi } from 'vitest'
import { call, resultOf, seatOn } from '../../support/seat.js'
import { StubTransport } from '../../support/stub-transport.js'

const memory = new InMemoryBudgetEnforcer()
memory.initialize('a', 1_000_000)
const steps = () => [withCostProfile({ defaultCost: 5 }), withBudget({ enforcer: memory, budget: 'a' })] as const
const codeOf = (action: () => unknown): string | undefined => {
  try {
    action()
  } catch (error) {
    return BudgetError.isInstance(error) ? error.code : String(error)
  }
  return undefined
}

describe('a wrapped transport takes the place of the one inside:', () => {
  const url = new URL('http://127.0.0.1:9/')
  const params = { command: process.execPath, args: ['--version'] }
  test.each([
    ['v1 in-memory', () => new InMemoryV1(), InMemoryV1],
    ['v1 stdio', () => new StdioV1(params), StdioV1],
    ['v1 Streamable HTTP', () => new HttpV1(url), HttpV1],
    ['v2 in-memory', () => new InMemoryV2(), InMemoryV2],
    ['v2 stdio', () => new StdioV2(params), StdioV2],
    ['v2 Streamable HTTP', () => new HttpV2(url), HttpV2],
    ['one’s own', () => new StubTransport(), StubTransport],
  ] as const)(
    '%s keeps its class, its prototype and its members',
    (_, make, Class: new (...given: never[]) => object) => {
      const inner = make()
      const transport = wrapTransport(inner, ...steps())
      expect(transport).toBeInstanceOf(Class)
      expect(Object.getPrototypeOf(transport)).toBe(Object.getPrototypeOf(inner))
      expect(transport.constructor).toBe(inner.constructor)
      for (const key of ['stderr', 'pid', '_dispose', 'terminateSession', 'hasPerRequestStream']) {
        expect(key in transport).toBe(key in inner)
        expect(typeof Reflect.get(transport, key)).toBe(typeof Reflect.get(inner, key))
      }
      expect(isMetered(transport)).toBe(true)
      expect(isMetered(inner)).toBe(false)
    },
  )

  test('private fields and accessors work through it, and methods are the same each time', async () => {
    const { transport, wire } = seatOn()
    expect(transport.closed).toBe(false)
    expect(transport.close).toBe(transport.close)
    await transport.start()
    expect(wire.started).toBe(1)
    await transport.close()
    expect(wire.closed).toBe(true)
    expect(transport.closed).toBe(true)
  })

  test('what is assigned to it reaches it, start and close too, and is given back', async () => {
    const { transport, wire } = seatOn()
    const start = vi.fn(async () => {})
    transport.start = start
    await transport.start()
    expect(start).toHaveBeenCalledOnce()
    expect(wire.start).toBe(start)
    transport.sessionId = 'other'
    expect([transport.sessionId, wire.sessionId]).toEqual(['other', 'other'])
    const onerror = vi.fn()
    transport.onerror = onerror
    transport.onerror(new Error('x'))
    wire.onerror?.(new Error('y'))
    expect(onerror).toHaveBeenCalledTimes(2)
  })

  test('its own handlers are given back as they were set', () => {
    const { transport } = seatOn()
    const [onmessage, onclose] = [vi.fn(), vi.fn()]
    transport.onmessage = onmessage
    transport.onclose = onclose
    expect(transport.onmessage).toBe(onmessage)
    expect(transport.onclose).toBe(onclose)
  })

  test('it may be started more than once, with handlers exchanged between, as version negotiation does', async () => {
    const { transport, wire } = seatOn()
    const [probe, later] = [vi.fn(), vi.fn()]
    transport.onmessage = probe
    await transport.start()
    void transport.send({ jsonrpc: '2.0', id: 'server-discover-probe-1', method: 'server/discover' })
    wire.receive({ jsonrpc: '2.0', id: 'server-discover-probe-1', result: {} })
    transport.start = async () => {}
    transport.onmessage = later
    await transport.start()
    void transport.send(call(0))
    wire.receive(resultOf(0))
    expect(probe).toHaveBeenCalledOnce()
    expect(later).toHaveBeenCalledOnce()
    expect(wire.messages).toHaveLength(2)
  })
})

describe('handlers that were set before wrapping', () => {
  test('are kept, and chained by a client as those of any transport are', async () => {
    const wire = new StubTransport()
    const [onmessage, onclose, onerror] = [vi.fn(), vi.fn(), vi.fn()]
    Object.assign(wire, { onmessage, onclose, onerror })
    const transport = wrapTransport(wire, ...steps())
    expect(transport.onmessage).toBe(onmessage)
    wire.receive({ jsonrpc: '2.0', method: 'notifications/message', params: {} })
    expect(onmessage).toHaveBeenCalledOnce()
    const client = new ClientV1({ name: 'a', version: '1' })
    wire.onsend = (message) => {
      if (message.method === 'initialize') {
        const result = { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 's', version: '1' } }
        queueMicrotask(() => wire.receive({ jsonrpc: '2.0', id: message.id, result }))
      }
    }
    await client.connect(transport)
    expect(onmessage).toHaveBeenCalledTimes(2)
    wire.onerror?.(new Error('x'))
    expect(onerror).toHaveBeenCalledOnce()
    await client.close()
    expect(onclose).toHaveBeenCalledOnce()
  })
})

describe('misuse', () => {
  test('wrapping twice is an error, from either side [T51]', () => {
    const wire = new StubTransport()
    const transport = wrapTransport(wire, ...steps())
    expect(codeOf(() => wrapTransport(transport, ...steps()))).toBe('already_wrapped')
    expect(codeOf(() => wrapTransport(wire, ...steps()))).toBe('already_wrapped')
  })

  test('a transport whose wrapping was refused for its settings can still be wrapped', () => {
    const wire = new StubTransport()
    expect(codeOf(() => wrapTransport(wire, { refusal: 'no' } as never, ...steps()))).toBe('invalid_config')
    expect(isMetered(wrapTransport(wire, ...steps()))).toBe(true)
  })

  test('a message that comes to the inner transport, because that was connected, is an error [T51]', () => {
    const wire = new StubTransport()
    wrapTransport(wire, ...steps())
    expect(codeOf(() => wire.receive({ jsonrpc: '2.0', id: 0, result: {} }))).toBe('not_metered')
  })

  test('a client that is connected to the inner transport gets no answer to its first request [T51]', async () => {
    const wire = new StubTransport()
    wrapTransport(wire, ...steps())
    const faults: unknown[] = []
    wire.onsend = (message) => {
      queueMicrotask(() => {
        try {
          wire.receive({ jsonrpc: '2.0', id: message.id, result: {} })
        } catch (error) {
          faults.push(error)
        }
      })
    }
    const client = new ClientV1({ name: 'a', version: '1' })
    const connected = vi.fn()
    void client.connect(wire).then(connected, () => {})
    await vi.waitFor(() => expect(faults).toHaveLength(1))
    expect(faults[0]).toMatchObject({ code: 'not_metered' })
    expect(wire.messages.map(({ method }) => method)).toEqual(['initialize'])
    expect(connected).not.toHaveBeenCalled()
    await client.close()
  })

  test('assertMetered tells a wrapped transport from a bare one [T51]', () => {
    const wire = new StubTransport()
    expect(codeOf(() => assertMetered(wire))).toBe('not_metered')
    expect(codeOf(() => assertMetered(wrapTransport(wire, ...steps())))).toBeUndefined()
    for (const forged of [null, undefined, 7, 'x', {}, { [Symbol('dev.mcp-budget.metered')]: true }]) {
      expect(isMetered(forged)).toBe(false)
    }
  })

  test.each([
    [{}],
    [{ refusal: 'exception' }, 'step'],
    [{ server: '' }, 'step'],
    [{ server: 7 }, 'step'],
    [{ codes: { budget_empty: 1 } }, 'step'],
    [{ codes: { budget_exhausted: 1.5 } }, 'step'],
    [{ codes: { budget_exhausted: '402' } }, 'step'],
    [{ mode: 'shadow' }, 'step'],
    [],
    [undefined, 'step'],
    [7, 'step'],
  ])('settings and steps that make no sense are an error: %j', (...given) => {
    const made = given.map((each) => (each === 'step' ? withCostProfile({ defaultCost: 5 }) : each))
    expect(codeOf(() => wrapTransport(new StubTransport(), ...(made as unknown as [])))).toBe('invalid_config')
  })

  test('steps in the wrong order are an error at the seat [T51]', () => {
    const wrong = [...steps()].reverse() as unknown as []
    expect(codeOf(() => wrapTransport(new StubTransport(), ...wrong))).toBe('wrong_order')
  })
})
