import { digest, WINDOW_MS, type TaskSubject } from './subject.js'
import { expectMatch, expectSame } from '../conformance/check.js'
import { TASK_LIMITS } from '../../tasks/task-store.js'
import { taskRule, type TaskRule } from './rule.js'
import type { AttemptKey, BeginRequest, Failure } from '../../tasks/task-store.js'

const FAILURE: Failure = { operationId: 'op', attempt: 1, discounts: 0, paid: true }
const KEY: AttemptKey = { key: 'key-1', digest: digest('d') }

async function failed(c: TaskSubject, more: Partial<BeginRequest> = {}): Promise<BeginRequest> {
  const attempt = c.begin(more)
  await c.begun(attempt)
  await c.store.finish(c.finish(attempt))
  return attempt
}

/** Failures that earn a discount. */
export const FAILURES: readonly TaskRule[] = [
  taskRule('an attempt without an earlier failure follows nothing [T27]', async (c) => {
    expectSame(await c.begun(c.begin()), undefined, 'after')
  }),
  taskRule('a failure is consumed by exactly one later attempt [T27]', async (c) => {
    await failed(c)
    expectSame(await c.begun(c.begin()), FAILURE, 'the second attempt')
    expectSame(await c.begun(c.begin()), undefined, 'the third attempt')
  }),
  taskRule('of many attempts at once exactly one consumes the failure [T27]', async (c) => {
    await failed(c)
    const answers = await Promise.all(Array.from({ length: 16 }, async () => c.begun(c.begin())))
    expectSame(answers.filter((after) => after !== undefined).length, 1, 'attempts that follow the failure')
  }),
  taskRule('the same attempt again gets the first answer', async (c) => {
    await failed(c)
    const retry = c.begin()
    expectSame(await c.begun(retry), FAILURE, 'first')
    expectSame(await c.begun(retry), FAILURE, 'again')
    expectSame(await c.begun({ ...retry, again: true }), FAILURE, 'a later round')
  }),
  taskRule('a later round of an attempt consumes nothing new [T27]', async (c) => {
    const first = c.begin()
    await c.begun(first)
    await failed(c)
    expectSame(await c.begun({ ...first, again: true }), undefined, 'the later round')
    expectSame(await c.begun(c.begin()), FAILURE, 'the next attempt')
  }),
  taskRule('a failure is noted once for each charge', async (c) => {
    const attempt = await failed(c)
    await c.store.finish(c.finish(attempt))
    expectSame(await c.begun(c.begin()), FAILURE, 'one')
    expectSame(await c.begun(c.begin()), undefined, 'and no second')
  }),
  taskRule('a failure that was consumed is not noted again [T27]', async (c) => {
    const attempt = await failed(c)
    await c.begun(c.begin())
    await c.store.finish(c.finish(attempt))
    expectSame(await c.begun(c.begin()), undefined, 'after')
  }),
  taskRule('an attempt that did not run gives back the failure that it consumed', async (c) => {
    await failed(c)
    const refused = c.begin()
    expectSame(await c.begun(refused), FAILURE, 'consumed')
    await c.store.finish(c.finish(refused, { end: 'not-run', failure: undefined }))
    expectSame(await c.begun(c.begin()), FAILURE, 'given back')
  }),
  taskRule('an attempt that ran leaves no failure', async (c) => {
    const attempt = c.begin()
    await c.store.finish(c.finish(attempt, { end: 'ran', failure: undefined }))
    expectSame(await c.begun(c.begin()), undefined, 'after')
  }),
  taskRule('operations are kept apart [T32]', async (c) => {
    await failed(c)
    expectSame(await c.begun(c.begin({ operation: digest('b') })), undefined, 'another operation')
  }),
  taskRule('of several failures the last that was noted is consumed first', async (c) => {
    for (const attempt of [1, 2]) {
      const request = c.begin()
      await c.store.finish(c.finish(request, { failure: { ...FAILURE, attempt } }))
    }
    expectMatch(await c.begun(c.begin()), { attempt: 2 }, 'first')
    expectMatch(await c.begun(c.begin()), { attempt: 1 }, 'then')
  }),
  taskRule('a failure counts until its window is over, and then no more', async (c) => {
    await failed(c)
    await failed(c, { operation: digest('b') })
    await c.clock.advance(WINDOW_MS - 1_000)
    expectSame(await c.begun(c.begin()), FAILURE, 'inside')
    await c.clock.advance(2_000)
    expectSame(await c.begun(c.begin({ operation: digest('b') })), undefined, 'outside')
  }),
  taskRule(`no more than ${TASK_LIMITS.failures} failures of one operation are noted`, async (c) => {
    const attempts = Array.from({ length: TASK_LIMITS.failures + 5 }, () => c.begin())
    for (const attempt of attempts) await c.store.finish(c.finish(attempt))
    let consumed = 0
    for (const _ of attempts) if ((await c.begun(c.begin())) !== undefined) consumed++
    expectSame(consumed, TASK_LIMITS.failures, 'failures that were consumed')
  }),
]

