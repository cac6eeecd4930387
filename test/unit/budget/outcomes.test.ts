import {
  BudgetEvents,
  composeWith,
  InMemoryBudgetEnforcer,
  MemoryLedger,
  refuse,
  replay,
  withBudget,
  withCostProfile,
  type BudgetOptions,
  type CallMiddleware,
  type CallOutcome,
  type PriceRule,
  type ToolCall,
} from 'mcp-budget'
import { asyncEnforcer, FakeClock, settle } from 'mcp-budget/testing'
import { describe, expect, test, vi } from 'vitest'
import { Engine } from '../../../src/core/engine.js'
import { mintChargeId } from '../../../src/core/ids.js'
import { outcomeOfResponse } from '../../../src/mcp/evidence.js'
import { resultOutcome, thrownOutcome } from '../../../src/core/outcome.js'

const TTL_MS = 120_000

/** A budget of 100, a price, and one call that ends as it is told to. */
function setUp(options: Partial<BudgetOptions> & { price?: PriceRule; later?: boolean } = {}) {
  const { price = 5, later = false, ...given } = options
  const clock = new FakeClock()
  const ledger = new MemoryLedger()
  const memory = new InMemoryBudgetEnforcer({ clock, ledger })
  memory.initialize('a', 100)
  const enforcer = later ? asyncEnforcer(memory) : memory
  const steps = [
    withCostProfile({ defaultCost: price, clock }),
    withBudget({ enforcer, budget: 'a', clock, ...given }),
  ] as const
  const engine = new Engine(steps, clock)
  const balance = () => {
    const { available, held, spent, debt } = memory.describe('a')
    return { available, held, spent, debt }
  }
  return {
    clock,
    ledger,
    memory,
    balance,
    budget: steps[1],
    async call(outcome: CallOutcome) {
      const startedAt = clock.now()
      const call: ToolCall = {
        kind: 'call',
        id: mintChargeId(startedAt),
        tool: 't',
        args: { q: 'secret' },
        meta: { token: 'secret' },
        server: undefined,
        startedAt,
        asTask: false,
        round: 0,
        auth: undefined,
      }
      const passage = await engine.enter(call)
      expect(passage.refusal).toBeUndefined()
      expect(balance()).toMatchObject({ held: expect.any(Number) })
      const left = await engine.leave(passage, outcome)
      await settle()
      return left
    },
    refuse: async () => {
      const startedAt = clock.now()
      const no = new Engine(
        [...steps, { name: 'no', enter: (c) => refuse(c.tool, { error: 'forbidden_tool', reason: 'forbidden_tool' }) }],
        clock,
      )
      await no.enter({ kind: 'call', id: mintChargeId(startedAt), tool: 't', startedAt, asTask: false } as ToolCall)
      await settle()
    },
  }
}

const answer = (response: object, asTask = false): CallOutcome =>
  outcomeOfResponse({ jsonrpc: '2.0', id: 1, ...response }, asTask)
const error = (code: number, asTask = false): CallOutcome => answer({ error: { code, message: 'no' } }, asTask)
const lost = (cause: 'cancelled' | 'timed-out' | 'closed' | 'not-sent' | 'input-required', proves = 'unknown') =>
  ({ kind: 'lost', cause, proves }) as CallOutcome

const CAPTURED = { available: 95, held: 0, spent: 5, debt: 0 }
const RELEASED = { available: 100, held: 0, spent: 0, debt: 0 }
const KEPT = { available: 95, held: 5, spent: 0, debt: 0 }

/** What happened, what becomes of the hold by default, and what is left of it when its time is up. */
const TABLE: ReadonlyArray<
  readonly [name: string, outcome: CallOutcome, end: string, at: typeof KEPT, after: typeof KEPT]
