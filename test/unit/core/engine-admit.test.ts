import { refuse, type CallMiddleware, type ToolCall } from 'mcp-budget'
import { FakeClock } from 'mcp-budget/testing'
import { describe, expect, test, vi } from 'vitest'
import { Engine } from '../../../src/core/engine.js'
import { newCall } from '../../../src/core/call.js'

const METHOD = newCall({ tool: 'budget/x' }, 0)
const engineOf = (...steps: readonly CallMiddleware[]): Engine => new Engine(steps, new FakeClock())
const later = <T>(value: T): Promise<T> => Promise.resolve(value)

/** A step that adds what it is called to the request. */
const marking = (name: string, log: string[], wait = false): CallMiddleware => ({
  name,
  admit(request) {
    log.push(name)
    const marked = { ...request, [name]: true }
    return wait ? later(marked) : marked
  },
})

describe('a method of our own', () => {
  test.each([false, true])(
    'is admitted by all steps first to last, and answered with what they add, later: %s',
    async (wait) => {
      const log: string[] = []
      const own = vi.fn((request: ToolCall) => ({ answered: Object.keys(request).filter((key) => /^[ac]$/.test(key)) }))
      const engine = engineOf(
        marking('a', log, wait),
        { name: 'b', methods: { 'budget/x': own } },
        marking('c', log, wait),
      )
      const answer = engine.answer(METHOD)
      expect(answer instanceof Promise).toBe(wait)
      expect(await answer).toEqual({ answered: ['a', 'c'] })
      expect(log).toEqual(['a', 'c'])
      expect(own).toHaveBeenCalledTimes(1)
    },
  )

  test.each([
    ['refuses', () => refuse('budget/x', { error: 'unauthorized', reason: 'unauthorized' }), 'unauthorized'],
    [
      'refuses later',
      () => later(refuse('budget/x', { error: 'unauthorized', reason: 'unauthorized' })),
      'unauthorized',
    ],
    [
      'throws',
      () => {
        throw new Error('down')
      },
      'step_failed',
    ],
    ['rejects', () => Promise.reject(new Error('down')), 'step_failed'],
  ])('is not answered where a step %s, be it the last [L-S55]', async (_, admit, error) => {
    const own = vi.fn(() => ({}))
    const engine = engineOf({ name: 'own', methods: { 'budget/x': own } }, { name: 'last', admit: admit })
    expect(await engine.answer(METHOD)).toMatchObject({ kind: 'refused', error })
    expect(own).not.toHaveBeenCalled()
  })

  test('that nobody has is not admitted at all', () => {
    const admit = vi.fn()
    expect(engineOf({ name: 'a', admit }).answer(METHOD)).toBeUndefined()
    expect(engineOf({ name: 'a', admit, methods: {} }).answer(newCall({ tool: 'toString' }, 0))).toBeUndefined()
    expect(admit).not.toHaveBeenCalled()
  })
})
