import { describe, expect, test } from 'vitest'
import { MemoryLedger, report } from 'mcp-budget'
import { GENERATIONS, gateOn, startTask } from '../../support/tasks.js'

const WRONG = { content: [], isError: true }

describe.each(GENERATIONS)('the report of $era tasks', (generation) => {
  test('groups what was spent by task and by operation [seed-000:spend-by-task]', async () => {
    const gate = gateOn({ tracking: { retryCostMode: 'reduced', retryRateBps: 2_500 } })
    for (const taskId of ['t1', 't2']) {
      await startTask(gate, generation, { taskId })
      await gate.notify(generation.over(taskId, WRONG))
    }
    await startTask(gate, generation, { taskId: 't3', params: { name: 'draw' } })
    const { byTask, byOperation, byTool } = report(gate.ledger.entries())
    expect([...byTask.keys()]).toEqual(['default/a studio t1', 'default/a studio t2', 'default/a studio t3'])
    expect(byTask.get('default/a studio t1')).toMatchObject({
      attempt: 1,
      end: 'failed',
      charged: 40,
      full: 40,
      saved: 0,
    })
    expect(byTask.get('default/a studio t2')).toMatchObject({
      attempt: 2,
      end: 'failed',
      charged: 10,
      full: 40,
      saved: 30,
    })
    expect(byTask.get('default/a studio t3')).toMatchObject({ attempt: 1, end: undefined, charged: 0, late: false })
    const operations = [...byOperation.values()].map(({ tool, charged, full, saved, attempts }) => ({
      ...{ tool, charged, full, saved },
      attempts: attempts.map(({ taskId }) => taskId),
    }))
    expect(operations).toEqual([
      { tool: 'render', charged: 50, full: 80, saved: 30, attempts: ['t1', 't2'] },
      { tool: 'draw', charged: 0, full: 0, saved: 0, attempts: ['t3'] },
    ])
    // How a task ends is no call of its own.
    expect(byTool.get('render')).toMatchObject({ calls: 2, charged: 50 })
  })

  test('says that a task ended late, and what it cost in the end', async () => {
    const gate = gateOn()
    await startTask(gate, generation)
    await gate.wait(700_000)
    await gate.notify(generation.over('t1', { content: [] }))
    const { byTask } = report(gate.ledger.entries())
    expect(byTask.get('default/a studio t1')).toMatchObject({ end: 'completed', late: true, charged: 40 })
  })

  test('adds up the same when records were folded away', async () => {
    const ledger = new MemoryLedger({ maxEntries: 3 })
    const gate = gateOn({ ledger })
    for (const taskId of ['t1', 't2', 't3', 't4']) {
      await startTask(gate, generation, { taskId })
      await gate.notify(generation.over(taskId, { content: [] }))
    }
    expect(report(ledger.entries()).byTool.get('render')).toMatchObject({ calls: 4, charged: 160 })
  })
})

describe('the operations of two budgets with one id', () => {
  test('are two operations', async () => {
    const one = gateOn()
    const { clock, enforcer, tasks, ledger } = one
    enforcer.initialize('b', 100)
    const two = gateOn({ clock, enforcer, tasks, ledger, budget: { budget: 'b' } })
    for (const gate of [one, two])
      await gate.answer(await gate.call({}, { 'dev.mcp-budget/operation-id': 'op-1' }), WRONG)
    expect([...report(ledger.entries()).byOperation.keys()]).toEqual(['default/a op-1', 'default/b op-1'])
  })
})