> = [
  ['a result', answer({ result: { content: [] } }), 'captured', CAPTURED, CAPTURED],
  ['a result with isError', answer({ result: { isError: true } }), 'captured', CAPTURED, CAPTURED],
  ['an answer with neither result nor error', answer({}), 'captured', CAPTURED, CAPTURED],
  ['a parse error', error(-32700), 'released', RELEASED, RELEASED],
  ['an invalid request', error(-32600), 'released', RELEASED, RELEASED],
  ['an unknown method', error(-32601), 'released', RELEASED, RELEASED],
  ['invalid params', error(-32602), 'released', RELEASED, RELEASED],
  ['a header mismatch', error(-32020), 'released', RELEASED, RELEASED],
  ['invalid params for a call that asked for a task', error(-32602, true), 'captured', CAPTURED, CAPTURED],
  ['an unknown method for a call that asked for a task', error(-32601, true), 'captured', CAPTURED, CAPTURED],
  ['an internal error', error(-32603), 'captured', CAPTURED, CAPTURED],
  ['a server error', error(-32000), 'captured', CAPTURED, CAPTURED],
  ['-32002, which an SDK rewrites', error(-32002), 'captured', CAPTURED, CAPTURED],
  ["an application's own error", error(1234), 'captured', CAPTURED, CAPTURED],
  ['an error without a code', answer({ error: 'no' }), 'captured', CAPTURED, CAPTURED],
  ['an error whose code is a text', answer({ error: { code: '-32600' } }), 'captured', CAPTURED, CAPTURED],
  ['a handler that returned', resultOutcome({ content: [] }, 'not-run'), 'captured', CAPTURED, CAPTURED],
  ['a handler that threw', thrownOutcome(new Error('no')), 'captured', CAPTURED, CAPTURED],
  [
    'a handler that was entered and threw -32602',
    thrownOutcome(Object.assign(new Error('no'), { code: -32602 })),
    'captured',
    CAPTURED,
    CAPTURED,
  ],
  ['a message that was not sent', lost('not-sent', 'not-run'), 'released', RELEASED, RELEASED],
  ['a cancellation after it was sent', lost('cancelled'), 'captured', CAPTURED, CAPTURED],
  ['a cancellation before it was sent', lost('cancelled', 'not-run'), 'released', RELEASED, RELEASED],
  ['a timeout', lost('timed-out'), 'kept', KEPT, CAPTURED],
  ['a connection that closed after it was sent', lost('closed'), 'kept', KEPT, CAPTURED],
  ['a connection that closed before it was sent', lost('closed', 'not-run'), 'released', RELEASED, RELEASED],
  ['a question that nobody answered', lost('input-required'), 'kept', KEPT, CAPTURED],
  ['a task, as in 2025-11-25', answer({ result: { task: { taskId: 'x' } } }), 'kept', KEPT, CAPTURED],
  ['a task, as in 2026-07-28', answer({ result: { resultType: 'task', taskId: 'x' } }), 'kept', KEPT, CAPTURED],
]

describe('by default the hold of a call that ended in', () => {
  test.each(TABLE)('%s is ended by what that proves [I17, I4, L-S19, L-P4]', async (_, outcome, end, at, after) => {
    for (const later of [false, true]) {
      const { call, balance, clock, memory, ledger } = setUp({ later })
      expect(await call(outcome)).toMatchObject({ kind: outcome.kind, charge: { held: 5, end } })
      expect(balance()).toEqual(at)
      clock.advance(TTL_MS)
      expect(balance()).toEqual(after)
      expect(memory.describe('a').openHolds).toBe(0)
      expect(replay(ledger.entries()).get('default/a')).toMatchObject(after)
    }
  })

  test('a refusal by a later step is given back [I17, L-S10]', async () => {
    for (const later of [false, true]) {
      const { refuse, balance } = setUp({ later })
      await refuse()
      expect(balance()).toEqual(RELEASED)
    }
  })
})

