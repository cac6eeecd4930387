import { refuse, type CallMiddleware, type CallOutcome, type Refusal, type ToolCall } from 'mcp-budget'
import { FakeClock, settle } from 'mcp-budget/testing'
import { describe, expect, test, vi } from 'vitest'
import { Engine, type Caller, type Passage } from '../../../src/core/engine.js'

const call: ToolCall = {
  kind: 'call',
  id: 'x',
  tool: 't',
  args: undefined,
  meta: undefined,
  server: undefined,
  startedAt: 1_800_000_000_000,
  asTask: false,
  round: 0,
  auth: undefined,
}

/** Steps by name: `hold` is to be extended each minute, `slow` is entered when `go` is called, `plain` does nothing. */
function setUp(...names: string[]) {
  const clock = new FakeClock(call.startedAt)
  const extended: string[] = []
  let go: () => void = () => {}
  const steps = names.map((name): CallMiddleware => {
    const hold = name.includes('hold') ? { extend: () => void extended.push(name), extendEveryMs: 60_000 } : {}
    if (!name.startsWith('slow')) return { name, ...hold }
    return { name, ...hold, enter: (given) => new Promise((resolve) => (go = () => resolve(given))) }
  })
  return { clock, extended, engine: new Engine(steps, clock), go: () => go() }
}

describe('a call that is being decided', () => {
  test.each([[['slow', 'hold']], [['plain', 'slow', 'hold']], [['slow hold']], [['plain', 'slow hold']]])(
    'costs no timer as long as nothing is on hold: %j',
    (names) => {
      const { engine, clock } = setUp(...names)
      void engine.enter(call)
      expect(clock.timers).toBe(0)
    },
  )

  test.each([[['hold', 'slow']], [['plain', 'hold', 'slow']], [['hold', 'plain', 'slow', 'plain']]])(
    'is kept alive once something is on hold: %j [L-P3]',
    (names) => {
      const { engine, clock, extended } = setUp(...names)
      void engine.enter(call)
      clock.advance(120_000)
      expect(extended).toEqual(['hold', 'hold', 'hold'])
    },
  )

  test('is kept alive in those steps only that were entered', async () => {
    const { engine, clock, extended, go } = setUp('hold a', 'slow', 'hold b')
    const passage = engine.enter(call)
    clock.advance(60_000)
    expect(extended).toEqual(['hold a'])
    go()
    await passage
    clock.advance(30_000)
    expect(extended).toEqual(['hold a', 'hold a', 'hold b'])
  })

  test('is not kept alive for a caller who is gone [L-P3]', () => {
    for (const cancelled of [false, true]) {
      const { engine, clock, extended } = setUp('hold', 'slow')
      const caller: Caller = { cancelled, passage: undefined }
      void engine.enter(call, caller)
      expect(caller.passage?.entered).toBe(1)
      clock.advance(300_000)
      expect(extended.length > 0).toBe(!cancelled)
    }
  })
})

describe('a step that decides when the call was given up', () => {
  const no = refuse('t', { error: 'forbidden_tool', reason: 'forbidden_tool' })
  const broken = () => Promise.reject(new Error('boom'))

  test.each([
    ['takes the call is left once, as the others were', call, undefined, 1],
    ['takes the call is left once, although that fails', call, broken, 1],
    ['refuses the call is not left, for it took nothing', no, undefined, 0],
  ] as const)('and %s [I4, L-P3]', async (_, answer, leaving, times) => {
    const lost: CallOutcome = { kind: 'lost', cause: 'cancelled', proves: 'not-run' }
    const outer = vi.fn((_call: ToolCall, outcome: CallOutcome) => outcome)
    const leave = vi.fn(leaving ?? outer)
    let decide: (answer: ToolCall | Refusal) => void = () => {}
    const slow = { name: 'slow', leave, enter: () => new Promise<ToolCall | Refusal>((resolve) => (decide = resolve)) }
    const engine = new Engine([{ name: 'outer', leave: outer }, slow], new FakeClock())
    const caller: Caller = { cancelled: false, passage: undefined }
    const passage = engine.enter(call, caller)
    await engine.leave(caller.passage as Passage, lost)
    expect(outer).toHaveBeenCalledExactlyOnceWith(call, lost)
    outer.mockClear()
    decide(answer)
    expect(await passage).toMatchObject({ left: lost, refusal: undefined })
    await settle()
    expect(leave).toHaveBeenCalledTimes(times)
    if (times === 1) expect(leave).toHaveBeenCalledWith(call, lost)
    if (leaving !== undefined) expect(outer).not.toHaveBeenCalled()
  })
})

describe('no timer is left', () => {
  test('by steps that hold nothing', () => {
    const { engine, clock } = setUp('plain', 'plain')
    void engine.enter(call)
    expect(clock.timers).toBe(0)
  })

  test('by a step that does not say how often it is to be extended', () => {
    const clock = new FakeClock(call.startedAt)
    const extend = vi.fn()
    void new Engine([{ name: 'hold', extend }], clock).enter(call)
    expect(clock.timers).toBe(0)
  })

  test('by a call that was left in the same tick', () => {
    const { engine, clock, extended } = setUp('hold')
    const passage = engine.enter(call) as Passage
    void engine.leave(passage, { kind: 'result', proves: 'ran', result: {} })
    clock.advance(300_000)
    expect(extended).toEqual([])
    expect(clock.timers).toBe(0)
  })
})