/** Idempotency keys. */
export const KEYS: readonly TaskRule[] = [
  taskRule('a second attempt with an open key is in_flight [L-P7]', async (c) => {
    await c.begun(c.begin({ key: KEY }))
    expectMatch(await c.store.begin(c.begin({ key: KEY })), { kind: 'refused', reason: 'in_flight' }, 'begin')
  }),
  taskRule('of many attempts with one key exactly one begins [L-P7]', async (c) => {
    const answers = await Promise.all(Array.from({ length: 16 }, async () => c.store.begin(c.begin({ key: KEY }))))
    expectSame(answers.filter(({ kind }) => kind === 'begun').length, 1, 'attempts that began')
  }),
  taskRule('after an attempt that ran, its key is already_ran [L-P7]', async (c) => {
    const first = c.begin({ key: KEY })
    await c.begun(first)
    await c.store.finish(c.finish(first, { end: 'ran', failure: undefined }))
    expectMatch(await c.store.begin(c.begin({ key: KEY })), { kind: 'refused', reason: 'already_ran' }, 'begin')
  }),
  ...(['failed', 'not-run'] as const).map((end) =>
    taskRule(`after an attempt that ended as ${end}, its key serves the next`, async (c) => {
      const first = c.begin({ key: KEY })
      await c.begun(first)
      await c.store.finish(c.finish(first, { end }))
      await c.begun(c.begin({ key: KEY }))
      expectMatch(await c.store.begin(c.begin({ key: KEY })), { reason: 'in_flight' }, 'a third')
    }),
  ),
  taskRule('a key with another digest is a mismatch, whatever became of the first', async (c) => {
    const other = { ...KEY, digest: digest('e') }
    const first = c.begin({ key: KEY })
    await c.begun(first)
    const mismatch = { kind: 'refused', reason: 'idempotency_mismatch' }
    expectMatch(await c.store.begin(c.begin({ key: other })), mismatch, 'while it is open')
    await c.store.finish(c.finish(first))
    expectMatch(await c.store.begin(c.begin({ key: other })), mismatch, 'when it has failed')
  }),
  taskRule('an attempt that is refused for its key consumes no failure', async (c) => {
    await c.begun(c.begin({ key: KEY }))
    await failed(c)
    await c.store.begin(c.begin({ key: KEY }))
    expectSame(await c.begun(c.begin()), FAILURE, 'after')
  }),
  taskRule('keys of two principals are two keys [T32]', async (c) => {
    await c.begun(c.begin({ key: KEY }))
    await c.begun(c.begin({ key: { ...KEY, digest: digest('e') }, principal: 'default/other' }))
  }),
  taskRule('an open key of which nothing more is heard serves the next attempt', async (c) => {
    await c.begun(c.begin({ key: KEY, openMs: 10_000 }))
    await c.clock.advance(11_000)
    await c.begun(c.begin({ key: KEY }))
  }),
  taskRule('the same attempt again keeps its key open', async (c) => {
    const first = c.begin({ key: KEY, openMs: 10_000 })
    await c.begun(first)
    await c.clock.advance(6_000)
    await c.begun({ ...first, again: true })
    await c.clock.advance(6_000)
    expectMatch(await c.store.begin(c.begin({ key: KEY })), { reason: 'in_flight' }, 'begin')
  }),
  taskRule('a task keeps the key of its attempt open for as long as it may live', async (c) => {
    const first = c.begin({ key: KEY, openMs: 10_000 })
    await c.begun(first)
    await c.bound({ holdId: first.chargeId, key: KEY, lifeMs: 60_000 })
    await c.clock.advance(30_000)
    expectMatch(await c.store.begin(c.begin({ key: KEY })), { reason: 'in_flight' }, 'begin')
  }),
  taskRule('an attempt that took over a key is not undone by the end of the one before', async (c) => {
    const first = c.begin({ key: KEY, openMs: 10_000 })
    await c.begun(first)
    await c.clock.advance(11_000)
    await c.begun(c.begin({ key: KEY }))
    await c.store.finish(c.finish(first))
    expectMatch(await c.store.begin(c.begin({ key: KEY })), { reason: 'in_flight' }, 'begin')
  }),
  taskRule('a key is kept for a day, and then free', async (c) => {
    const first = c.begin({ key: KEY })
    await c.begun(first)
    await c.store.finish(c.finish(first, { end: 'ran', failure: undefined }))
    await c.clock.advance(TASK_LIMITS.keyMs - 1_000)
    expectMatch(await c.store.begin(c.begin({ key: KEY })), { reason: 'already_ran' }, 'inside')
    await c.clock.advance(2_000)
    await c.begun(c.begin({ key: { ...KEY, digest: digest('e') } }))
  }),
]
