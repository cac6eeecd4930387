import { composeWith, middleware, refuse, type CallMiddleware, type CallOutcome, type ToolCall } from 'mcp-budget'
import { FakeClock, settle } from 'mcp-budget/testing'
import { describe, expect, test, vi } from 'vitest'
import { Engine, type Passage } from '../../../src/core/engine.js'

/** A step that notes when it is entered and left. */
function noting(name: string, log: string[], more: Partial<CallMiddleware> = {}): CallMiddleware {
  return {
    name,
    enter(call) {
      log.push(`enter ${name}`)
      return call
    },
    leave(_call, outcome) {
      log.push(`leave ${name} ${outcome.kind}`)
      return outcome
    },
    ...more,
  }
}

const later = (step: CallMiddleware): CallMiddleware => ({
  ...step,
  enter: async (call) => {
    await Promise.resolve()
    return step.enter?.(call) ?? call
  },
  leave: async (call, outcome) => {
    await Promise.resolve()
    return step.leave?.(call, outcome) ?? outcome
  },
})

/** An outcome whose kind cannot be read. */
const unreadable = (): never =>
  Object.defineProperty({}, 'kind', {
    get() {
      throw new Error('boom')
    },
  }) as never

const ok = (): { content: [] } => ({ content: [] })
const run = (steps: readonly CallMiddleware[], forward: (call: ToolCall) => unknown = ok) =>
  composeWith(new FakeClock(), steps).run({ tool: 'search', args: { q: 'x' } }, forward)

describe('steps', () => {
  test('are entered first to last, and left last to first, around one forward', async () => {
    for (const make of [(step: CallMiddleware) => step, later]) {
      const log: string[] = []
      const steps = ['a', 'b', 'c'].map((name) => make(noting(name, log)))
      await run(steps, () => {
        log.push('forward')
        return ok()
      })
      expect(log).toEqual([
        'enter a',
        'enter b',
        'enter c',
        'forward',
        'leave c result',
        'leave b result',
        'leave a result',
      ])
    }
  })

  test('that refuse are not left, those entered before are, and nothing is forwarded [L-S24]', async () => {
    const no = (call: ToolCall) => refuse(call.tool, { error: 'forbidden_tool', reason: 'forbidden_tool' })
    for (const make of [(step: CallMiddleware) => step, later]) {
      const log: string[] = []
      const forward = vi.fn(ok)
      const outcome = await run(
        [make(noting('a', log)), make(noting('b', log)), make(noting('c', log, { enter: no })), make(noting('d', log))],
        forward,
      )
      expect(outcome).toMatchObject({ kind: 'refused', proves: 'not-run', refusal: { error: 'forbidden_tool' } })
      expect(log).toEqual(['enter a', 'enter b', 'leave b refused', 'leave a refused'])
      expect(forward).not.toHaveBeenCalled()
    }
  })

  test('without enter are left all the same, and steps without leave are passed over', () => {
    const log: string[] = []
    const only = { name: 'only leave', leave: noting('b', log).leave } as CallMiddleware
    void run([noting('a', log), only, { name: 'nothing' }])
    expect(log).toEqual(['enter a', 'leave b result', 'leave a result'])
  })

  test('see what those before them put on the call, and the call is never changed in place', () => {
    const seen: ToolCall[] = []
    const first: CallMiddleware = { name: 'first', enter: (call) => ({ ...call, extra: 1 }) }
    const second: CallMiddleware = {
      name: 'second',
      enter(call) {
        seen.push(call)
        return call
      },
      leave(call, outcome) {
        seen.push(call)
        return outcome
      },
    }
    const forwarded = vi.fn(ok)
    void run([Object.freeze(first), second], forwarded)
    expect(seen).toEqual([expect.objectContaining({ extra: 1 }), expect.objectContaining({ extra: 1 })])
    expect(forwarded).toHaveBeenCalledWith(expect.objectContaining({ tool: 'search', extra: 1 }))
  })

  test('may change the outcome for those further out', () => {
    const outcome: CallOutcome = { kind: 'result', proves: 'failed', result: { isError: true, content: [] } }
    const seen: string[] = []
    const step: CallMiddleware = { name: 'inner', leave: () => outcome }
    expect(
      run([
        {
          name: 'outer',
          leave(_call, given) {
            seen.push(given.proves)
            return given
          },
        },
        step,
      ]),
    ).toBe(outcome)
    expect(seen).toEqual(['failed'])
  })
})

