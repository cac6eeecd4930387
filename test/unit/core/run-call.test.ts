import { BudgetError, composeWith, type CallMiddleware, type CallOutcome, type ToolCall } from 'mcp-budget'
import { FakeClock } from 'mcp-budget/testing'
import { describe, expect, test, vi } from 'vitest'
import { Engine } from '../../../src/core/engine.js'
import { runCall } from '../../../src/core/run-call.js'
import { newCall } from '../../../src/core/call.js'

const ok = { content: [] }

/** Runs a call through one step that notes how it was left. */
function setUp(step: Partial<CallMiddleware> = {}) {
  const left = vi.fn((_call: ToolCall, outcome: CallOutcome) => outcome)
  const clock = new FakeClock()
  const engine = new Engine(
    [
      { name: 'noting', leave: left },
      { name: 'own', ...step },
    ],
    clock,
  )
  const forward = vi.fn((): unknown => ok)
  return {
    left,
    forward,
    run: async (signal?: AbortSignal) => runCall(engine, newCall({ tool: 't' }, clock.now()), forward, signal),
  }
}

describe('a call in this process', () => {
  test('that was cancelled before it began does not run, and its steps are left as for that', async () => {
    const { run, forward, left } = setUp()
    const outcome = await run(AbortSignal.abort())
    expect(outcome).toEqual({ kind: 'lost', cause: 'cancelled', proves: 'not-run' })
    expect(left).toHaveBeenCalledExactlyOnceWith(expect.anything(), outcome)
    expect(forward).not.toHaveBeenCalled()
  })

  test('that is cancelled while it runs is left once, at once, and its answer changes nothing [I4]', async () => {
    const { run, forward, left } = setUp()
    const controller = new AbortController()
    let answer: (result: unknown) => void = () => {}
    forward.mockImplementation(() => new Promise((resolve) => (answer = resolve)))
    const outcome = run(controller.signal)
    controller.abort()
    expect(left).toHaveBeenCalledExactlyOnceWith(expect.anything(), {
      kind: 'lost',
      cause: 'cancelled',
      proves: 'unknown',
    })
    answer(ok)
    expect(await outcome).toMatchObject({ kind: 'result' })
    expect(left).toHaveBeenCalledOnce()
  })

  test('that asks for more input has not run yet', async () => {
    const { run, forward } = setUp()
    forward.mockReturnValue({ resultType: 'input_required' })
    expect(await run()).toEqual({ kind: 'input-required', proves: 'not-run', waitMs: undefined })
  })

  test.each([
    [{ code: -32602 }, -32602],
    [{ code: 'ENOENT' }, undefined],
    [{}, undefined],
    ['text', undefined],
    [null, undefined],
    [undefined, undefined],
  ])('that throws %j has the code %j', async (thrown, code) => {
    const { run, forward } = setUp()
    forward.mockRejectedValue(thrown)
    expect(await run()).toStrictEqual({ kind: 'error', proves: 'failed', code, thrown })
  })
})

describe('a call whose answer is a thenable', () => {
  test('that throws is an outcome that proves failed, and its steps are left [I4]', async () => {
    const { run, forward, left } = setUp()
    const thrown = new Error('boom')
    forward.mockReturnValue({
      then() {
        throw thrown
      },
    })
    const outcome = await run()
    expect(outcome).toMatchObject({ kind: 'error', proves: 'failed', thrown })
    expect(left).toHaveBeenCalledExactlyOnceWith(expect.anything(), outcome)
  })

  test('whose `then` gives nothing back is waited for [I4]', async () => {
    const { run, forward, left } = setUp()
    forward.mockReturnValue({ then: (resolve: (result: unknown) => void) => void resolve(ok) })
    const outcome = await run()
    expect(outcome).toEqual({ kind: 'result', proves: 'ran', result: ok })
    expect(left).toHaveBeenCalledExactlyOnceWith(expect.anything(), outcome)
  })
})

describe('a step that answers with what makes no sense', () => {
  test.each([null, undefined, 7, 'ran', {}, { kind: 'result' }, { proves: 'ran' }, { kind: 1, proves: 'ran' }])(
    'when it is left changes nothing: %j',
    async (answer) => {
      for (const given of [answer, Promise.resolve(answer)]) {
        const { run } = setUp({ leave: () => given as never })
        expect(await run()).toEqual({ kind: 'result', proves: 'ran', result: ok })
      }
    },
  )

  test.each([
    ['go on', '"go on" (string)'],
    [undefined, '`undefined`'],
    [{ kind: 'refused' }, 'an object'],
    [{ kind: 'refused', error: 'no such word' }, 'an object'],
    [{ kind: 'refused', error: 'toString' }, 'an object'],
  ])('when it is entered refuses the call, and says what came: %j [L-S24]', async (answer, got) => {
    const { run, forward } = setUp({ enter: () => answer as never })
    const outcome = await run()
    expect(outcome).toMatchObject({ refusal: { error: 'step_failed', reason: 'step_failed' } })
    const { error } = (outcome as { refusal: { detail: { error: unknown } } }).refusal.detail
    expect(BudgetError.isInstance(error) && [error.code, error.message]).toEqual([
      'invalid_config',
      `Expected step \`own\` to answer with a call or a refusal, got ${got}`,
    ])
    expect(forward).not.toHaveBeenCalled()
  })
})

test('a meter names itself, and says what it cannot take for a tool', () => {
  const meter = composeWith(new FakeClock(), [])
  expect(meter.name).toBe('meter')
  expect(() => meter.run({ tool: '' }, () => ok)).toThrow('Expected `tool` to be a name, got "" (string)')
  expect(() => composeWith(new FakeClock(), [7 as never])).toThrow(
    'Expected `steps` to be steps such as withBudget({ … }), got `7`',
  )
})
