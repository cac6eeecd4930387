import { describe, expect, test } from 'vitest'
import { expectNoUnhandledRejection } from '../../support/unhandled.js'
import { EXTENSION, gateOn, GENERATIONS, LEGACY, startTask, type TestGate } from '../../support/tasks.js'

const DONE = { content: [{ type: 'text', text: 'done' }] }

/** What the operator has been paid, or still may be, once all times are up. */
async function paid(gate: TestGate): Promise<object> {
  await gate.wait(2_100_000)
  await gate.tracking.sweep()
  return gate.balance()
}

const PAID = { available: 960, held: 0, spent: 40, debt: 0 }

expectNoUnhandledRejection()

describe('a task that is cancelled in the millisecond in which it was made', () => {
  test.each(['client', 'server'] as const)('is charged, seen at the seat of a %s [T29]', async (side) => {
    const gate = gateOn({ side })
    await startTask(gate, EXTENSION)
    await gate.answer(await gate.request('tasks/cancel', { taskId: 't1' }), { resultType: 'complete' })
    expect(await paid(gate)).toEqual(PAID)
  })

  test('is charged when it was given more time just before [T29]', async () => {
    const gate = gateOn()
    await startTask(gate, EXTENSION)
    await gate.wait(1_000)
    await gate.notify(EXTENSION.notification('t1', 'working', { ttlMs: 900_000 }))
    await gate.answer(await gate.request('tasks/cancel', { taskId: 't1' }), { resultType: 'complete' })
    expect(await paid(gate)).toEqual(PAID)
  })
})

describe('a task of 2025-11-25 whose client asks for a time to live', () => {
  const ODD = [-1, -1e15, 0, 0.5, 1, 2 ** 31, 2 ** 40, Number.MAX_VALUE, NaN]
  test.each(ODD)('of %d ms pays when its server has it no more [T29]', async (ttl) => {
    const gate = gateOn({ side: 'server', tracking: { maxHoldMs: 2_000_000 } })
    await startTask(gate, LEGACY, { ttl })
    await gate.fail(await gate.request('tasks/get', { taskId: 't1' }), -32602)
    expect(await paid(gate)).toEqual(PAID)
  })

  test.each(ODD)('of %d ms pays when nothing is ever heard of it [T29]', async (ttl) => {
    const gate = gateOn({ side: 'server', tracking: { maxHoldMs: 2_000_000 } })
    await startTask(gate, LEGACY, { ttl })
    expect(await paid(gate)).toEqual(PAID)
  })
})

describe.each(GENERATIONS)('at a server’s seat a $era task that goes on', (generation) => {
  const started = async (): Promise<TestGate> => {
    const gate = gateOn({ side: 'server' })
    await startTask(gate, generation)
    return gate
  }
  const HELD = { available: 960, held: 40, spent: 0, debt: 0 }
  const say = (gate: TestGate, id: number | string, method: string, params: object) =>
    gate.fromClient({ jsonrpc: '2.0', id, method, params })
  /** The server refuses a request for a prompt, if it gets one. */
  const noPrompt = async (gate: TestGate): Promise<void> => {
    const asked = gate.reached().find(({ method }) => method === 'prompts/get')
    if (asked !== undefined) await gate.fail(asked.id, -32602)
    await gate.wait(2)
    expect(gate.balance()).toEqual(HELD)
  }

  test('is not taken for gone because another request with the id of tasks/get was wrong [T29]', async () => {
    const gate = await started()
    await say(gate, 77, 'tasks/get', { taskId: 't1' })
    await say(gate, 77, 'prompts/get', { name: 'none' })
    await noPrompt(gate)
  })

  test('is not taken for gone because tasks/get came with the id of another request that was wrong [T29]', async () => {
    const gate = await started()
    await say(gate, 77, 'prompts/get', { name: 'none' })
    await say(gate, 77, 'tasks/get', { taskId: 't1' })
    await noPrompt(gate)
  })

  test('is not taken for gone because a request was wrong that has the id of tasks/get as text [T29]', async () => {
    const gate = await started()
    await say(gate, 77, 'tasks/get', { taskId: 't1' })
    await say(gate, '77', 'prompts/get', { name: 'none' })
    await noPrompt(gate)
  })

  test('is not taken for gone because tasks/get was cancelled and its id used again [T29]', async () => {
    const gate = await started()
    await say(gate, 77, 'tasks/get', { taskId: 't1' })
    await gate.fromClient({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 77 } })
    await say(gate, 77, 'prompts/get', { name: 'none' })
    await noPrompt(gate)
  })

  test.each([
    ['requestState', { requestState: 5 }],
    ['inputResponses', { inputResponses: 5 }],
    ['a progress token that is none', { _meta: { progressToken: {} } }],
    ['a _meta that is none', { _meta: 5 }],
  ])('is not taken for gone because tasks/get was wrong in %s [T29]', async (_, more) => {
    const gate = await started()
    await gate.fail(await gate.request('tasks/get', { taskId: 't1', ...more }), -32602)
    await gate.wait(2)
    expect(gate.balance()).toEqual(HELD)
  })
})