describe('synchronous steps', () => {
  test('stay synchronous: the call is forwarded in the same tick', () => {
    const log: string[] = []
    const outcome = run([noting('a', log), noting('b', log)])
    expect(outcome).toMatchObject({ kind: 'result', proves: 'ran' })
    expect(log).toHaveLength(4)
  })

  test('wait for one that answers later, and only from there on', async () => {
    const log: string[] = []
    const outcome = run([noting('a', log), later(noting('b', log)), noting('c', log)])
    expect(log).toEqual(['enter a'])
    await outcome
    expect(log).toEqual(['enter a', 'enter b', 'enter c', 'leave c result', 'leave b result', 'leave a result'])
  })

  test('take any thenable for a promise, not only the built-in one', async () => {
    const thenable = { then: (resolve: (call: unknown) => void) => resolve(call) } as PromiseLike<ToolCall>
    let call: ToolCall | undefined
    const step: CallMiddleware = {
      name: 'thenable',
      enter(given) {
        call = given
        return thenable
      },
    }
    expect(await run([step])).toMatchObject({ kind: 'result' })
  })
})

describe('a step that throws', () => {
  const boom = new Error('boom')

  test.each([
    [
      'throws in enter',
      () => {
        throw boom
      },
    ],
    ['rejects in enter', () => Promise.reject(boom)],
  ] as const)('and %s refuses the call as step_failed, and those entered are left', async (_, enter) => {
    const log: string[] = []
    const forward = vi.fn(ok)
    const outcome = await run([noting('a', log), { name: 'bad', enter }, noting('c', log)], forward)
    expect(outcome).toMatchObject({
      kind: 'refused',
      refusal: { error: 'step_failed', reason: 'step_failed', retryable: false, detail: { step: 'bad', error: boom } },
    })
    expect(log).toEqual(['enter a', 'leave a refused'])
    expect(forward).not.toHaveBeenCalled()
  })

  test.each([undefined, null, 'go on', 7, {}, [], { kind: 'result' }])(
    'or answers enter with %j, which is neither call nor refusal, refuses the call',
    async (answer) => {
      for (const given of [answer, Promise.resolve(answer)]) {
        const outcome = await run([{ name: 'bad', enter: () => given as never }])
        expect(outcome).toMatchObject({ kind: 'refused', refusal: { error: 'step_failed', detail: { step: 'bad' } } })
      }
    },
  )

  test.each([
    [
      'throws in leave',
      () => {
        throw boom
      },
    ],
    ['rejects in leave', () => Promise.reject(boom)],
    ['answers nothing in leave', () => undefined as never],
    ['answers a promise of nothing in leave', () => Promise.resolve(undefined as never)],
    ['answers an outcome that cannot be read in leave', unreadable],
    ['answers a promise of one that cannot be read in leave', async () => unreadable()],
  ] as const)('and %s changes nothing, and the steps further out are left [I4]', async (_, leave) => {
    const log: string[] = []
    const outcome = await run([noting('a', log), { name: 'bad', leave }, noting('c', log)])
    expect(outcome).toMatchObject({ kind: 'result', proves: 'ran' })
    expect(log).toEqual(['enter a', 'enter c', 'leave c result', 'leave a result'])
  })

  test('in observe is counted and ignored, and the next step observes', () => {
    const seen = vi.fn()
    const bad: CallMiddleware = {
      name: 'bad',
      observe() {
        throw boom
      },
    }
    const engine = new Engine([bad, { name: 'good', observe: seen }, { name: 'deaf' }], new FakeClock())
    engine.observe({ message: { method: 'ping' }, direction: 'in', from: 'server', link: {}, server: undefined })
    expect(engine.faults).toBe(1)
    expect(seen).toHaveBeenCalledOnce()
    expect(engine.observes).toBe(true)
    expect(new Engine([{ name: 'deaf' }], new FakeClock()).observes).toBe(false)
  })

  test.each([
    [
      'throws',
      () => {
        throw boom
      },
    ],
    ['answers nothing', () => undefined as never],
    ['answers no list', () => ({ length: 0 }) as never],
  ])('or what %s in listTools is counted, and the tools are shown as they came', (_, listTools) => {
    const tools = [{ name: 'search' }]
    const engine = new Engine([{ name: 'bad', listTools }, { name: 'deaf' }], new FakeClock())
    expect(engine.listTools({ tools, server: 'files', side: 'server' })).toBe(tools)
    expect(engine.faults).toBe(1)
  })
})