describe('an option decides', () => {
  const rows: ReadonlyArray<readonly [Partial<BudgetOptions>, string, CallOutcome, string, object, object]> = [
    [{ onFailure: 'release' }, 'a tool error', answer({ result: { isError: true } }), 'released', RELEASED, RELEASED],
    [{ onFailure: 'release' }, 'an internal error', error(-32603), 'released', RELEASED, RELEASED],
    [{ onFailure: 'release' }, 'a result', answer({ result: {} }), 'captured', CAPTURED, CAPTURED],
    [{ onFailure: 'release' }, 'a cancellation', lost('cancelled'), 'captured', CAPTURED, CAPTURED],
    [{ onCancel: 'release' }, 'a cancellation', lost('cancelled'), 'released', RELEASED, RELEASED],
    [{ onCancel: 'keep' }, 'a cancellation', lost('cancelled'), 'kept', KEPT, CAPTURED],
    [{ onCancel: 'keep', onExpire: 'release' }, 'a cancellation', lost('cancelled'), 'kept', KEPT, RELEASED],
    [{ onCancel: 'release' }, 'a lost connection', lost('closed'), 'kept', KEPT, CAPTURED],
    [{ onExpire: 'release' }, 'a lost connection', lost('closed'), 'kept', KEPT, RELEASED],
    [{ onExpire: 'release' }, 'a timeout', lost('timed-out'), 'kept', KEPT, RELEASED],
    [{ onExpire: 'release' }, 'a task', answer({ result: { task: { taskId: 'x' } } }), 'kept', KEPT, RELEASED],
    [{ onExpire: 'release' }, 'a result', answer({ result: {} }), 'captured', CAPTURED, CAPTURED],
  ]
  test.each(rows)('with %j on %s [I17, L-P5, L-P3]', async (options, _, outcome, end, at, after) => {
    const { call, balance, clock } = setUp(options)
    expect(await call(outcome)).toMatchObject({ charge: { held: 5, end } })
    expect(balance()).toEqual(at)
    clock.advance(TTL_MS)
    expect(balance()).toEqual(after)
  })

  test.each([
    ['ran', answer({ result: {} }), 7],
    ['failed', answer({ result: { isError: true } }), 2],
    ['failed with an error', error(-32603), 2],
    ['is not known', lost('cancelled'), 9],
  ])('what a call that %s costs, and the most of it is held [L-P5, I17]', async (_, outcome, charged) => {
    const { call, balance } = setUp({ price: { price: 7, failed: 2, unknown: 9 } })
    expect(await call(outcome)).toMatchObject({ charge: { held: 9, charged } })
    expect(balance()).toEqual({ available: 100 - charged, held: 0, spent: charged, debt: 0 })
  })
})

describe('a metered call', () => {
  const metered = (reported: unknown): CallOutcome => answer({ result: { _meta: { usage: reported } } })
  const price = { max: 50, metered: { meta: 'usage' } }

  test('holds the most and is charged what the result reports [L-P17]', async () => {
    const { call, balance } = setUp({ price })
    expect(await call(metered(7))).toMatchObject({ charge: { held: 50, charged: 7, reported: 7, end: 'captured' } })
    expect(balance()).toEqual({ available: 93, held: 0, spent: 7, debt: 0 })
  })

  test('is charged the hold and no more when the report is above it, and both amounts are kept [T26, L-P17]', async () => {
    const { call, balance } = setUp({ price })
    expect(await call(metered(80))).toMatchObject({ charge: { held: 50, charged: 50, reported: 80 } })
    expect(balance()).toEqual({ available: 50, held: 0, spent: 50, debt: 0 })
  })

  test('is charged all that was reported, under overage debt, and what is not there is owed [L-P17]', async () => {
    const { call, balance } = setUp({ price, overage: 'debt' })
    expect(await call(metered(80))).toMatchObject({ charge: { held: 50, charged: 80, reported: 80 } })
    expect(balance()).toEqual({ available: 20, held: 0, spent: 80, debt: 0 })
  })

  test('owes what the budget has not [L-P17, L-P18]', async () => {
    const { call, balance } = setUp({ price, overage: 'debt' })
    await call(metered(130))
    expect(balance()).toEqual({ available: 0, held: 0, spent: 130, debt: 30 })
  })

  test.each([-5, Number.NaN, 1e10 ** 40, 0.5, 2 ** 53, '7', null, undefined, {}, [7], true])(
    'is charged the whole hold where the report is %s, which is no amount [T26, T18]',
    async (reported) => {
      for (const overage of ['cap', 'debt'] as const) {
        const { call, balance } = setUp({ price, overage })
        const { charge } = await call(metered(reported))
        expect(charge).toEqual({ held: 50, charged: 50, end: 'captured' })
        expect(balance()).toEqual({ available: 50, held: 0, spent: 50, debt: 0 })
      }
    },
  )

  test('may report 0, and is then free', async () => {
    const { call, balance } = setUp({ price })
    expect(await call(metered(0))).toMatchObject({ charge: { charged: 0, reported: 0, end: 'captured' } })
    expect(balance()).toEqual(RELEASED)
  })
})

