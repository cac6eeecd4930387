import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel'
import {
  BudgetEvents,
  compose,
  InMemoryBudgetEnforcer,
  withBudget,
  withCostProfile,
  withLedger,
  type BudgetEventName,
} from 'mcp-budget'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { diagnostics as node } from '../../../src/core/diagnostics/node.js'
import { diagnostics as web } from '../../../src/core/diagnostics/web.js'

const heard: Array<readonly [string, unknown]> = []
const subscribed: Array<() => void> = []

/** Notes what is published to the channels of these events, until the test ends. */
function watch(...events: readonly BudgetEventName[]): void {
  for (const event of events) {
    const note = (message: unknown): void => void heard.push([event, message])
    subscribe(`mcp-budget:${event}`, note)
    subscribed.push(() => void unsubscribe(`mcp-budget:${event}`, note))
  }
}

afterEach(() => {
  for (const stop of subscribed.splice(0)) stop()
  heard.length = 0
})

const unpriced = { call: { id: 'x', tool: 't', server: undefined } }

describe('an event on Node', () => {
  test('is published to its channel as the listeners get it, when somebody subscribed', () => {
    const events = new BudgetEvents()
    const listener = vi.fn()
    events.on('unpriced', listener)
    events.emit('unpriced', unpriced)
    watch('unpriced')
    events.emit('unpriced', unpriced)
    events.emit('fault', { where: 'here', error: 1 })
    expect(heard).toEqual([['unpriced', unpriced]])
    expect(heard[0]?.[1]).toBe(listener.mock.calls[1]?.[0])
  })

  test('is heard while somebody is subscribed, before or after the first event', () => {
    const events = new BudgetEvents()
    expect(events.heard('delayed')).toBe(false)
    watch('delayed', 'recovered')
    expect([events.heard('delayed'), events.heard('recovered'), events.heard('outage')]).toEqual([true, true, false])
    for (const stop of subscribed.splice(0)) stop()
    expect(events.heard('delayed')).toBe(false)
  })

  test('goes to the channel after a listener that throws', () => {
    watch('unpriced', 'fault')
    const events = new BudgetEvents().on('unpriced', () => {
      throw new Error('boom')
    })
    events.emit('unpriced', unpriced)
    expect(heard.map(([name]) => name)).toEqual(['fault', 'unpriced'])
  })

  test('asks for each channel once', () => {
    expect(node.channel('held')).toBe(node.channel('held'))
    expect(node.channel('held')).toBe(channel('mcp-budget:held'))
  })
})

describe('the channels', () => {
  test('are told by steps that were given no events', async () => {
    watch('held', 'charged', 'refused', 'fault', 'unpriced')
    const enforcer = new InMemoryBudgetEnforcer()
    enforcer.initialize('a', 5)
    const ledger = { append: () => Promise.reject(new Error('full')), entries: () => [] }
    const meter = compose(
      withLedger({ ledger }),
      withCostProfile({ costs: { search: 5 } }),
      withBudget({ enforcer, budget: 'a' }),
    )
    const secret = { args: { q: 'secret' }, meta: { token: 'secret' } }
    for (const tool of ['search', 'search', 'draw']) {
      await meter.run({ tool, ...secret }, () => ({ content: [{ type: 'text', text: 'secret' }] }))
      // A ledger that fails later is told of later.
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(heard.map(([name]) => name)).toEqual(['held', 'charged', 'fault', 'refused', 'fault', 'refused', 'fault'])
    expect(JSON.stringify(heard)).not.toContain('secret')
    const observed = withCostProfile({ unpriced: 'observe' })
    await compose(observed).run({ tool: 'draw' }, () => ({}))
    expect(heard.at(-1)?.[0]).toBe('unpriced')
  })
})

describe('where there are no channels', () => {
  test('nobody is told, and nobody is heard', () => {
    expect(web.channel('held').hasSubscribers).toBe(false)
    expect(() => web.channel('held').publish({})).not.toThrow()
  })

  test('a Node that loads no builtin in the middle of a call tells nobody', () => {
    const { getBuiltinModule } = process
    Object.assign(process, { getBuiltinModule: undefined })
    try {
      expect(node.channel('of-an-old-node').hasSubscribers).toBe(false)
    } finally {
      Object.assign(process, { getBuiltinModule })
    }
  })
})