describe('a list of tools', () => {
  test('is shown as the steps leave it, last to first, also around one that throws', () => {
    const adding = (name: string): CallMiddleware => ({
      name,
      listTools: ({ tools, server }) => [...tools, { name, after: tools.length, server }],
    })
    const bad: CallMiddleware = {
      name: 'bad',
      listTools() {
        throw new Error('boom')
      },
    }
    const engine = new Engine([adding('outer'), bad, { name: 'deaf' }, adding('inner')], new FakeClock())
    expect(engine.listsTools).toBe(true)
    expect(engine.listTools({ tools: [{ name: 'search' }], server: 'files', side: 'server' })).toEqual([
      { name: 'search' },
      { name: 'inner', after: 1, server: 'files' },
      { name: 'outer', after: 2, server: 'files' },
    ])
    expect(engine.faults).toBe(1)
  })

  test('is shown as it came where no step lists tools', () => {
    const engine = new Engine([{ name: 'deaf' }], new FakeClock())
    const tools = [{ name: 'search' }]
    expect(engine.listsTools).toBe(false)
    expect(engine.listTools({ tools, server: undefined, side: 'server' })).toBe(tools)
  })
})

describe('what is forwarded', () => {
  test.each([
    [
      'throws',
      () => {
        throw new Error('down')
      },
    ],
    ['rejects', () => Promise.reject(new Error('down'))],
  ])('and %s is an outcome that proves failed, never a throw', async (_, forward) => {
    const log: string[] = []
    const outcome = await run([noting('a', log)], forward)
    expect(outcome).toMatchObject({ kind: 'error', proves: 'failed', thrown: { message: 'down' } })
    expect(log).toEqual(['enter a', 'leave a error'])
  })

  test('and throws with a JSON-RPC code keeps it', async () => {
    const outcome = await run([], () => Promise.reject(Object.assign(new Error('no'), { code: -32602 })))
    expect(outcome).toMatchObject({ kind: 'error', proves: 'failed', code: -32602 })
  })

  test('and answers with isError proves failed', async () => {
    expect(await run([], () => ({ isError: true, content: [] }))).toMatchObject({ kind: 'result', proves: 'failed' })
    expect(await run([], () => ({ isError: 'true', content: [] }))).toMatchObject({ kind: 'result', proves: 'ran' })
    expect(await run([], () => undefined)).toEqual({ kind: 'result', proves: 'ran', result: {} })
  })
})