describe('a late end', () => {
  test('of a call whose hold was given back at its deadline is charged all the same, once [I7, L-P18]', async () => {
    const { clock, memory, balance } = setUp()
    const engine = new Engine(
      [
        withCostProfile({ defaultCost: 5, clock }),
        withBudget({ enforcer: memory, budget: 'a', clock: new FakeClock(clock.now()), onExpire: 'release' }),
      ],
      new FakeClock(clock.now()), // a seat that does not extend, as one that was suspended
    )
    const call = { kind: 'call', id: mintChargeId(clock.now()), tool: 't', startedAt: clock.now(), asTask: false }
    const passage = await engine.enter(call as ToolCall)
    clock.advance(TTL_MS)
    expect(balance()).toEqual(RELEASED)
    await engine.leave(passage, answer({ result: {} }))
    expect(balance()).toEqual(CAPTURED)
    await engine.leave(passage, answer({ result: {} }))
    expect(balance()).toEqual(CAPTURED)
  })

  test('of a call whose hold was charged at its deadline charges nothing more [I4, I7]', async () => {
    const { clock, memory, balance } = setUp()
    const still = new FakeClock(clock.now())
    const engine = new Engine(
      [withCostProfile({ defaultCost: 5 }), withBudget({ enforcer: memory, budget: 'a', clock: still })],
      still,
    )
    const call = { kind: 'call', id: mintChargeId(clock.now()), tool: 't', startedAt: clock.now(), asTask: false }
    const passage = await engine.enter(call as ToolCall)
    clock.advance(TTL_MS)
    expect(balance()).toEqual(CAPTURED)
    await engine.leave(passage, answer({ result: {} }))
    expect(balance()).toEqual(CAPTURED)
  })

  test('comes not for a pending call, which is kept alive for as long as a day', async () => {
    const clock = new FakeClock()
    const memory = new InMemoryBudgetEnforcer({ clock })
    memory.initialize('a', 100)
    const engine = new Engine(
      [withCostProfile({ defaultCost: 5 }), withBudget({ enforcer: memory, budget: 'a', clock, onExpire: 'release' })],
      clock,
    )
    const startedAt = clock.now()
    const call = { kind: 'call', id: mintChargeId(startedAt), tool: 't', startedAt, asTask: false }
    const passage = await engine.enter(call as ToolCall)
    for (let hour = 0; hour < 23; hour++) {
      clock.advance(3_600_000)
      expect(memory.describe('a')).toMatchObject({ held: 5, openHolds: 1 })
    }
    clock.advance(2 * 3_600_000)
    expect(memory.describe('a')).toMatchObject({ held: 0, openHolds: 0 })
    await engine.leave(passage, answer({ result: {} }))
    expect(memory.describe('a')).toMatchObject({ spent: 5, available: 95 })
  })
})

