import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InMemoryTaskStore, replay } from 'mcp-budget'
import { settle } from 'mcp-budget/testing'
import { EXTENSION, GENERATIONS, gateOn, LEGACY, startTask, type TestGate } from '../../support/tasks.js'

const DONE = { content: [] }
const WRONG = { content: [], isError: true }

describe.each(GENERATIONS)('evidence about a $era task', (generation) => {
  test('that comes before the answer that creates it is kept, and not lost', async () => {
    const gate = gateOn()
    const id = await gate.call()
    await gate.notify(generation.over('t1', DONE))
    expect(gate.balance()).toMatchObject({ held: 40 })
    await gate.answer(id, generation.created('t1'))
    expect(gate.balance()).toMatchObject({ held: 0, spent: 40 })
  })

  test('that comes long before a task of that name is forgotten', async () => {
    const gate = gateOn()
    await gate.notify(generation.over('t1', DONE))
    await gate.wait(60_000)
    expect(gate.clock.timers).toBeGreaterThanOrEqual(0)
    await gate.wait(30_000)
    expect(gate.clock.timers).toBe(0)
    await startTask(gate, generation)
    expect(gate.balance()).toMatchObject({ held: 40 })
  })

  test('of a task that nobody knows changes nothing', async () => {
    const gate = gateOn()
    await startTask(gate, generation)
    for (const status of ['completed', 'failed', 'cancelled', 'working'])
      await gate.notify(generation.notification('other', status))
    expect(gate.balance()).toMatchObject({ held: 40, spent: 0 })
  })

  test('that makes no sense changes nothing and harms nobody', async () => {
    const gate = gateOn()
    await startTask(gate, generation)
    const { method } = generation.notification('t1', 'working')
    const odd = [
      undefined,
      null,
      7,
      't1',
      [],
      {},
      { taskId: 7, status: 'completed' },
      { taskId: 't1' },
      { taskId: 't1', status: 7 },
    ]
    for (const params of odd) await gate.notify({ method, params })
    for (const result of odd) await gate.answer(await gate.request('tasks/get', { taskId: 't1' }), result as object)
    await gate.notify({ method, params: { taskId: 't1', status: 'working', ttl: 'x', ttlMs: -5 } })
    expect(gate.balance()).toMatchObject({ held: 40, spent: 0 })
  })

  test('ends a task once that two gates hear it of, and that another process takes up', async () => {
    const one = gateOn()
    const { clock, enforcer, tasks, ledger } = one
    const two = gateOn({ clock, enforcer, tasks, ledger })
    await startTask(one, generation)
    await Promise.all([one, two, one, two].map((gate) => gate.notify(generation.over('t1', DONE))))
    expect(one.balance()).toMatchObject({ held: 0, spent: 40 })
    expect(one.records().filter(({ taskEnd }) => taskEnd !== undefined)).toHaveLength(1)
  })

  test('that the store of tasks could not take is dealt with when it can [I7]', async () => {
    const gate = gateOn()
    await startTask(gate, generation)
    const { find } = gate.tasks
    Object.assign(gate.tasks, {
      find: () => {
        throw new Error('out of reach')
      },
    })
    await gate.notify(generation.over('t1', DONE))
    expect(gate.balance()).toMatchObject({ held: 40 })
    Object.assign(gate.tasks, { find })
    await gate.wait(31_000)
    expect(gate.balance()).toMatchObject({ held: 0, spent: 40 })
  })

  test('that a process claimed and never dealt with is dealt with by another, as it was first seen [R1]', async () => {
    const gate = gateOn()
    await startTask(gate, generation)
    const { enforcer, clock, tasks, ledger } = gate
    const { capture } = enforcer
    // It dies between the claim and the charge.
    Object.assign(enforcer, { capture: () => new Promise(() => {}) })
    Object.assign(tasks, { finish: () => new Promise(() => {}) })
    await gate.notify(generation.over('t1', DONE))
    Object.assign(enforcer, { capture })
    delete (tasks as Partial<typeof tasks>).finish
    const other = gateOn({ clock, enforcer, tasks, ledger })
    await clock.advanceAsync(29_000)
    await other.tracking.sweep()
    await clock.advanceAsync(2_000)
    await other.tracking.sweep()
    await settle()
    expect(other.balance()).toMatchObject({ held: 0, spent: 40 })
    expect(other.records()).toMatchObject([
      { outcome: 'task' },
      { taskEnd: 'completed', charge: { charged: 40, end: 'captured' } },
    ])
  })
})

