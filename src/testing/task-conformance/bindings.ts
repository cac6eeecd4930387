import { digest, LEASE_MS, type TaskSubject } from './subject.js'
import { expectMatch, expectSame, expectThat } from '../conformance/check.js'
import { taskRule, type TaskRule } from './rule.js'
import type { AmendRequest, TaskStore } from '../../tasks/task-store.js'

/** Tasks and the holds that pay for them. */
export const BINDINGS: readonly TaskRule[] = [
  taskRule('a task that nobody bound is not found', async (c) => {
    expectSame((await c.store.find({ upstream: 'studio', taskId: 'task-1' })).length, 0, 'found')
  }),
  taskRule('a bound task is found by its name, with all that was bound', async (c) => {
    const { holdId } = await c.bound({ data: { tool: 'draw', lines: [{ budget: 'a', amount: 2 ** 53 - 1 }] } })
    const now = c.clock.now()
    const found = await c.store.find({ upstream: 'studio', taskId: 'task-1' })
    expectSame(found.length, 1, 'found')
    const data = { tool: 'draw', lines: [{ budget: 'a', amount: 2 ** 53 - 1 }] }
    expectMatch(found[0], { principal: 'default/main', holdId, data, state: 'open', seen: undefined }, 'binding')
    const { boundAt = 0, dueAt = 0 } = found[0] ?? {}
    expectSame(dueAt - boundAt, 300_000, 'its life')
    expectThat(Math.abs(boundAt - now) < 5_000, 'boundAt is on the clock of the store')
  }),
  taskRule('the same hold again is bound once', async (c) => {
    const bound = await c.bound()
    expectMatch(await c.store.bind(bound), { kind: 'bound' }, 'again')
    await c.expectDue([], 1)
  }),
  taskRule('a name that another hold has is taken until that has ended', async (c) => {
    const first = await c.bound()
    const second = c.binding()
    expectMatch(await c.store.bind(second), { kind: 'taken' }, 'while it is open')
    await c.expect(first, { holdId: first.holdId })
    await c.ended(first, 'completed')
    expectMatch(await c.store.bind(second), { kind: 'bound' }, 'when it has ended')
    await c.expect(second, { holdId: second.holdId, state: 'open', end: undefined })
    await c.expectDue([], 1)
  }),
  taskRule('tasks of two upstreams with one id are two tasks [T32, L-S43]', async (c) => {
    const one = await c.bound()
    const two = await c.bound({ upstream: 'other' })
    await c.ended(one, 'completed')
    await c.expect(one, { state: 'ended' })
    await c.expect(two, { state: 'open' })
  }),
  taskRule('tasks of two principals with one id are two tasks [T32]', async (c) => {
    const one = await c.bound()
    const two = await c.bound({ principal: 'default/other' })
    expectSame((await c.store.find(one)).length, 2, 'found')
    await c.ended(two, 'failed')
    await c.expect(one, { state: 'open' })
    await c.expect(two, { state: 'ended' })
  }),
  taskRule('names that would meet if they were joined by a separator are kept apart [T38]', async (c) => {
    const names = [
      { upstream: 'a', taskId: 'b:c' },
      { upstream: 'a:b', taskId: 'c' },
      { upstream: '', taskId: 'a:b:c' },
      { upstream: '__proto__', taskId: 'constructor' },
      { upstream: "'; --", taskId: '{}' },
    ]
    for (const name of names) await c.bound(name)
    for (const name of names) expectSame((await c.store.find(name)).length, 1, JSON.stringify(name))
  }),
  taskRule('an amendment changes what is open, and nothing else', async (c) => {
    const bound = await c.bound({ lifeMs: 100_000 })
    const { upstream, principal, taskId, holdId } = bound
    const amend = async (change: Partial<AmendRequest>): Promise<number | undefined> => {
      const { boundAt, dueAt } = (await c.store.amend({ upstream, principal, taskId, holdId, ...change })) ?? {}
      return dueAt === undefined ? undefined : dueAt - (boundAt ?? 0)
    }
    expectSame(await amend({ lifeMs: 200_000 }), 200_000, 'a longer life')
    expectSame(await amend({ lifeMs: 50_000 }), 200_000, 'a shorter life')
    const sooner = (await amend({ withinMs: 60_000, seen: 'cancelled' })) ?? 0
    expectThat(sooner >= 60_000 && sooner < 70_000, `sooner: wanted about 60000, got ${sooner}`)
    expectSame(await amend({ withinMs: 90_000 }), sooner, 'never later')
    await c.expect(bound, { seen: 'cancelled' })
    expectSame(await amend({ holdId: c.charge(), lifeMs: 1 }), undefined, 'another hold')
    await c.ended(bound, 'cancelled')
    expectSame(await amend({ lifeMs: 900_000 }), undefined, 'one that ended')
  }),
]

