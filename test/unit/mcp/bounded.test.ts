import { getEventListeners } from 'node:events'
import {
  InMemoryBudgetEnforcer,
  MemoryLedger,
  withBudget,
  withCostProfile,
  withLedger,
  wrapTransport,
} from 'mcp-budget'
import { asyncEnforcer, FakeClock, settle } from 'mcp-budget/testing'
import { describe, expect, test } from 'vitest'
import { call, MODERN, resultOf, seatOn } from '../../support/seat.js'
import { heapUsed } from '../../support/gc.js'
import { PENDING_LIMIT } from '../../../src/mcp/pending.js'
import { ROUND_LIMITS } from '../../../src/mcp/rounds.js'

const LONG = process.env['MCP_BUDGET_LONG'] === '1'

/** The heap in use after `calls` calls, each through `run`, once for warming up and once for measuring. */
async function growth(calls: number, run: (n: number) => void | Promise<void>): Promise<number> {
  for (let n = 0; n < calls; n++) await run(n)
  const before = heapUsed()
  for (let n = calls; n < calls * 2; n++) await run(n)
  return (heapUsed() - before) / calls
}

/** A seat whose wire and whose receiver keep nothing. */
function light(options: { later?: boolean } = {}) {
  const clock = new FakeClock()
  const ledger = new MemoryLedger({ maxEntries: 1_000 })
  const memory = new InMemoryBudgetEnforcer({ clock, ledger })
  memory.initialize('a', Number.MAX_SAFE_INTEGER)
  const wire = {
    onmessage: undefined as ((message: any) => void) | undefined,
    async start() {},
    async close() {},
    async send(_message: any, _options?: any) {},
  }
  const enforcer = options.later === true ? asyncEnforcer(memory) : memory
  const transport = wrapTransport(
    wire,
    { clock },
    withLedger({ ledger, clock }),
    withCostProfile({ defaultCost: 5, costs: { 'a*': 1 }, clock }),
    withBudget({ enforcer, budget: 'a', clock }),
  )
  transport.onmessage = () => {}
  return { clock, ledger, memory, wire, transport }
}

describe('memory stays flat over many calls', () => {
  const calls = LONG ? 500_000 : 20_000
  // The store remembers the answers of ten minutes: the clock passes them by, so that it forgets as much as it learns.
  const msPerCall = 200

  test.each([
    [
      'that are answered',
      async (seat: ReturnType<typeof light>, n: number) => {
        void seat.transport.send(call(n))
        seat.wire.onmessage?.(resultOf(n))
      },
    ],
    [
      'under ids and names that are never the same',
      async (seat: ReturnType<typeof light>, n: number) => {
        void seat.transport.send(call(`id-${n}`, `a-tool-${n}`))
        seat.wire.onmessage?.(resultOf(`id-${n}`))
      },
    ],
    [
      'that are cancelled',
      async (seat: ReturnType<typeof light>, n: number) => {
        void seat.transport.send(call(n))
        void seat.transport.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: n } })
      },
    ],
    [
      'that ask for input',
      async (seat: ReturnType<typeof light>, n: number) => {
        let state: unknown
        seat.transport.onmessage = (message: any) => (state = message.result.requestState)
        void seat.transport.send(call(n, 'book', { _meta: MODERN }))
        seat.wire.onmessage?.(resultOf(n, { resultType: 'input_required', requestState: 's' }))
        void seat.transport.send(call(-n - 1, 'book', { _meta: MODERN, requestState: state }))
        seat.wire.onmessage?.(resultOf(-n - 1))
      },
    ],
    [
      'with a name that has no price',
      async (seat: ReturnType<typeof light>, n: number) => {
        void seat.transport.send(call(n, `${'x'.repeat(200)}${n}`))
        seat.wire.onmessage?.(resultOf(n))
      },
    ],
  ] as const)(
    '%s [I20, L-P23]',
    async (_, run) => {
      const seat = light()
      const perCall = await growth(calls, (n) => {
        seat.clock.advance(msPerCall)
        void run(seat, n)
      })
      expect(seat.memory.describe('a').openHolds).toBe(0)
      expect(perCall).toBeLessThan(LONG ? 8 : 64)
    },
    120_000,
  )

  test('to a store that answers later [I20, L-P23]', async () => {
    const seat = light({ later: true })
    const perCall = await growth(LONG ? 100_000 : 5_000, async (n) => {
      seat.clock.advance(2_000)
      await seat.transport.send(call(n))
      seat.wire.onmessage?.(resultOf(n))
      await Promise.resolve()
    })
    await settle()
    expect(seat.memory.describe('a').openHolds).toBe(0)
    expect(perCall).toBeLessThan(LONG ? 16 : 128)
  }, 120_000)
})

describe('a limit', () => {
  test(`of ${PENDING_LIMIT} calls that are pending refuses the next, and says that it may pass later [I20, L-P20]`, async () => {
    const { transport, wire, received, openHolds, memory } = seatOn({ credits: 10 ** 9 })
    for (let id = 0; id < PENDING_LIMIT; id++) void transport.send(call(id))
    expect(openHolds()).toBe(PENDING_LIMIT)
    void transport.send(call('one more'))
    await settle()
    expect(received).toMatchObject([
      { id: 'one more', error: { data: { error: 'budget_unavailable', reason: 'pending_limit', retryable: true } } },
    ])
    wire.receive(resultOf(0))
    void transport.send(call('again'))
    expect(openHolds()).toBe(PENDING_LIMIT)
    expect(wire.messages).toHaveLength(PENDING_LIMIT + 1)
    await transport.close()
    expect(memory.describe('a').openHolds).toBe(PENDING_LIMIT)
  })

  test('of open questions there is none, for none is remembered [I20]', () => {
    const { transport, wire, received } = seatOn({ credits: 10 ** 9 })
    for (let id = 0; id <= ROUND_LIMITS.open; id++) {
      void transport.send(call(id, 'book', { _meta: MODERN }))
      wire.receive(resultOf(id, { resultType: 'input_required', requestState: 'of the server' }))
    }
    expect(received.every(({ result }) => result.requestState.startsWith('mcpb-c1.'))).toBe(true)
  })
})

test('a signal that is shared by all calls of a client keeps no listener of those that ended [I20]', async () => {
  const caller = new AbortController()
  const seat = light()
  for (let n = 0; n < 2_000; n++) {
    void seat.transport.send(call(n, 'search', { _meta: MODERN }), { requestSignal: caller.signal })
    if (n % 2 === 0) seat.wire.onmessage?.(resultOf(n))
    else void seat.transport.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: n } })
  }
  expect(getEventListeners(caller.signal, 'abort')).toHaveLength(0)
})
