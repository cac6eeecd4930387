import { getEventListeners } from 'node:events'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport as InMemoryV1 } from '@modelcontextprotocol/sdk/inMemory.js'
import { McpServer as McpServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import { Client as ClientV2, InMemoryTransport as InMemoryV2 } from '@modelcontextprotocol/client'
import { McpServer as McpServerV2 } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import {
  InMemoryBudgetEnforcer,
  MemoryLedger,
  refusalOf,
  withBudget,
  withCostProfile,
  withLedger,
  wrapTool,
  type BudgetOptions,
  type CallMiddleware,
} from 'mcp-budget'
import { asyncEnforcer, FakeClock, settle } from 'mcp-budget/testing'
import { describe, expect, test, vi } from 'vitest'
import { number, object } from 'zod'

const info = { name: 'a', version: '1' }
const ran = { content: [{ type: 'text' as const, text: 'done' }] }
const CHARGED = { available: 95, held: 0, spent: 5, debt: 0 }
const WHOLE = { available: 100, held: 0, spent: 0, debt: 0 }

function setUp(options: Partial<BudgetOptions> & { credits?: number; later?: boolean } = {}) {
  const { credits = 100, later = false, ...given } = options
  const clock = new FakeClock()
  const ledger = new MemoryLedger()
  const memory = new InMemoryBudgetEnforcer({ clock, ledger })
  memory.initialize('a', credits)
  const enforcer = later ? asyncEnforcer(memory) : memory
  const steps = [
    withLedger({ ledger, clock }),
    withCostProfile({ defaultCost: 5, clock }),
    withBudget({ enforcer, budget: 'a', clock, ...given }),
  ] as const
  return {
    clock,
    steps,
    records: () => ledger.entries({ kind: 'call' }) as any[],
    balance: () => {
      const { available, held, spent, debt } = memory.describe('a')
      return { available, held, spent, debt }
    },
  }
}

/** What an SDK hands a handler beside the arguments. */
const extra = (signal: AbortSignal = new AbortController().signal) => ({ signal, requestId: 1, _meta: { a: 1 } })

/** A server of each generation and revision with the tool `t`, and a client of it. */
const WIRES = {
  v1: async (register: (server: any) => void) => {
    const [near, far] = InMemoryV1.createLinkedPair()
    const server = new McpServerV1(info)
    register(server)
    await server.connect(far)
    const client = new ClientV1(info)
    await client.connect(near)
    return client as any
  },
  'v2 on 2025-11-25': async (register: (server: any) => void) => {
    const [near, far] = InMemoryV2.createLinkedPair()
    const server = new McpServerV2(info)
    register(server)
    await server.connect(far)
    const client = new ClientV2(info)
    await client.connect(near)
    return client as any
  },
  'v2 on 2026-07-28': async (register: (server: any) => void) => {
    const [near, far] = InMemoryV2.createLinkedPair()
    const make = () => {
      const server = new McpServerV2(info)
      register(server)
      return server
    }
    serveStdio(make, { transport: far })
    const client = new ClientV2(info, { versionNegotiation: { mode: { pin: '2026-07-28' } } })
    await client.connect(near)
    return client as any
  },
}

describe.each(Object.entries(WIRES))('a wrapped tool of a server of SDK %s', (_, wire) => {
  test.each([false, true])(
    'is paid for, and answers a refusal as an error result (store answers later: %s)',
    async (later) => {
      const { steps, balance } = setUp({ credits: 12, later })
      const handler = vi.fn(async ({ n }: { n: number }) => ({ content: [{ type: 'text' as const, text: String(n) }] }))
      const client = await wire((server) =>
        server.registerTool('t', { inputSchema: object({ n: number() }) }, wrapTool('t', handler, ...steps)),
      )
      for (const n of [1, 2]) {
        expect(await client.callTool({ name: 't', arguments: { n } })).toMatchObject({
          content: [{ type: 'text', text: String(n) }],
        })
      }
      const refused = await client.callTool({ name: 't', arguments: { n: 3 } })
      expect(refused).toMatchObject({
        isError: true,
        content: [{ type: 'text', text: "Budget exhausted: tool 't' costs 5 credits, 2 remaining" }],
        _meta: {
          'dev.mcp-budget/refusal': {
            error: 'budget_exhausted',
            reason: 'insufficient',
            tool: 't',
            cost_credits: 5,
            remaining_credits: 2,
            budget_id: 'default/a',
            retryable: false,
          },
        },
      })
      expect(refusalOf(refused)?.error).toBe('budget_exhausted')
      expect(handler).toHaveBeenCalledTimes(2)
      await settle()
      expect(balance()).toEqual({ available: 2, held: 0, spent: 10, debt: 0 })
      await client.close()
    },
  )

  test('may be without arguments, and may throw, which is charged', async () => {
    const { steps, balance, records } = setUp()
    const client = await wire((server) => {
      server.registerTool(
        't',
        {},
        wrapTool('t', () => ran, ...steps),
      )
      server.registerTool(
        'bad',
        {},
        wrapTool('bad', () => Promise.reject(new Error('broken')), ...steps),
      )
    })
    expect(await client.callTool({ name: 't' })).toMatchObject(ran)
    expect(await client.callTool({ name: 'bad' })).toMatchObject({ isError: true, content: [{ text: 'broken' }] })
    expect(balance()).toEqual({ available: 90, held: 0, spent: 10, debt: 0 })
    expect(records()).toMatchObject([
      { tool: 't', outcome: 'result', proves: 'ran' },
      { tool: 'bad', outcome: 'error', proves: 'failed' },
    ])
    await client.close()
  })

  test('is not paid for when the SDK finds the arguments wrong: the handler is not reached', async () => {
    const { steps, balance } = setUp()
    const client = await wire((server) =>
      server.registerTool(
        't',
        { inputSchema: object({ n: number() }) },
        wrapTool('t', () => ran, ...steps),
      ),
    )
    await client.callTool({ name: 't', arguments: { n: 'one' } }).catch(() => {})
    expect(balance()).toEqual(WHOLE)
    await client.close()
  })

  test('that has an output schema can be refused all the same [L-S37]', async () => {
    const { steps } = setUp({ credits: 0 })
    const client = await wire((server) =>
      server.registerTool(
        't',
        { outputSchema: object({ n: number() }) },
        wrapTool('t', () => ({ content: [], structuredContent: { n: 1 } }), ...steps),
      ),
    )
    await client.listTools()
    expect(await client.callTool({ name: 't' })).toMatchObject({ isError: true })
    await client.close()
  })

  test('is charged when its caller gives up while it runs, and hears of that', async () => {
    const { steps, balance } = setUp()
    const aborted = vi.fn()
    let begun: () => void = () => {}
    const beginning = new Promise<void>((resolve) => (begun = resolve))
    const handler = (context: any) =>
      new Promise<typeof ran>((resolve) => {
        const signal = (context.signal ?? context.mcpReq.signal) as AbortSignal
        signal.addEventListener('abort', () => (aborted(), resolve(ran)))
        begun()
      })
    const client = await wire((server) => server.registerTool('t', {}, wrapTool('t', handler, ...steps)))
    const caller = new AbortController()
    const calling =
      client instanceof ClientV1
        ? client.callTool({ name: 't' }, undefined, { signal: caller.signal })
        : client.callTool({ name: 't' }, { signal: caller.signal })
    await beginning
    expect(balance()).toMatchObject({ held: 5 })
    caller.abort('enough')
    await calling.catch(() => {})
    await vi.waitFor(() => expect(aborted).toHaveBeenCalledOnce())
    expect(balance()).toEqual(CHARGED)
    await client.close()
  })
})

describe('a wrapped handler', () => {
  test('is given what the SDK gave, and answers what it answered, in the same tick', () => {
    const { steps } = setUp()
    const handler = vi.fn((..._given: unknown[]) => ran)
    const args = Object.freeze({ n: 1 })
    const context = extra()
    expect(wrapTool('t', handler, ...steps)(args, context)).toBe(ran)
    expect(handler).toHaveBeenCalledExactlyOnceWith(args, context)
    expect(handler.mock.calls[0]?.[0]).toBe(args)
  })

  test('is told apart by its own name, never by what the caller says', () => {
    const { clock } = setUp()
    const memory = new InMemoryBudgetEnforcer({ clock })
    memory.initialize('a', 100)
    const tool = wrapTool(
      'draw',
      (_args: object, _extra: object) => ran,
      { server: 'studio', clock },
      withCostProfile({ costs: { draw: 1 }, servers: { studio: { costs: { draw: 30 } } }, clock }),
      withBudget({ enforcer: memory, budget: 'a', clock }),
    )
    tool({ name: 'cheap', tool: 'cheap' }, { ...extra(), _meta: { name: 'cheap', server: 'other' } })
    expect(memory.describe('a')).toMatchObject({ spent: 30 })
  })

  test('throws on what it threw, as it was, and is charged', async () => {
    const error = Object.assign(new Error('no'), { code: -32602 })
    for (const later of [false, true]) {
      const { steps, balance } = setUp({ later })
      const throwing = wrapTool(
        't',
        () => {
          throw error
        },
        ...steps,
      )
      const rejecting = wrapTool('t', () => Promise.reject(error), ...steps)
      await expect((async () => throwing())()).rejects.toBe(error)
      await expect((async () => rejecting())()).rejects.toBe(error)
      await settle()
      expect(balance()).toEqual({ available: 90, held: 0, spent: 10, debt: 0 })
    }
  })

  test.each([undefined, null, 'text', 7, []])('answers %j as it came, and is charged', async (answer) => {
    const { steps, balance } = setUp()
    expect(await wrapTool('t', () => answer as unknown, ...steps)()).toBe(answer)
    expect(balance()).toEqual(CHARGED)
  })

  test('that asks for input is given back, and is charged at its end', async () => {
    const { steps, balance } = setUp()
    const answers: object[] = [{ resultType: 'input_required', inputRequests: {} }, ran]
    const tool = wrapTool('t', () => answers.shift(), ...steps)
    expect(await tool()).toEqual({ resultType: 'input_required', inputRequests: {} })
    expect(balance()).toEqual(WHOLE)
    expect(await tool()).toBe(ran)
    expect(balance()).toEqual(CHARGED)
  })

  test('is given the arguments that a step made of them', () => {
    const { steps } = setUp()
    const handler = vi.fn((..._given: unknown[]) => ran)
    const step: CallMiddleware = { name: 'safe', enter: (call) => ({ ...call, args: { ...call.args, safe: true } }) }
    const context = extra()
    wrapTool('t', handler, ...steps, step)({ n: 1 }, context)
    expect(handler).toHaveBeenCalledWith({ n: 1, safe: true }, context)
  })

  test('is not run, and costs nothing, when its caller has given up before', async () => {
    for (const later of [false, true]) {
      const { steps, balance } = setUp({ later })
      const handler = vi.fn((..._given: unknown[]) => ran)
      const reason = new Error('enough')
      await expect((async () => wrapTool('t', handler, ...steps)({}, extra(AbortSignal.abort(reason))))()).rejects.toBe(
        reason,
      )
      await settle()
      expect(handler).not.toHaveBeenCalled()
      expect(balance()).toEqual(WHOLE)
    }
  })

  test('is not run, and costs nothing, when its caller gives up while the store decides', async () => {
    const { steps, balance } = setUp({ later: true })
    const handler = vi.fn((..._given: unknown[]) => ran)
    const caller = new AbortController()
    const answer = (async () => wrapTool('t', handler, ...steps)({}, extra(caller.signal)))()
    caller.abort(new Error('enough'))
    await expect(answer).rejects.toThrow('enough')
    await settle()
    expect(handler).not.toHaveBeenCalled()
    expect(balance()).toEqual(WHOLE)
  })

  test('is charged once when its caller gives up while it runs, however it ends then [I4, L-P3]', async () => {
    for (const end of ['answers', 'throws'] as const) {
      const { steps, balance } = setUp()
      const caller = new AbortController()
      let finish: () => void = () => {}
      const tool = wrapTool(
        't',
        (..._given: unknown[]) =>
          new Promise(
            (resolve, reject) => (finish = () => (end === 'answers' ? resolve(ran) : reject(new Error('no')))),
          ),
        ...steps,
      )
      const answer = Promise.resolve(tool({}, extra(caller.signal)))
      answer.catch(() => {})
      caller.abort()
      expect(balance()).toEqual(CHARGED)
      finish()
      await answer.catch(() => {})
      expect(balance()).toEqual(CHARGED)
      expect(getEventListeners(caller.signal, 'abort')).toHaveLength(0)
    }
  })

  test('leaves no listener on its caller’s signal [I20, L-P23]', async () => {
    const { steps } = setUp({ credits: 22 })
    const caller = new AbortController()
    const tools = [
      wrapTool('t', (..._given: unknown[]) => ran, ...steps),
      wrapTool('t', (..._given: unknown[]) => Promise.resolve(ran), ...steps),
      wrapTool('t', (..._given: unknown[]) => Promise.reject(new Error('no')), ...steps),
      wrapTool(
        't',
        (..._given: unknown[]) => {
          throw new Error('no')
        },
        ...steps,
      ),
      wrapTool('refused', (..._given: unknown[]) => ran, ...steps),
    ]
    for (const tool of tools) await (async () => tool({}, extra(caller.signal)))().catch(() => {})
    expect(getEventListeners(caller.signal, 'abort')).toHaveLength(0)
  })

  test('is kept alive while it runs for long', async () => {
    const { steps, balance, clock } = setUp({ onExpire: 'release' })
    let finish: (answer: unknown) => void = () => {}
    const tool = wrapTool('t', () => new Promise((resolve) => (finish = resolve)), { clock }, ...steps)
    const answer = tool()
    for (let i = 0; i < 10; i++) clock.advance(100_000)
    expect(balance()).toMatchObject({ held: 5 })
    finish(ran)
    await answer
    expect(balance()).toEqual(CHARGED)
  })

  test('refuses settings that make no sense', () => {
    const { steps } = setUp()
    const wrap = wrapTool as (...given: unknown[]) => unknown
    expect(() => wrap('t', () => ran)).toThrow(/given steps/)
    expect(() => wrap('t', () => ran, { server: '' }, ...steps)).toThrow(/server/)
    expect(() => wrap('t', () => ran, [...steps].reverse()[0])).toThrow(/needs/)
  })
})