/** How tasks end. */
export const TASK_ENDS: readonly TaskRule[] = [
  taskRule('an end is claimed by one of many, and with what it saw [I4]', async (c) => {
    const bound = await c.bound()
    const ends = (['completed', 'failed', 'cancelled', 'expired'] as const).flatMap((as) => [as, as, as])
    const answers = await Promise.all(ends.map(async (as) => c.store.end(c.end(bound, as))))
    const claimed = answers.filter(({ kind }) => kind === 'claimed')
    expectSame(claimed.length, 1, 'claims')
    const as = ends[answers.findIndex(({ kind }) => kind === 'claimed')]
    await c.expect(bound, { state: 'ending', end: { as: as ?? 'failed', late: false, data: { said: as } } })
  }),
  taskRule('a task that ended is over, whatever comes later [I4]', async (c) => {
    for (const as of ['completed', 'failed', 'cancelled', 'expired'] as const) {
      const bound = await c.bound({ taskId: `task-${as}` })
      await c.ended(bound, as)
      for (const later of ['completed', 'failed', 'cancelled', 'expired'] as const)
        expectSame(await c.store.end(c.end(bound, later)), { kind: 'over' }, `${later} after ${as}`)
    }
  }),
  taskRule('an end that comes late counts once where the hold was given back', async (c) => {
    const bound = await c.bound()
    await c.ended(bound, 'expired', true)
    expectSame(await c.store.end(c.end(bound, 'expired')), { kind: 'over' }, 'expired again')
    expectSame(await c.store.end(c.end(bound, 'cancelled')), { kind: 'over' }, 'cancelled')
    const late = await c.store.end(c.end(bound, 'completed'))
    expectMatch(late, { kind: 'claimed', binding: { end: { as: 'completed', late: true } } }, 'late')
    expectSame(await c.store.end(c.end(bound, 'completed')), { kind: 'over' }, 'while it is claimed')
    const attempt = c.begin({ chargeId: bound.holdId })
    await c.store.finish(c.finish(attempt, { end: 'ran', task: bound }))
    expectSame(await c.store.end(c.end(bound, 'completed')), { kind: 'over' }, 'again')
    await c.expectDue([], 0)
  }),
  taskRule('an end of a task that is unknown, or of another hold, is over', async (c) => {
    expectSame(await c.store.end(c.end(c.binding())), { kind: 'over' }, 'unknown')
    const bound = await c.bound()
    expectSame(await c.store.end(c.end({ ...bound, holdId: c.charge() })), { kind: 'over' }, 'another hold')
    await c.expect(bound, { state: 'open' })
  }),
  taskRule('a claim that nobody finishes is due again, and goes on with what was first seen', async (c) => {
    const bound = await c.bound()
    await c.store.end(c.end(bound, 'completed'))
    await c.expectDue([], 1)
    await c.clock.advance(LEASE_MS + 1_000)
    await c.expectDue(['task-1'], 1)
    const again = await c.store.end(c.end(bound, 'expired'))
    expectMatch(again, { kind: 'claimed', binding: { end: { as: 'completed', data: { said: 'completed' } } } }, 'again')
    expectSame(await c.store.end(c.end(bound, 'expired')), { kind: 'over' }, 'a third')
  }),
  taskRule('finishing an end notes the failure and closes the key in the same step', async (c) => {
    const key = { key: 'key-1', digest: digest('d') }
    const attempt = c.begin({ key })
    await c.begun(attempt)
    const bound = await c.bound({ holdId: attempt.chargeId, key })
    await c.store.end(c.end(bound, 'failed'))
    await c.store.finish(c.finish(attempt, { task: bound }))
    await c.expect(bound, { state: 'ended' })
    expectMatch(await c.begun(c.begin({ key })), { operationId: 'op', attempt: 1 }, 'the next attempt')
  }),
  taskRule('a finish without a claim leaves the task open', async (c) => {
    const bound = await c.bound()
    await c.store.finish(c.finish(c.begin({ chargeId: bound.holdId }), { task: bound }))
    await c.expect(bound, { state: 'open' })
  }),
]

