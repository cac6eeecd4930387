/** Red until it is decided how these are to be mended. */
import { report, type InMemoryTaskStore } from 'mcp-budget'
import { describe, expect, test } from 'vitest'
import { gateOn, GENERATIONS, startTask } from '../../support/tasks.js'
import { expectNoUnhandledRejection } from '../../support/unhandled.js'

const DONE = { content: [{ type: 'text', text: 'done' }] }

expectNoUnhandledRejection()

describe.each(GENERATIONS)('a $era task', (generation) => {
  // Why: it is charged at once, and the store of tasks has it all the same, so that it is ended once more.
  test('that was bound too late to be heard of is recorded as charged once', async () => {
    const clock = gateOn().clock
    const { tasks: plain } = gateOn({ clock })
    const tasks = new Proxy(plain as InMemoryTaskStore, {
      get: (store, key) =>
        key === 'bind'
          ? (request: never) => new Promise((resolve) => clock.after(10_000, () => resolve(store.bind(request))))
          : (Reflect.get(store, key) as (...given: never[]) => unknown).bind(store),
    })
    const gate = gateOn({ tasks, clock })
    await startTask(gate, generation)
    await gate.wait(20_000)
    expect(gate.balance()).toMatchObject({ held: 0, spent: 40 })
    await gate.notify(generation.over('t1', DONE))
    await gate.wait(900_000)
    await gate.tracking.sweep()
    expect(gate.balance()).toMatchObject({ held: 0, spent: 40 })
    const [operation] = report(gate.ledger.entries()).byOperation.values()
    expect(operation).toMatchObject({ charged: 40 })
  })

  test('of each of two budgets is reported, though their ids are the same', async () => {
    const one = gateOn()
    const { clock, ledger, enforcer, tasks } = one
    enforcer.initialize('b', 100)
    const two = gateOn({ clock, ledger, enforcer, tasks, budget: { budget: 'b' } })
    for (const gate of [one, two]) {
      await startTask(gate, generation)
      await gate.notify(generation.over('t1', DONE))
    }
    const { byTask } = report(ledger.entries())
    expect([...byTask.values()].reduce((sum, { charged }) => sum + charged, 0)).toBe(80)
  })
})

describe('a client of 2026-07-28 that listens', () => {
  test('is told nothing of the tasks of others that it names [T32]', async () => {
    const gate = gateOn({ side: 'server' })
    await gate.request('subscriptions/listen', { notifications: { taskIds: ['of-another'] } })
    expect(gate.reached()).toEqual([])
  })
})
