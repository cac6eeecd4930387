import { describe, expect, test } from 'vitest'
import { FakeClock, taskStoreConformance } from '../../../../src/testing/index.js'
import { InMemoryTaskStore } from '../../../../src/backends/memory/in-memory-task-store.js'
import { TASK_LIMITS } from '../../../../src/tasks/task-store.js'
import { TaskSubject, digest } from '../../../../src/testing/task-conformance/subject.js'

describe('InMemoryTaskStore keeps the contract of task stores:', () => {
  const cases = taskStoreConformance({ create: (clock) => new InMemoryTaskStore({ clock }) })
  test.each(cases)('$name', async (each) => each.run())
})

describe('InMemoryTaskStore is bounded [L-P23]:', () => {
  const subject = (maxTasks: number): TaskSubject => {
    const clock = new FakeClock()
    return new TaskSubject(new InMemoryTaskStore({ clock, maxTasks }), clock)
  }

  test('binds no more tasks than it has room for, and forgets none that is open', async () => {
    const c = subject(3)
    const bound = [await c.bound({ taskId: 'a' }), await c.bound({ taskId: 'b' }), await c.bound({ taskId: 'c' })]
    expect(await c.store.bind(c.binding({ taskId: 'd' }))).toEqual({ kind: 'full' })
    for (const each of bound) await c.expect(each, { state: 'open' })
  })

  test('forgets the task that ended first where it needs the room', async () => {
    const c = subject(3)
    const [a, b] = [await c.bound({ taskId: 'a' }), await c.bound({ taskId: 'b' }), await c.bound({ taskId: 'c' })]
    await c.ended(b, 'completed')
    await c.ended(a, 'completed')
    await c.bound({ taskId: 'd' })
    expect(await c.store.find(b)).toEqual([])
    await c.expect(a, { state: 'ended' })
  })

  test('forgets a task a day after it ended', async () => {
    const c = subject(100)
    await c.ended(await c.bound({ taskId: 'a' }), 'completed')
    await c.clock.advance(TASK_LIMITS.endedMs)
    await c.bound({ taskId: 'b' })
    expect((c.store as InMemoryTaskStore).size).toBe(2) // `b`, and the failure that the end of `a` noted
  })

  test('takes no key beyond 100,000 of one principal, and does for another', async () => {
    const c = subject(1)
    const key = (n: number) => ({ key: `key-${n}`, digest: digest('d') })
    for (let n = 0; n < TASK_LIMITS.keys; n++) await c.store.begin(c.begin({ key: key(n) }))
    expect(await c.store.begin(c.begin({ key: key(TASK_LIMITS.keys) }))).toEqual({ kind: 'refused', reason: 'full' })
    expect(await c.store.begin(c.begin({ key: key(7) }))).toEqual({ kind: 'refused', reason: 'in_flight' })
    const other = c.begin({ key: key(TASK_LIMITS.keys), principal: 'default/other' })
    expect(await c.store.begin(other)).toMatchObject({ kind: 'begun' })
    await c.clock.advance(TASK_LIMITS.keyMs)
    expect(await c.store.begin(c.begin({ key: key(0) }))).toMatchObject({ kind: 'begun' })
    expect((c.store as InMemoryTaskStore).size).toBe(1)
  })

  test('notes failures of no more than 100,000 operations, and forgets them when their window is over', async () => {
    const c = subject(1)
    const operation = (n: number): string => n.toString(16).padStart(64, '0')
    for (let n = 0; n < 100_010; n++) await c.store.finish(c.finish(c.begin({ operation: operation(n) })))
    expect((c.store as InMemoryTaskStore).size).toBe(100_000)
    expect(await c.begun(c.begin({ operation: operation(0) }))).toMatchObject({ attempt: 1 })
    await c.clock.advance(600_000)
    await c.store.finish(c.finish(c.begin({ operation: operation(0) })))
    expect((c.store as InMemoryTaskStore).size).toBe(1)
  })
})