describe('a passage', () => {
  const call = {
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
  } as const satisfies ToolCall
  const answered: CallOutcome = { kind: 'result', proves: 'ran', result: {} }

  test('is left once, whoever else says that it ended [I4]', () => {
    const leave = vi.fn((_call: ToolCall, outcome: CallOutcome) => outcome)
    const engine = new Engine([{ name: 'a', leave }], new FakeClock())
    const passage = engine.enter(call) as Passage
    const lost: CallOutcome = { kind: 'lost', cause: 'cancelled', proves: 'unknown' }
    expect(engine.leave(passage, lost)).toBe(lost)
    expect(engine.leave(passage, answered)).toBe(answered)
    expect(leave).toHaveBeenCalledOnce()
  })

  test('is left once, also while its leaving takes time [I4]', async () => {
    const leave = vi.fn(async (_call: ToolCall, outcome: CallOutcome) => outcome)
    const engine = new Engine([{ name: 'a', leave }], new FakeClock())
    const passage = engine.enter(call) as Passage
    await Promise.all([engine.leave(passage, answered), engine.leave(passage, answered)])
    expect(leave).toHaveBeenCalledOnce()
  })

  test('that is given up while a step decides survives what that step answers when it is left [I21]', async () => {
    const unhandled = vi.fn()
    process.on('unhandledRejection', unhandled)
    let decide: (call: ToolCall) => void = () => {}
    const leave = vi.fn(async () => unreadable())
    const slow: CallMiddleware = { name: 'slow', enter: () => new Promise((resolve) => (decide = resolve)), leave }
    const engine = new Engine([slow], new FakeClock())
    const caller = { cancelled: false, passage: undefined as Passage | undefined }
    const entering = engine.enter(call, caller)
    const lost: CallOutcome = { kind: 'lost', cause: 'cancelled', proves: 'not-run' }
    void engine.leave(caller.passage as Passage, lost)
    decide(call)
    await entering
    await settle()
    process.off('unhandledRejection', unhandled)
    expect(leave).toHaveBeenCalledOnce()
    expect(engine.faults).toBe(1)
    expect(unhandled).not.toHaveBeenCalled()
  })

  test('is kept alive while it is pending, by one timer for all, and by none when nothing is', () => {
    const clock = new FakeClock(call.startedAt)
    const extend = vi.fn()
    const engine = new Engine([{ name: 'hold', extend, extendEveryMs: 60_000 }], clock)
    const passages = [1, 2, 3].map((n) => engine.enter({ ...call, id: `c${n}` }) as Passage)
    expect(clock.timers).toBe(1)
    clock.advance(59_999)
    expect(extend).not.toHaveBeenCalled()
    clock.advance(1)
    expect(extend.mock.calls.map(([given]) => (given as ToolCall).id)).toEqual(['c1', 'c2', 'c3'])
    void engine.leave(passages[0] as Passage, answered)
    clock.advance(60_000)
    expect(extend).toHaveBeenCalledTimes(7)
    for (const passage of passages) void engine.leave(passage, answered)
    clock.advance(60_000)
    expect(extend).toHaveBeenCalledTimes(7)
    expect(clock.timers).toBe(0)
  })

  test('that was decided late is kept alive at the next sweep', async () => {
    const clock = new FakeClock(call.startedAt)
    const extend = vi.fn()
    let enter: (call: ToolCall) => void = () => {}
    const slow: CallMiddleware = { name: 'slow', enter: () => new Promise((resolve) => (enter = resolve)) }
    const engine = new Engine([slow, { name: 'hold', extend, extendEveryMs: 60_000 }], clock)
    const passage = engine.enter(call)
    clock.advance(100_000)
    enter(call)
    await passage
    clock.advance(30_000)
    expect(extend).toHaveBeenCalledOnce()
  })

  test('is kept alive beside a step whose extend throws', () => {
    const clock = new FakeClock(call.startedAt)
    const extend = vi.fn()
    const bad = {
      name: 'bad',
      extendEveryMs: 1_000,
      extend() {
        throw new Error('boom')
      },
    }
    const engine = new Engine([bad, { name: 'good', extend, extendEveryMs: 1_000 }], clock)
    void engine.enter(call)
    clock.advance(2_000)
    expect(extend).toHaveBeenCalledTimes(3)
    expect(engine.faults).toBe(3)
  })

  test('that was refused is not kept alive', async () => {
    const clock = new FakeClock(call.startedAt)
    const extend = vi.fn()
    const no: CallMiddleware = {
      name: 'no',
      enter: (given) => refuse(given.tool, { error: 'forbidden_tool', reason: 'forbidden_tool' }),
    }
    void new Engine([{ name: 'hold', extend, extendEveryMs: 1_000 }, no], clock).enter(call)
    await settle()
    clock.advance(10_000)
    expect(extend).not.toHaveBeenCalled()
    expect(clock.timers).toBe(0)
  })
})

test('a step of the familiar form and a step of two phases go together', async () => {
  const log: string[] = []
  const around = middleware(async function around(call, next) {
    log.push('before')
    const outcome = await next(call)
    log.push('after')
    return outcome
  })
  await run([noting('a', log), around, noting('c', log)])
  expect(log).toEqual(['enter a', 'before', 'enter c', 'leave c result', 'after', 'leave a result'])
})
