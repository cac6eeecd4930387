import { BudgetEvents } from 'mcp-budget'
import { settle } from 'mcp-budget/testing'
import { describe, expect, test, vi } from 'vitest'

const unpriced = { call: { id: 'x', tool: 't', server: undefined } }

describe('events', () => {
  test('reach each listener with what happened, until it is taken off', () => {
    const events = new BudgetEvents()
    const listener = vi.fn()
    const once = vi.fn()
    events.on('unpriced', listener).once('unpriced', once)
    events.emit('unpriced', unpriced)
    events.emit('unpriced', unpriced)
    expect(listener.mock.calls).toEqual([[unpriced], [unpriced]])
    expect(once).toHaveBeenCalledOnce()
    events.off('unpriced', listener)
    events.emit('unpriced', unpriced)
    expect(listener).toHaveBeenCalledTimes(2)
  })

  test('say whether anybody listens', () => {
    const events = new BudgetEvents()
    expect(events.heard('unpriced')).toBe(false)
    const listener = (): void => {}
    events.on('unpriced', listener)
    expect([events.heard('unpriced'), events.heard('refused')]).toEqual([true, false])
    events.off('unpriced', listener)
    expect(events.heard('unpriced')).toBe(false)
  })

  test('take a listener for two names, and take it off for one', () => {
    const events = new BudgetEvents()
    const listener = vi.fn()
    events.on('unpriced', listener).on('fault', listener)
    events.off('unpriced', listener)
    events.emit('unpriced', unpriced)
    events.emit('fault', { where: 'here', error: 1 })
    expect(listener).toHaveBeenCalledOnce()
  })

  test('take off a listener that is not there, and one that was for once', () => {
    const events = new BudgetEvents()
    const listener = vi.fn()
    events.off('unpriced', listener)
    events.once('unpriced', listener)
    events.off('unpriced', listener)
    events.emit('unpriced', unpriced)
    expect(listener).not.toHaveBeenCalled()
  })

  test('take nobody off where no listener is named', () => {
    const events = new BudgetEvents()
    const listener = vi.fn()
    events.on('unpriced', listener)
    events.off('unpriced', undefined as never)
    events.emit('unpriced', unpriced)
    expect(listener).toHaveBeenCalledOnce()
  })
})

describe('a listener that fails', () => {
  test.each([
    [
      'throws',
      () => {
        throw new Error('boom')
      },
    ],
    ['rejects', () => Promise.reject(new Error('boom'))],
  ])('and %s stops no other listener, is counted, and is told as a fault [T52]', async (_, bad) => {
    const events = new BudgetEvents()
    const others = [vi.fn(), vi.fn()]
    const faults = vi.fn()
    events.on('unpriced', others[0] as () => void)
    events.on('unpriced', () => bad() as never)
    events.on('unpriced', others[1] as () => void)
    events.on('fault', faults)
    expect(() => events.emit('unpriced', unpriced)).not.toThrow()
    await settle()
    for (const other of others) expect(other).toHaveBeenCalledOnce()
    expect(events.failures).toBe(1)
    expect(faults).toHaveBeenCalledExactlyOnceWith({
      where: 'listener of unpriced',
      error: expect.objectContaining({ message: 'boom' }),
    })
  })

  test('at a fault is counted, and makes no more faults [T52, I21]', async () => {
    const events = new BudgetEvents()
    events.on('fault', () => {
      throw new Error('again')
    })
    events.on('fault', () => Promise.reject(new Error('and again')) as never)
    events.emit('fault', { where: 'here', error: 1 })
    await settle()
    expect(events.failures).toBe(2)
  })
})
