import { chargeIdTime } from '../../../src/core/ids.js'
import { composeWith, middleware, refuse, type CallMiddleware, type CallOutcome, type ToolCall } from 'mcp-budget'
import { FakeClock, settle } from 'mcp-budget/testing'
import { describe, expect, test, vi } from 'vitest'
import { expectNoUnhandledRejection } from '../../support/unhandled.js'

type Around = Parameters<typeof middleware>[0]

const ok = { content: [{ type: 'text', text: 'done' }] }
const run = (steps: readonly CallMiddleware[], forward: (call: ToolCall) => unknown = () => ok) =>
  composeWith(new FakeClock(), steps).run({ tool: 'search', args: { q: 'x' } }, forward)

expectNoUnhandledRejection()

describe('middleware', () => {
  test('gives the outcome to the code around next, and takes its answer', async () => {
    const seen: CallOutcome[] = []
    const changed = { content: [], structuredContent: { cached: false } }
    const step = middleware(async (call, next) => {
      const outcome = await next(call)
      seen.push(outcome)
      return { kind: 'result', proves: 'ran', result: changed }
    })
    expect(await run([step])).toEqual({ kind: 'result', proves: 'ran', result: changed })
    expect(seen).toEqual([{ kind: 'result', proves: 'ran', result: ok }])
  })

  test('hands on the call that next was given', async () => {
    const forward = vi.fn(() => ok)
    await run([middleware((call, next) => next({ ...call, args: { q: 'y' } }))], forward)
    expect(forward).toHaveBeenCalledWith(expect.objectContaining({ args: { q: 'y' } }))
  })

  test('names the step after the function, or as it is told', () => {
    expect(
      middleware(async function audit(call, next) {
        return next(call)
      }).name,
    ).toBe('audit')
    expect(middleware((call, next) => next(call), 'mine').name).toBe('mine')
    expect(middleware((call, next) => next(call)).name).toBe('middleware')
  })

  test('refuses with the refusal that is answered instead of calling next', async () => {
    const forward = vi.fn(() => ok)
    const step = middleware(async (call) => refuse(call.tool, { error: 'forbidden_tool', reason: 'forbidden_tool' }))
    expect(await run([step], forward)).toMatchObject({ kind: 'refused', refusal: { error: 'forbidden_tool' } })
    expect(forward).not.toHaveBeenCalled()
  })

  test('sees the refusal of a later step as the outcome of next', async () => {
    const seen: CallOutcome[] = []
    const step = middleware(async (call, next) => {
      const outcome = await next(call)
      seen.push(outcome)
      return outcome
    })
    const no: CallMiddleware = {
      name: 'no',
      enter: (call) => refuse(call.tool, { error: 'forbidden_tool', reason: 'forbidden_tool' }),
    }
    const outcome = await run([step, no])
    expect(outcome).toMatchObject({ kind: 'refused', refusal: { error: 'forbidden_tool' } })
    expect(seen).toEqual([expect.objectContaining({ kind: 'refused' })])
  })

  const refusals: ReadonlyArray<readonly [string, Around]> = [
    [
      'throws before next',
      async () => {
        throw new Error('boom')
      },
    ],
    [
      'throws at once, being no async function',
      () => {
        throw new Error('boom')
      },
    ],
    ['answers an outcome without calling next', async () => ({ kind: 'result', proves: 'ran', result: ok })],
    ['answers nothing without calling next', async () => undefined as never],
    ['answers no promise', () => 7 as never],
  ]
  test.each(refusals)('refuses a call as step_failed when the code around it %s', async (_, around) => {
    const forward = vi.fn(() => ok)
    const left = vi.fn((_call: ToolCall, outcome: CallOutcome) => outcome)
    const outcome = await run([{ name: 'outer', leave: left }, middleware(around, 'mine')], forward)
    expect(outcome).toMatchObject({
      kind: 'refused',
      refusal: { error: 'step_failed', reason: 'step_failed', detail: { step: 'mine', error: expect.any(Error) } },
    })
    expect(forward).not.toHaveBeenCalled()
    expect(left).toHaveBeenCalledOnce()
  })

  const ignored: ReadonlyArray<readonly [string, Around]> = [
    [
      'throws after next',
      async (call, next) => {
        await next(call)
        throw new Error('boom')
      },
    ],
    [
      'throws after next, without waiting for it',
      async (call, next) => {
        void next(call)
        throw new Error('boom')
      },
    ],
    [
      'throws at once after next, being no async function',
      (call, next) => {
        void next(call)
        throw new Error('boom')
      },
    ],
    [
      'answers nothing after next',
      async (call, next) => {
        await next(call)
        return undefined as never
      },
    ],
    [
      'answers with a refusal after next, which is too late',
      async (call, next) => {
        await next(call)
        return refuse(call.tool, { error: 'forbidden_tool', reason: 'forbidden_tool' })
      },
    ],
    [
      'calls next twice',
      async (call, next) => {
        await next(call)
        return next(call)
      },
    ],
    [
      'calls next twice at once',
      async (call, next) => {
        const both = await Promise.all([next(call), next(call)])
        return both[0]
      },
    ],
  ]
  test.each(ignored)('keeps the outcome when the code around it %s', async (_, around) => {
    const forward = vi.fn(() => ok)
    const outcome = await run([middleware(around)], forward)
    expect(outcome).toEqual({ kind: 'result', proves: 'ran', result: ok })
    expect(forward).toHaveBeenCalledOnce()
  })

  test('says what is wrong with the code around it', async () => {
    let thrown: unknown
    const twice = middleware(async (call, next) => {
      const outcome = await next(call)
      try {
        void next(call)
      } catch (error) {
        thrown = error
      }
      return outcome
    }, 'twice')
    await run([twice])
    expect(thrown).toMatchObject({ code: 'invalid_config', message: 'Step `twice` called next twice' })
    const never = middleware(async () => ({ kind: 'result', proves: 'ran', result: ok }), 'never')
    expect(await run([never])).toMatchObject({
      refusal: { detail: { error: { message: 'next was not called' } } },
    })
  })

  test('tells two calls at once apart', async () => {
    const step = middleware(async (call, next) => {
      const outcome = await next(call)
      return { ...outcome, result: { tool: call.tool } } as CallOutcome
    })
    const meter = composeWith(new FakeClock(), [step])
    const answers = ['a', 'b', 'c'].map(async (tool, i) =>
      meter.run({ tool }, async () => {
        for (let turn = 3 - i; turn > 0; turn--) await Promise.resolve()
        return ok
      }),
    )
    const results = (await Promise.all(answers)).map((outcome) => outcome.kind === 'result' && outcome.result.tool)
    expect(results).toEqual(['a', 'b', 'c'])
  })

  /** Calls next after it has refused, as with an approval that comes too late. */
  const late = (tell: (outcome: unknown) => void = () => {}): Around => {
    return async (call, next) => {
      void settle().then(async () => tell(await next(call)))
      return refuse(call.tool, { error: 'approval_required', reason: 'approval_required' })
    }
  }

  test('never answers a next that comes after the refusal, also when its step is used again', async () => {
    const tell = vi.fn()
    const forward = vi.fn(() => ok)
    const approval = late(tell)
    const step = middleware((call, next) => (call.tool === 'asks' ? approval(call, next) : next(call)))
    const meter = composeWith(new FakeClock(), [step])
    expect(await meter.run({ tool: 'asks' }, forward)).toMatchObject({ refusal: { error: 'approval_required' } })
    await settle()
    expect(forward).not.toHaveBeenCalled()
    expect(await meter.run({ tool: 'search' }, forward)).toEqual({ kind: 'result', proves: 'ran', result: ok })
    await settle()
    expect(forward).toHaveBeenCalledOnce()
    expect(tell).not.toHaveBeenCalled()
  })

  test('keeps nothing of a call that ended, however it ended [L-P23]', async () => {
    const size = vi.spyOn(Map.prototype, 'set')
    const gone = vi.spyOn(Map.prototype, 'delete')
    const running = new Set<unknown>()
    const before = size.mock.calls.length
    for (const [, around] of [...refusals, ...ignored, ['calls next too late', late()] as const]) {
      const step = middleware(around)
      for (let i = 0; i < 3; i++) await run([step])
    }
    await settle()
    // Every key that a step's map was given was taken out again.
    for (const [key] of size.mock.calls.slice(before)) running.add(key)
    for (const [key] of gone.mock.calls) running.delete(key)
    size.mockRestore()
    gone.mockRestore()
    // Only charge ids: the runner keeps maps of its own meanwhile.
    expect([...running].filter((key) => typeof key === 'string' && chargeIdTime(key) !== undefined)).toEqual([])
  })
})
