import { systemClock } from 'mcp-budget'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

describe('the system clock', () => {
  beforeEach(() => vi.useFakeTimers())
  afterEach(() => vi.useRealTimers())

  test('runs a task once, and not when it was cancelled', () => {
    const task = vi.fn()
    const other = vi.fn()
    systemClock.after(100, task)
    systemClock.after(100, other)()
    vi.advanceTimersByTime(1_000)
    expect(task).toHaveBeenCalledOnce()
    expect(other).not.toHaveBeenCalled()
  })

  test('does not run at once what is further away than a timer can be', () => {
    const task = vi.fn()
    const warn = vi.fn()
    process.once('warning', warn)
    systemClock.after(2 ** 40, task)
    vi.advanceTimersByTime(1_000)
    expect(task).not.toHaveBeenCalled()
    expect(warn).not.toHaveBeenCalled()
    process.off('warning', warn)
  })

  test('keeps no process alive', () => {
    vi.useRealTimers()
    const spy = vi.spyOn(globalThis, 'setTimeout')
    const cancel = systemClock.after(100, () => {})
    const timer = spy.mock.results[0]?.value as NodeJS.Timeout
    expect(timer.hasRef()).toBe(false)
    cancel()
    spy.mockRestore()
  })

  test('works where timers are numbers, as in a browser', () => {
    vi.useRealTimers()
    const clear = vi.spyOn(globalThis, 'clearTimeout').mockImplementation(() => {})
    const set = vi.spyOn(globalThis, 'setTimeout').mockImplementation((() => 7) as never)
    systemClock.after(100, () => {})()
    expect(clear).toHaveBeenCalledWith(7)
    set.mockRestore()
    clear.mockRestore()
  })
})