describe('a list of tasks', () => {
  test('shows nobody the tasks of others, however much is asked at once [T32]', async () => {
    const gate = gateOn({ side: 'server' })
    const others = { tasks: [LEGACY.status('of-another', 'working')] }
    gate.wire.receive({ jsonrpc: '2.0', id: 'list', method: 'tasks/list', params: {} })
    for (let n = 0; n < 10_001; n++)
      gate.wire.receive({ jsonrpc: '2.0', id: n + 5_000, method: 'tasks/list', params: {} })
    await gate.fromServer({ jsonrpc: '2.0', id: 'list', result: others })
    expect(JSON.stringify(gate.told())).not.toContain('of-another')
  })

  test('shows nobody the tasks of others because its id came twice [T32]', async () => {
    const gate = gateOn({ side: 'server' })
    const others = { tasks: [LEGACY.status('of-another', 'working')] }
    await gate.fromClient({ jsonrpc: '2.0', id: 7, method: 'tasks/list', params: {} })
    await gate.fromClient({ jsonrpc: '2.0', id: 7, method: 'ping' })
    for (const { method } of gate.reached().toReversed())
      await gate.fromServer({ jsonrpc: '2.0', id: 7, result: method === 'ping' ? {} : others })
    expect(JSON.stringify(gate.told())).not.toContain('of-another')
  })

  test('shows nobody the tasks of others because it was cancelled [T32]', async () => {
    const gate = gateOn({ side: 'server' })
    const others = { tasks: [LEGACY.status('of-another', 'working')] }
    await gate.fromClient({ jsonrpc: '2.0', id: 7, method: 'tasks/list', params: {} })
    await gate.fromClient({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 7 } })
    await gate.fromServer({ jsonrpc: '2.0', id: 7, result: others })
    expect(JSON.stringify(gate.told())).not.toContain('of-another')
  })
})

describe('a request about a task that has no id', () => {
  test.each([undefined, null, 1.5, {}])('(%j) reaches no server, which might do it all the same [T32]', async (id) => {
    const gate = gateOn({ side: 'server' })
    await gate.fromClient({
      jsonrpc: '2.0',
      ...(id !== undefined && { id }),
      method: 'tasks/cancel',
      params: { taskId: 't9' },
    })
    expect(gate.reached()).toEqual([])
  })
})

describe('a task whose end the store of tasks says nonsense of', () => {
  test.each(['find', 'end', 'amend', 'due', 'bind'] as const)('(%s) ends nothing, and no process', async (verb) => {
    for (const nonsense of [undefined, null, 5, {}, [], [null], { tasks: [null], open: 1 }]) {
      const plain = gateOn().tasks
      const tasks = new Proxy(plain, {
        get: (store, key) =>
          key === verb ? () => nonsense : (Reflect.get(store, key) as (...a: never[]) => unknown).bind(store),
      })
      const gate = gateOn({ tasks })
      await startTask(gate, LEGACY)
      await gate.notify(LEGACY.over('t1', DONE))
      await gate.answer(await gate.request('tasks/get', { taskId: 't1' }), LEGACY.status('t1', 'completed'))
      await gate.tracking.sweep()
      await gate.wait(900_000)
    }
  })
})
