import { describe, expect, test } from 'vitest'
import type { CallMiddleware, ToolCall } from 'mcp-budget'
import {
  EXTENSION,
  GENERATIONS,
  gateOn,
  LEGACY,
  startTask,
  type Generation,
  type TestGate,
} from '../../support/tasks.js'

const DONE = { content: [] }
const as = (clientId: string) => ({ authInfo: { token: 't', clientId, scopes: [] } })

/** A server with a budget for each client, and a task `t1` of `alice`. */
async function server(generation: Generation): Promise<TestGate> {
  const gate = gateOn({ side: 'server', budget: { budget: (call: ToolCall) => call.auth?.clientId ?? 'nobody' } })
  for (const name of ['alice', 'bob', 'nobody']) gate.enforcer.initialize(name, 100)
  await gate.answer(await gate.call({}, generation.meta, as('alice')), generation.created('t1'))
  expect(gate.balance('alice')).toMatchObject({ held: 40 })
  return gate
}

describe.each(GENERATIONS)('a $era task of another principal', (generation) => {
  const methods =
    generation.era === 'legacy'
      ? ['tasks/get', 'tasks/result', 'tasks/cancel']
      : ['tasks/get', 'tasks/update', 'tasks/cancel']

  test.each(methods)('does not exist for %s: the answer is that of a task which nobody has [T32]', async (method) => {
    const gate = await server(generation)
    const answers: unknown[] = []
    for (const [who, taskId] of [
      ['bob', 't1'],
      ['nobody', 't1'],
      ['bob', 'made-up'],
      ['alice', 'made-up'],
    ] as const) {
      const id = await gate.request(method, { taskId, _meta: generation.meta }, as(who))
      const { id: _, ...answer } = gate.answerTo(id)
      answers.push(answer)
    }
    expect(answers[0]).toMatchObject({ error: { code: -32602, data: { reason: 'unknown_task' } } })
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
    expect(gate.reached().filter((message) => message.method === method)).toEqual([])
    expect(gate.balance('alice')).toMatchObject({ held: 40, spent: 0 })
  })

  test.each(methods)('is handed on for %s to whoever has it, as it came [T32]', async (method) => {
    const gate = await server(generation)
    const id = await gate.request(method, { taskId: 't1', _meta: generation.meta }, as('alice'))
    expect(gate.reached().at(-1)).toEqual({
      jsonrpc: '2.0',
      id,
      method,
      params: { taskId: 't1', _meta: generation.meta },
    })
  })

  test('with the same id is another task: each ends by what its own principal is told [T32]', async () => {
    const gate = await server(generation)
    await gate.answer(await gate.call({}, generation.meta, as('bob')), generation.created('t1'))
    await gate.notify(generation.over('t1', DONE))
    expect([gate.balance('alice').held, gate.balance('bob').held]).toEqual([40, 40])
    const id = await gate.request('tasks/get', { taskId: 't1', _meta: generation.meta }, as('bob'))
    await gate.answer(id, generation.status('t1', 'completed', { result: DONE }))
    expect(gate.balance('alice')).toMatchObject({ held: 40, spent: 0 })
    expect(gate.balance('bob')).toMatchObject({ held: 0, spent: 40 })
  })

  test('at a client of another principal, with the same id at a server of the same name, is not touched [T32]', async () => {
    const alice = gateOn({ budget: { budget: 'a' } })
    const { clock, enforcer, tasks } = alice
    enforcer.initialize('b', 100)
    const bob = gateOn({ clock, enforcer, tasks, budget: { budget: 'b' } })
    await startTask(alice, generation)
    await bob.notify(generation.over('t1', DONE))
    await bob.answer(
      await bob.request('tasks/get', { taskId: 't1' }),
      generation.status('t1', 'completed', { result: DONE }),
    )
    expect(alice.balance('a')).toMatchObject({ held: 40 })
    await startTask(bob, generation)
    await alice.notify(generation.over('t1', DONE))
    expect(alice.balance('a')).toMatchObject({ held: 0, spent: 40 })
  })
})

