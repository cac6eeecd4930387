import { attenuate } from 'mcp-budget/delegation'
import { InMemoryTaskStore, withTaskTracking } from 'mcp-budget'
import { describe, expect, test } from 'vitest'
import { full, tokenSeat } from '../../support/attacked-seat.js'
import { EXTENSION, LEGACY } from '../../support/tasks.js'
import { expectNoUnhandledRejection } from '../../support/unhandled.js'
import { tokenOf } from '../../support/tokens.js'

const METHODS = ['tasks/get', 'tasks/result', 'tasks/cancel', 'tasks/update'] as const

/** A seat that takes tokens and tracks tasks. */
function taskSeat(options: Parameters<typeof tokenSeat>[0] = {}) {
  const seat = tokenSeat({
    ...options,
    priced: (clock) => [withTaskTracking({ tasks: new InMemoryTaskStore({ clock }), clock })],
  })
  /** The request reached the server. */
  const reaches = async (method: string, taskId: string, token?: string): Promise<boolean> => {
    const before = seat.ran.length
    await seat.ask(method, { taskId }, token)
    return seat.ran.length > before
  }
  const start = async (token: string, taskId = 't1', generation = LEGACY): Promise<void> => {
    await seat.call(token)
    await seat.answer(generation.created(taskId))
  }
  const child = async (token: string, params: object = {}) =>
    (await seat.ask('budget/delegate', { budget: 30, ...params }, token)).result as {
      token: string
      budgetId: string
      tokenId: string
    }
  const balance = (budget: string) => {
    const { available, held, spent, debt, state } = seat.memory.describe(budget)
    return { available, held, spent, debt, state }
  }
  return { ...seat, reaches, start, child, balance }
}

expectNoUnhandledRejection()

describe.each(METHODS)('%s', (method) => {
  test('finds the task of a token for that token and a copy that is narrowed [T32]', async () => {
    const seat = taskSeat()
    await seat.start(full())
    expect(await seat.reaches(method, 't1', full())).toBe(true)
    expect(await seat.reaches(method, 't1', attenuate(full(), { calls: 3 }))).toBe(true)
  })

  test('finds no task for a token that names the budget of another [T07, T32]', async () => {
    const seat = taskSeat()
    const { token, budgetId } = await seat.child(full())
    await seat.start(token)
    const forged = full('calls=5/abcdef', `budget=${budgetId.slice('acme/'.length)}`)
    expect(await seat.reaches(method, 't1', forged)).toBe(false)
    expect(await seat.reaches(method, 't1', token)).toBe(true)
  })

  test('finds no task of a sibling, a child or a parent [T32]', async () => {
    const seat = taskSeat()
    const [one, two] = [await seat.child(full()), await seat.child(full())]
    await seat.start(one.token, 'one')
    await seat.start(full(), 'parent')
    for (const [task, token] of [
      ['one', two.token],
      ['one', full()],
      ['parent', one.token],
    ] as const)
      expect(await seat.reaches(method, task, token)).toBe(false)
  })

  test('finds no task for a token that was revoked [T10, T32]', async () => {
    const seat = taskSeat()
    const narrowed = attenuate(full(), { calls: 9 })
    await seat.start(narrowed)
    await seat.ask('budget/revoke', { token: narrowed }, full())
    expect((await seat.call(narrowed)).error.data).toMatchObject({ error: 'unauthorized' })
    expect(await seat.reaches(method, 't1', narrowed)).toBe(false)
    expect(await seat.reaches(method, 't1', full())).toBe(true)
  })

  test('finds no task for a token that may only ask for a balance [T32]', async () => {
    const seat = taskSeat()
    await seat.start(full())
    expect(await seat.reaches(method, 't1', tokenOf(['ops=balance']))).toBe(false)
  })
})

test('tasks/list shows nothing to a token that names the budget of another [T07, T32]', async () => {
  const seat = taskSeat()
  const { token, budgetId } = await seat.child(full())
  await seat.start(token)
  const id = await seat.ask('tasks/list', {}, full('calls=5/abcdef', `budget=${budgetId.slice('acme/'.length)}`))
  if (id === undefined) await seat.answer({ tasks: [LEGACY.status('t1', 'working')] })
  expect(JSON.stringify(seat.wire.messages.at(-1))).not.toContain('t1')
})

describe.each([LEGACY, EXTENSION])('a $era task of a delegated budget', (generation) => {
  const complete = (seat: ReturnType<typeof taskSeat>) =>
    (seat.transport as any).send({ jsonrpc: '2.0', ...generation.over('t1', { content: [] }) })

  test('is paid though the budget is closed while it runs [T29, I1]', async () => {
    const seat = taskSeat()
    const { token, budgetId } = await seat.child(full())
    await seat.start(token, 't1', generation)
    await seat.ask('budget/close', { budget: budgetId }, full())
    await complete(seat)
    await seat.clock.advanceAsync(900_000)
    const [own, root] = [seat.balance(budgetId), seat.balance('acme/agent-1')]
    expect({ spent: own.spent + root.spent, held: own.held + root.held, left: root.available }).toEqual({
      spent: 5,
      held: 0,
      left: 95,
    })
  })

  test('is paid though its token is revoked while it runs [T10, T29]', async () => {
    const seat = taskSeat()
    const { token, budgetId } = await seat.child(full())
    await seat.start(token, 't1', generation)
    await seat.ask('budget/revoke', { token }, full())
    await complete(seat)
    await seat.clock.advanceAsync(900_000)
    const [own, root] = [seat.balance(budgetId), seat.balance('acme/agent-1')]
    expect({ spent: own.spent + root.spent, held: own.held + root.held }).toEqual({ spent: 5, held: 0 })
  })
})