describe('the result of a task', () => {
  const prices = { costs: { render: { metered: { meta: 'cost' }, max: 40 } } }
  const cost = (credits: unknown) => ({ content: [], _meta: { cost: credits } })

  test.each(GENERATIONS)('says what a metered call costs, in $era, also to another process', async (generation) => {
    for (const [reported, charged] of [
      [7, 7],
      [90, 40],
      ['7', 40],
    ] as const) {
      const gate = gateOn({ prices })
      const { clock, enforcer, tasks } = gate
      await startTask(gate, generation)
      const other = gateOn({ clock, enforcer, tasks, prices })
      const [method, result] =
        generation.era === 'legacy'
          ? ['tasks/result', cost(reported)]
          : ['tasks/get', generation.status('t1', 'completed', { result: cost(reported) })]
      await other.answer(await other.request(method, { taskId: 't1' }), result)
      expect(other.balance()).toMatchObject({ spent: charged, held: 0 })
    }
  })

  test('is waited for where a price depends on it, and only its status is known', async () => {
    const gate = gateOn({ prices })
    await startTask(gate, LEGACY)
    await gate.notify(LEGACY.notification('t1', 'completed'))
    expect(gate.balance()).toMatchObject({ held: 40 })
    await gate.answer(await gate.request('tasks/result', { taskId: 't1' }), cost(7))
    expect(gate.balance()).toMatchObject({ held: 0, spent: 7 })
  })

  test('is waited for no longer than the grace: then all that was held is charged', async () => {
    const gate = gateOn({ prices })
    await startTask(gate, LEGACY)
    await gate.notify(LEGACY.notification('t1', 'completed'))
    await gate.wait(60_000)
    expect(gate.balance()).toMatchObject({ held: 0, spent: 40 })
    await gate.wait(31_000)
    expect(gate.records().at(-1)).toMatchObject({ taskEnd: 'completed', charge: { charged: 40 } })
  })

  test('is read by a function in the process that has it', async () => {
    const from = (result: { n?: unknown }) => result.n
    const gate = gateOn({ prices: { costs: { render: { metered: { from: from }, max: 40 } } } })
    await startTask(gate, EXTENSION)
    await gate.notify(EXTENSION.over('t1', { content: [], n: 9 }))
    expect(gate.balance()).toMatchObject({ spent: 9 })
  })
})

describe('a task that cannot be bound', () => {
  test('because there is no room is charged at once, and is still its owner’s', async () => {
    const gate = gateOn({ side: 'server', tasks: new InMemoryTaskStore({ maxTasks: 1 }) })
    await startTask(gate, EXTENSION, { taskId: 't1' })
    await startTask(gate, EXTENSION, { taskId: 't2' })
    expect(gate.balance()).toMatchObject({ held: 40, spent: 40 })
    const id = await gate.request('tasks/get', { taskId: 't2' })
    expect(gate.reached().at(-1)).toMatchObject({ id })
    await gate.answer(id, EXTENSION.status('t2', 'completed', { result: DONE }))
    expect(gate.balance()).toMatchObject({ held: 40, spent: 40 })
  })

  test('because two calls became the same task: the second is charged at once', async () => {
    const gate = gateOn()
    await startTask(gate, EXTENSION)
    await startTask(gate, EXTENSION)
    expect(gate.balance()).toMatchObject({ held: 40, spent: 40 })
    await gate.notify(EXTENSION.over('t1', DONE))
    expect(gate.balance()).toMatchObject({ held: 0, spent: 80 })
  })

  test('is one with an id that no store could keep, which is kept as its digest', async () => {
    const gate = gateOn({ side: 'server' })
    const taskId = `${'x'.repeat(5_000)} ü`
    await startTask(gate, EXTENSION, { taskId })
    const id = await gate.request('tasks/get', { taskId })
    await gate.answer(id, EXTENSION.status(taskId, 'completed', { result: DONE }))
    expect(gate.balance()).toMatchObject({ held: 0, spent: 40 })
    expect(gate.records().at(-1)?.taskId).toMatch(/^[0-9a-f]{64}$/)
  })
})