describe('the tasks of another upstream', () => {
  test.each(GENERATIONS)('with the same id are not touched, in $era [L-S43, T32]', async (generation) => {
    const one = gateOn({ seat: { server: 'one' } })
    const { clock, enforcer, tasks } = one
    const two = gateOn({ clock, enforcer, tasks, seat: { server: 'two' } })
    await startTask(one, generation)
    await two.notify(generation.over('t1', DONE))
    await two.answer(
      await two.request('tasks/get', { taskId: 't1' }),
      generation.status('t1', 'completed', { result: DONE }),
    )
    await two.notify(generation.notification('t1', 'cancelled'))
    expect(one.balance()).toMatchObject({ held: 40, spent: 0 })
    await one.notify(generation.over('t1', DONE))
    expect(one.balance()).toMatchObject({ held: 0, spent: 40 })
  })
})

describe('what a peer says that is not the server', () => {
  test.each(GENERATIONS)('ends no task at a server’s seat, in $era [T29]', async (generation) => {
    const gate = await server(generation)
    await gate.fromClient({ jsonrpc: '2.0', ...generation.notification('t1', 'failed') })
    await gate.fromClient({ jsonrpc: '2.0', id: 9, result: generation.status('t1', 'failed') })
    expect(gate.balance('alice')).toMatchObject({ held: 40 })
  })

  test.each(GENERATIONS)('ends no task when it answers what nobody asked, in $era', async (generation) => {
    const gate = gateOn()
    await startTask(gate, generation)
    await gate.answer(99, generation.status('t1', 'failed'))
    const id = await gate.request('tasks/get', { taskId: 't2' })
    await gate.answer(id, generation.status('t1', 'completed', { result: DONE }))
    expect(gate.balance()).toMatchObject({ held: 40 })
  })
})

describe('a list of tasks', () => {
  test('shows each principal his own [T32]', async () => {
    const gate = await server(LEGACY)
    await gate.answer(await gate.call({}, {}, as('bob')), LEGACY.created('t2'))
    const id = await gate.request('tasks/list', {}, as('bob'))
    const tasks = ['t1', 't2', 't3'].map((taskId) => LEGACY.status(taskId, 'working'))
    await gate.answer(id, { tasks: [...tasks, 7], nextCursor: 'c' })
    expect(gate.answerTo(id)).toEqual({ jsonrpc: '2.0', id, result: { tasks: [tasks[1]], nextCursor: 'c' } })
  })
})

describe('a request about a task by token', () => {
  const tokens: CallMiddleware = {
    name: 'tokens',
    admit: (request) => {
      const budget = `default/${request.auth?.clientId ?? 'nobody'}`
      return { ...request, principal: { tenant: 'default', budget } } as never
    },
  }

  test('is of the budget of the token, which a step of its own says [T32]', async () => {
    const gate = gateOn({ side: 'server', outer: [tokens] })
    await gate.answer(await gate.call({}, EXTENSION.meta, as('a')), EXTENSION.created('t1'))
    const own = await gate.request('tasks/get', { taskId: 't1' }, as('a'))
    expect(gate.reached().at(-1)).toMatchObject({ id: own })
    const other = await gate.request('tasks/get', { taskId: 't1' }, as('b'))
    expect(gate.answerTo(other)).toMatchObject({ error: { data: { reason: 'unknown_task' } } })
  })
})

describe('a request about a task whose store', () => {
  test('is out of reach is refused [T32]', async () => {
    const gate = await server(LEGACY)
    Object.assign(gate.tasks, {
      find: () => {
        throw new Error('out of reach')
      },
    })
    const id = await gate.request('tasks/get', { taskId: 't1' }, as('alice'))
    expect(gate.answerTo(id)).toMatchObject({ error: { code: -32603, data: { error: 'budget_unavailable' } } })
  })

  test('answers later passes when it has, and not when it was cancelled meanwhile', async () => {
    const gate = await server(LEGACY)
    const find = gate.tasks.find.bind(gate.tasks)
    Object.assign(gate.tasks, { find: async (name: never) => find(name) })
    const passed = await gate.request('tasks/get', { taskId: 't1' }, as('alice'))
    expect(gate.reached().at(-1)).toMatchObject({ id: passed })
    gate.wire.receive({ jsonrpc: '2.0', id: 'x', method: 'tasks/get', params: { taskId: 't1' } }, as('alice'))
    await gate.fromClient({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'x' } })
    expect(gate.reached().some(({ id }) => id === 'x')).toBe(false)
  })
})