describe('a later step that takes longer than a hold lives', () => {
  test.each([
    ['and refuses, costs nothing', false, RELEASED],
    ['and lets the call pass, has it paid for once', true, CAPTURED],
  ] as const)('%s [I3, I4, L-P3]', async (_, passes, after) => {
    for (const onExpire of ['capture', 'release'] as const) {
      const clock = new FakeClock()
      const memory = new InMemoryBudgetEnforcer({ clock })
      memory.initialize('a', 100)
      const slow: CallMiddleware = {
        name: 'slow',
        async enter(call) {
          await new Promise<void>((resolve) => void clock.after(TTL_MS * 5, resolve))
          return passes ? call : refuse(call.tool, { error: 'forbidden_tool', reason: 'forbidden_tool' })
        },
      }
      const meter = composeWith(clock, [
        withCostProfile({ defaultCost: 5, clock }),
        withBudget({ enforcer: memory, budget: 'a', clock, onExpire }),
        slow,
      ])
      const outcome = meter.run({ tool: 't' }, () => ({ content: [] }))
      for (let i = 0; i < 5; i++) {
        expect(memory.describe('a')).toMatchObject({ held: 5 })
        await clock.advanceAsync(TTL_MS)
      }
      await outcome
      expect(memory.describe('a')).toMatchObject({ ...after, openHolds: 0 })
      await clock.advanceAsync(TTL_MS)
      expect(clock.timers).toBe(0)
    }
  })
})

describe('the result', () => {
  test('goes on before the store has answered the capture, unless awaitCapture is set', async () => {
    for (const awaitCapture of [false, true]) {
      const clock = new FakeClock()
      const memory = new InMemoryBudgetEnforcer({ clock })
      memory.initialize('a', 100)
      let answered = false
      const enforcer = asyncEnforcer(memory, {
        after: async ({ verb }) => {
          if (verb === 'capture') await settle()
          if (verb === 'capture') answered = true
        },
      })
      const engine = new Engine(
        [withCostProfile({ defaultCost: 5 }), withBudget({ enforcer, budget: 'a', clock, awaitCapture })],
        clock,
      )
      const call = { kind: 'call', id: mintChargeId(clock.now()), tool: 't', startedAt: clock.now(), asTask: false }
      const passage = await engine.enter(call as ToolCall)
      const left = await engine.leave(passage, answer({ result: {} }))
      expect(answered).toBe(awaitCapture)
      expect(left.charge).toEqual({ held: 5, charged: 5, end: 'captured' })
      await settle()
      await settle()
      expect(memory.describe('a').spent).toBe(5)
    }
  })
})

describe('events', () => {
  test('tell what was held and what was charged, without arguments or results', async () => {
    const events = new BudgetEvents()
    const held = vi.fn()
    const charged = vi.fn()
    events.on('held', held).on('charged', charged)
    const { call } = setUp({ events })
    await call(answer({ result: { content: [{ type: 'text', text: 'secret' }] } }))
    expect(held).toHaveBeenCalledWith(
      expect.objectContaining({ budgets: ['default/a'], cost: 5, remaining: 95, call: expect.anything() }),
    )
    expect(charged).toHaveBeenCalledWith(
      expect.objectContaining({ outcome: 'result', charge: { held: 5, charged: 5, end: 'captured' } }),
    )
    expect(JSON.stringify([held.mock.calls, charged.mock.calls])).not.toContain('secret')
  })

  test('that throw or reject change neither the decision nor the balance [T52]', async () => {
    const events = new BudgetEvents()
    const quiet = setUp()
    const loud = setUp({ events })
    events.on('held', () => {
      throw new Error('boom')
    })
    events.on('charged', () => Promise.reject(new Error('boom')) as never)
    for (const outcome of [answer({ result: {} }), error(-32601), lost('closed')]) {
      const [a, b] = [await quiet.call(outcome), await loud.call(outcome)]
      expect(b).toEqual(a)
    }
    expect(loud.balance()).toEqual(quiet.balance())
    expect(events.failures).toBe(6)
  })
})