describe('shadow mode', () => {
  test('simulates tasks apart: neither budget, nor store of tasks, nor messages are touched [I19]', async () => {
    const tasks = new InMemoryTaskStore()
    const gate = gateOn({
      side: 'server',
      tasks,
      budget: { mode: 'shadow' },
      tracking: { retryCostMode: 'first-only' },
    })
    const simulated: unknown[] = []
    gate.events.on('simulated', ({ charge }) => simulated.push(charge?.charged))
    await startTask(gate, EXTENSION)
    await gate.notify(EXTENSION.over('t1', WRONG))
    await startTask(gate, EXTENSION, { taskId: 't2' })
    await gate.notify(EXTENSION.over('t2', DONE))
    await gate.request('tasks/get', { taskId: 'made-up' })
    expect(gate.reached().at(-1)).toMatchObject({ params: { taskId: 'made-up' } })
    expect(gate.balance()).toEqual({ available: 1_000, held: 0, spent: 0, debt: 0 })
    expect(tasks.size).toBe(0)
    expect(simulated).toEqual([40, 0])
  })
})

/** What may happen to one task; what it proves is what a model says. */
const HAPPENINGS = ['completed', 'failed', 'cancelled', 'working', 'gone', 'forged', 'wait', 'sweep', 'other'] as const

describe('duplicate, reordered, missing and forged evidence', () => {
  test('ends each hold once, and makes and loses no credit [I1, I4, T29, R1]', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...GENERATIONS),
        fc.array(fc.tuple(fc.constantFrom(...HAPPENINGS), fc.nat(1), fc.nat(2)), { maxLength: 14 }),
        fc.constantFrom('capture' as const, 'release' as const),
        fc.constantFrom('capture' as const, 'release' as const),
        async (generation, happenings, onTaskFailure, onTaskExpiry) => {
          const tracking = { onTaskFailure, onTaskExpiry, retryCostMode: 'first-only' } as const
          const one = gateOn({ tracking })
          const { clock, enforcer, tasks, ledger } = one
          const gates = [one, gateOn({ tracking, clock, enforcer, tasks, ledger })]
          enforcer.initialize('other', 1_000)
          const other = gateOn({ tracking, clock, enforcer, tasks, ledger, budget: { budget: 'other' } })
          await startTask(other, generation)
          for (const n of [0, 1, 2]) await startTask(one, generation, { taskId: `x${n}`, params: { arguments: { n } } })
          const seen = [new Set<string>(), new Set<string>(), new Set<string>()]
          for (const [what, at, n] of happenings) {
            const gate = gates[at] as TestGate
            const taskId = `x${n}`
            if (what === 'wait') await gate.wait(200_000)
            else if (what === 'sweep') await gate.tracking.sweep()
            else if (what === 'other') await other.notify(generation.over(taskId, DONE))
            else if (what === 'forged') await gate.fromClient({ jsonrpc: '2.0', ...generation.over(taskId, WRONG) })
            else if (what === 'gone') await gate.fail(await gate.request('tasks/get', { taskId }), -32602)
            else if (what === 'completed') await gate.notify(generation.over(taskId, DONE))
            else if (what === 'failed') await gate.notify(generation.over(taskId, WRONG))
            else await gate.notify(generation.notification(taskId, what))
            seen[n]?.add(what)
            const { available, held, spent, debt } = gate.balance()
            expect(available + held + spent - debt).toBe(1_000)
          }
          await one.wait(2_000_000)
          await one.tracking.sweep()
          const { held, spent, debt } = one.balance()
          expect({ held, debt, openHolds: enforcer.describe('a').openHolds }).toEqual({
            held: 0,
            debt: 0,
            openHolds: 0,
          })
          // What completed at any time is paid for, unless it had failed, which may have given it back.
          const completed = seen.filter((each) => each.has('completed') && !each.has('failed'))
          expect(spent).toBeGreaterThanOrEqual(completed.length * 40)
          expect(spent).toBeLessThanOrEqual(120)
          expect(spent % 40).toBe(0)
          expect(replay(ledger.entries()).get('default/a')).toMatchObject({ held: 0, spent })
          const untouched = onTaskExpiry === 'capture' ? 40 : 0
          expect(one.balance('other')).toMatchObject({ held: 0, spent: untouched })
        },
      ),
      { numRuns: 40 },
    )
  })
})