/** Tasks whose time is up. */
export const DUE: readonly TaskRule[] = [
  taskRule('a task is due when its life is over, and not before', async (c) => {
    await c.bound({ taskId: 'late', lifeMs: 200_000 })
    await c.bound({ taskId: 'soon', lifeMs: 100_000 })
    await c.expectDue([], 2)
    await c.clock.advance(99_000)
    await c.expectDue([], 2)
    await c.clock.advance(2_000)
    await c.expectDue(['soon'], 2)
    await c.clock.advance(100_000)
    await c.expectDue(['soon', 'late'], 2)
  }),
  taskRule('what is due stays so until it has ended', async (c) => {
    const bound = await c.bound({ lifeMs: 1_000 })
    await c.clock.advance(2_000)
    await c.expectDue(['task-1'], 1)
    await c.expectDue(['task-1'], 1)
    await c.ended(bound, 'expired')
    await c.expectDue([], 0)
  }),
  taskRule('no more are answered than were asked for, the most overdue first', async (c) => {
    for (const n of [3, 1, 2]) await c.bound({ taskId: `task-${n}`, lifeMs: n * 10_000 })
    await c.clock.advance(40_000)
    const ids = (await c.store.due(2)).tasks.map(({ taskId }) => taskId)
    expectSame(ids, ['task-1', 'task-2'], 'due(2)')
  }),
  taskRule('a task that was amended is due when it was amended to', async (c) => {
    const bound = await c.bound({ lifeMs: 10_000 })
    await c.clock.advance(11_000)
    await c.store.amend({ ...bound, lifeMs: 60_000 })
    await c.expectDue([], 1)
    await c.store.amend({ ...bound, withinMs: 5_000 })
    await c.clock.advance(6_000)
    await c.expectDue(['task-1'], 1)
  }),
]

const WRONG: ReadonlyArray<readonly [string, (c: TaskSubject, store: TaskStore) => unknown]> = [
  ['a task’s id with a space', (c, store) => store.bind(c.binding({ taskId: 'a b' }))],
  ['a task’s id that is empty', (c, store) => store.bind(c.binding({ taskId: '' }))],
  ['a task’s id that is too long', (c, store) => store.bind(c.binding({ taskId: 'x'.repeat(129) }))],
  ['a task’s id that is no text', (_, store) => store.find({ upstream: '', taskId: 7 as never })],
  ['an upstream that is too long', (_, store) => store.find({ upstream: 'x'.repeat(257), taskId: 'a' })],
  ['a principal that is no budget', (c, store) => store.bind(c.binding({ principal: 'a b' }))],
  ['a life that is negative', (c, store) => store.bind(c.binding({ lifeMs: -1 }))],
  ['a life that is no number', (c, store) => store.bind(c.binding({ lifeMs: Number.NaN }))],
  ['a life of more than a day', (c, store) => store.bind(c.binding({ lifeMs: 86_400_001 }))],
  ['data that is too large', (c, store) => store.bind(c.binding({ data: { text: 'x'.repeat(20_000) } }))],
  ['an end that is none', (c, store) => store.end(c.end(c.binding(), 'working' as never))],
  ['an operation that is no digest', (c, store) => store.begin(c.begin({ operation: 'a' }))],
  ['a key that is no text', (c, store) => store.begin(c.begin({ key: { key: '\n', digest: digest('d') } }))],
  ['a key without a digest', (c, store) => store.begin(c.begin({ key: { key: 'a' } as never }))],
  [
    'an attempt of no number',
    (c, store) => {
      const failure = { operationId: 'op', attempt: 0, discounts: 0, paid: true }
      return store.finish(c.finish(c.begin(), { failure }))
    },
  ],
]

/** What no store takes. */
export const BORDER: readonly TaskRule[] = WRONG.map(([what, action]) =>
  taskRule(`${what} throws and changes nothing [T38]`, async (c) => {
    let thrown: unknown
    try {
      await action(c, c.store)
    } catch (error) {
      thrown = error
    }
    expectMatch(thrown, { code: 'invalid_request' }, what)
    await c.expectDue([], 0)
  }),
)
