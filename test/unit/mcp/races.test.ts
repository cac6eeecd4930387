import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport as InMemoryV1 } from '@modelcontextprotocol/sdk/inMemory.js'
import { McpServer as McpServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import { Client as ClientV2, InMemoryTransport as InMemoryV2 } from '@modelcontextprotocol/client'
import { McpServer as McpServerV2 } from '@modelcontextprotocol/server'
import fc from 'fast-check'
import {
  InMemoryBudgetEnforcer,
  refusalOf,
  replay,
  withBudget,
  withCostProfile,
  wrapTool,
  wrapTransport,
} from 'mcp-budget'
import { asyncEnforcer, faultyEnforcer, settle } from 'mcp-budget/testing'
import { describe, expect, test } from 'vitest'
import { call, errorOf, resultOf, seatOn } from '../../support/seat.js'

const LONG = process.env['MCP_BUDGET_LONG'] === '1'
const info = { name: 'a', version: '1' }
const ran = { content: [{ type: 'text' as const, text: 'done' }] }

const GENERATIONS: Record<
  string,
  (tool: (name: string) => typeof ran) => Promise<{ client: any; far: any; near: any }>
> = {
  v1: async (tool) => {
    const [near, far] = InMemoryV1.createLinkedPair()
    const server = new McpServerV1(info)
    server.registerTool('t', {}, async () => tool('t'))
    await server.connect(far)
    return { client: new ClientV1(info), near, far }
  },
  v2: async (tool) => {
    const [near, far] = InMemoryV2.createLinkedPair()
    const server = new McpServerV2(info)
    server.registerTool('t', {}, async () => tool('t'))
    await server.connect(far)
    return { client: new ClientV2(info), near, far }
  },
}

describe.each(Object.entries(GENERATIONS))('200 calls at once at a price of 5 against 500, SDK %s,', (_, link) => {
  test.each([
    ['at once', (memory: InMemoryBudgetEnforcer) => memory],
    ['later', asyncEnforcer],
    [
      'after a while',
      (memory: InMemoryBudgetEnforcer) => asyncEnforcer(memory, { before: () => settle(), after: () => settle() }),
    ],
  ] as const)('run exactly 100 times in a store that answers %s [I2, L-P1, R1, L-P30]', async (_when, store) => {
    const memory = new InMemoryBudgetEnforcer()
    memory.initialize('a', 500)
    let executed = 0
    const { client, near } = await link(() => {
      executed++
      return ran
    })
    await client.connect(
      wrapTransport(
        near,
        withCostProfile({ defaultCost: 5 }),
        withBudget({ enforcer: store(memory), budget: 'a', storeTimeoutMs: 10_000 }),
      ),
    )
    const ends = await Promise.all(
      Array.from({ length: 200 }, () =>
        client.callTool({ name: 't' }).then(
          () => 'ran',
          (error: unknown) => refusalOf(error)?.error,
        ),
      ),
    )
    expect(ends.filter((end) => end === 'ran')).toHaveLength(100)
    expect(ends.filter((end) => end === 'budget_exhausted')).toHaveLength(100)
    expect(executed).toBe(100)
    await expect.poll(() => memory.describe('a')).toMatchObject({ available: 0, held: 0, spent: 500, openHolds: 0 })
    await client.close()
  })

  test('run exactly 100 times through five clients that share the budget [I2, L-P1]', async () => {
    const memory = new InMemoryBudgetEnforcer()
    memory.initialize('a', 500)
    let executed = 0
    const steps = [
      withCostProfile({ defaultCost: 5 }),
      withBudget({ enforcer: asyncEnforcer(memory), budget: 'a' }),
    ] as const
    const clients = await Promise.all(
      Array.from({ length: 5 }, async () => {
        const { client, near } = await link(() => {
          executed++
          return ran
        })
        await client.connect(wrapTransport(near, ...steps))
        return client
      }),
    )
    const calls = clients.flatMap((client) => Array.from({ length: 40 }, () => client.callTool({ name: 't' })))
    const ends = await Promise.allSettled(calls)
    expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(100)
    expect(executed).toBe(100)
    await expect.poll(() => memory.describe('a')).toMatchObject({ available: 0, held: 0, spent: 500 })
    for (const client of clients) await client.close()
  })
})

test('200 calls of one wrapped tool at once run exactly 100 times [I2, L-P1]', async () => {
  for (const store of [(memory: InMemoryBudgetEnforcer) => memory, asyncEnforcer]) {
    const memory = new InMemoryBudgetEnforcer()
    memory.initialize('a', 500)
    let executed = 0
    const tool = wrapTool(
      't',
      async () => {
        executed++
        await settle()
        return ran
      },
      withCostProfile({ defaultCost: 5 }),
      withBudget({ enforcer: store(memory), budget: 'a' }),
    )
    const answers: any[] = await Promise.all(Array.from({ length: 200 }, async () => tool()))
    expect(answers.filter((answer) => answer.isError === true)).toHaveLength(100)
    expect(executed).toBe(100)
    await settle()
    expect(memory.describe('a')).toMatchObject({ available: 0, held: 0, spent: 500 })
  }
})

describe('in whatever order the store, the server, the caller and the connection move,', () => {
  const actions = fc.array(
    fc.record({
      // What becomes of a call once it was sent.
      end: fc.constantFrom('result', 'isError', 'internal', 'invalid', 'silence', 'twice'),
      cancel: fc.constantFrom('never', 'never', 'by notification', 'by signal'),
    }),
    { minLength: 1, maxLength: 6 },
  )

  test('no more runs than was granted, what ran is charged, and each hold ends once [I1, I2, I3, I4, R1, R2]', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        actions,
        fc.boolean(),
        fc.boolean(),
        fc.constantFrom(undefined, 'lose', 'throw'),
        async (scheduler, calls, closes, reuseIds, fault) => {
          let calm = false
          const tick = async (name: string) => (calm ? undefined : scheduler.schedule(Promise.resolve(), name))
          const seat = seatOn({
            credits: 12,
            budget: { refusalMemoryMs: 0 },
            store: (memory, clock) =>
              faultyEnforcer(
                asyncEnforcer(memory, {
                  before: ({ verb }) => tick(`before ${verb}`),
                  after: ({ verb }) => tick(`after ${verb}`),
                }),
                (_verb, nth) => (!calm && nth % 3 === 1 ? fault : undefined),
                clock,
              ),
          })
          const { transport, wire, memory } = seat
          const sent = new Map<unknown, number>()
          wire.onsend = (message) => {
            if (message.method !== 'tools/call') return
            const n = Number(message.params.name)
            sent.set(n, (sent.get(n) ?? 0) + 1)
            const answers: Record<string, object[]> = {
              result: [resultOf(message.id)],
              isError: [resultOf(message.id, { isError: true })],
              internal: [errorOf(message.id, -32603)],
              invalid: [errorOf(message.id, -32602)],
              silence: [],
              twice: [resultOf(message.id), resultOf(message.id)],
            }
            for (const answer of answers[calls[n]?.end as string] as object[]) {
              void tick(`answer ${n}`).then(() => wire.receive(answer))
            }
          }
          const sending = calls.map(async ({ cancel }, n) => {
            const id = reuseIds ? n % 2 : n
            const caller = new AbortController()
            await tick(`send ${n}`)
            const options = cancel === 'by signal' ? { requestSignal: caller.signal } : undefined
            const send = (async () => transport.send(call(id, String(n)), options as never))().catch(() => {})
            if (cancel !== 'never') {
              await tick(`cancel ${n}`)
              caller.abort()
              const params = { requestId: id }
              if (cancel === 'by notification') {
                void transport.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params })
              }
            }
            await send
          })
          const closing = closes ? tick('close').then(() => transport.close()) : undefined
          await scheduler.waitIdle()
          await Promise.all([...sending, closing])
          // The outbox, and the deadlines of what nobody heard of.
          calm = true
          await transport.close()
          await seat.clock.advanceAsync(200_000)
          for (const times of sent.values()) expect(times).toBe(1)
          const view = memory.describe('a')
          const given = calls.filter(({ end }) => end === 'invalid').length
          expect(view).toMatchObject({ held: 0, openHolds: 0, debt: 0 })
          expect(view.available + view.spent).toBe(12)
          expect(view.spent).toBeLessThanOrEqual(sent.size * 5)
          expect(view.spent).toBeGreaterThanOrEqual((sent.size - given) * 5)
          expect(replay(seat.ledger.entries()).get('default/a')).toMatchObject({ spent: view.spent, held: 0 })
        },
      ),
      { numRuns: LONG ? 3_000 : 150 },
    )
  })

  test('never more than two of three calls run at once where the budget is for two [I2, L-P1]', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), async (scheduler) => {
        const seat = seatOn({
          credits: 10,
          budget: { refusalMemoryMs: 0 },
          store: (memory) =>
            asyncEnforcer(memory, {
              before: () => scheduler.schedule(Promise.resolve()),
              after: () => scheduler.schedule(Promise.resolve()),
            }),
        })
        for (const id of [1, 2, 3]) void seat.transport.send(call(id))
        await scheduler.waitIdle()
        expect(seat.wire.messages).toHaveLength(2)
        expect(seat.received).toHaveLength(1)
        expect(seat.balance()).toMatchObject({ available: 0, held: 10 })
      }),
      { numRuns: LONG ? 2_000 : 100 },
    )
  })

  test('a meter that checked first and spent later would be found out by this', async () => {
    // The mistake that the scheduler must see: so that the tests above are known to look.
    const found = await fc.check(
      fc.asyncProperty(fc.scheduler(), async (scheduler) => {
        const memory = new InMemoryBudgetEnforcer()
        memory.initialize('a', 10)
        let executed = 0
        const racy = async (): Promise<void> => {
          await scheduler.schedule(Promise.resolve())
          if (memory.remaining('a') < 5) return
          await scheduler.schedule(Promise.resolve())
          executed++
          memory.spend({ chargeId: String(executed), budget: 'a', tool: 't', cost: 5 })
        }
        const all = Promise.all([racy(), racy(), racy()])
        await scheduler.waitIdle()
        await all
        expect(executed).toBeLessThanOrEqual(2)
      }),
      { numRuns: 50 },
    )
    expect(found.failed).toBe(true)
  })
})
