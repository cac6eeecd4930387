/** What is told of tasks, and to whom. */
import { report } from 'mcp-budget'
import { describe, expect, test } from 'vitest'
import { gateOn, GENERATIONS, startTask } from '../../support/tasks.js'

const DONE = { content: [{ type: 'text', text: 'done' }] }

describe.each(GENERATIONS)('a $era task', (generation) => {
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
