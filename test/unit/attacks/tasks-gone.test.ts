/** At a server's seat −32602 proves nothing of a task: who asks can provoke it. */
import { describe, expect, test } from 'vitest'
import { GENERATIONS, gateOn, startTask } from '../../support/tasks.js'

const HELD = { available: 960, held: 40, spent: 0, debt: 0 }

describe.each(GENERATIONS)('at a server’s seat a $era task that goes on', (generation) => {
  // Why: a server of SDK v2 answers −32602 to an envelope that its schema does not take, before it looks for the task.
  test('is not taken for gone because tasks/get was wrong in a capability that is none [T29]', async () => {
    const gate = gateOn({ side: 'server' })
    await startTask(gate, generation)
    const _meta = { 'io.modelcontextprotocol/clientCapabilities': { roots: 5 } }
    await gate.fail(await gate.request('tasks/get', { taskId: 't1', _meta }), -32602)
    await gate.wait(2)
    expect(gate.balance()).toEqual(HELD)
  })

  // Why: `InMemoryTaskStore` of SDK v1 keeps tasks by session, and has none of them for another session.
  test('is not taken for gone because its owner asked in another session [T29]', async () => {
    const gate = gateOn({ side: 'server' })
    const { clock, enforcer, tasks, ledger } = gate
    const other = gateOn({ side: 'server', clock, enforcer, tasks, ledger })
    await startTask(gate, generation)
    await other.fail(await other.request('tasks/get', { taskId: 't1' }), -32602)
    await gate.wait(2)
    expect(gate.balance()).toEqual(HELD)
  })
})
