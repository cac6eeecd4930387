import { describe, expect, test } from 'vitest'
import { callDigest, InMemoryTaskStore } from 'mcp-budget'
import { FakeClock } from 'mcp-budget/testing'
import { GENERATIONS, gateOn, startTask, type TestGate } from '../../support/tasks.js'

const KEY = 'dev.mcp-budget/idempotency-key'
const KEYED = { [KEY]: 'order-4711' }
const DONE = { content: [] }
const WRONG = { content: [], isError: true }

const refusalOf = (gate: TestGate, id: number): unknown => gate.answerTo(id)?.error?.data

describe.each(['client', 'server'] as const)('at a seat of a %s, an idempotency key', (side) => {
  test('of a call that is under way refuses the second, which may come again [L-P7]', async () => {
    const gate = gateOn({ side })
    await gate.call({}, KEYED)
    const second = await gate.call({}, KEYED)
    expect(refusalOf(gate, second)).toMatchObject({ error: 'duplicate_request', reason: 'in_flight', retryable: true })
    expect(gate.balance()).toMatchObject({ held: 40, spent: 0 })
  })

  test('of a call that ran refuses the second, which is not run again and costs nothing [L-P7]', async () => {
    const gate = gateOn({ side })
    await gate.answer(await gate.call({}, KEYED), DONE)
    const second = await gate.call({}, KEYED)
    expect(refusalOf(gate, second)).toMatchObject({
      error: 'duplicate_request',
      reason: 'already_ran',
      retryable: false,
    })
    expect(gate.balance()).toMatchObject({ held: 0, spent: 40 })
    expect(gate.reached().filter(({ method }) => method === 'tools/call')).toHaveLength(1)
  })

  test('of a call that failed serves the next attempt, at the price of a retry', async () => {
    const gate = gateOn({ side, tracking: { retryCostMode: 'first-only' } })
    await gate.answer(await gate.call({}, KEYED), WRONG)
    await gate.answer(await gate.call({}, KEYED), DONE)
    expect(gate.balance()).toMatchObject({ spent: 40 })
    expect(gate.records().map(({ attempt }) => attempt)).toEqual([1, 2])
  })

  test('of a call that did not run, or was refused, serves the next', async () => {
    const gate = gateOn({ side, credits: 39 })
    expect(refusalOf(gate, await gate.call({}, KEYED))).toMatchObject({ error: 'budget_exhausted' })
    gate.enforcer.grant({ id: 'more', budget: 'a', amount: 100 })
    await gate.wait(1_000)
    await gate.fail(await gate.call({}, KEYED), -32601)
    await gate.answer(await gate.call({}, KEYED), DONE)
    expect(gate.balance()).toMatchObject({ spent: 40 })
  })

  test('with another call is a mismatch', async () => {
    const gate = gateOn({ side })
    await gate.answer(await gate.call({}, KEYED), WRONG)
    for (const more of [{ arguments: { q: 'y' } }, { name: 'draw' }]) {
      expect(refusalOf(gate, await gate.call(more, KEYED))).toMatchObject({ error: 'idempotency_mismatch' })
    }
  })

  test('is read in params.idempotencyKey too, and the message goes on as it came', async () => {
    const gate = gateOn({ side })
    await gate.answer(await gate.call({ idempotencyKey: 'order-4711' }), DONE)
    expect(gate.reached().at(-1).params).toMatchObject({ idempotencyKey: 'order-4711', _meta: {} })
    expect(gate.reached().at(-1).params._meta).toEqual({})
    expect(refusalOf(gate, await gate.call({}, KEYED))).toMatchObject({ reason: 'already_ran' })
  })

  test('that is none is refused', async () => {
    const gate = gateOn({ side })
    for (const key of ['', 'a b', 'ü', 'x'.repeat(129), 7, null])
      expect(refusalOf(gate, await gate.call({}, { [KEY]: key }))).toMatchObject({ reason: 'invalid_key' })
    expect(gate.balance()).toMatchObject({ held: 0, spent: 0 })
  })
})

describe.each(GENERATIONS)('the key of a $era task', (generation) => {
  const params = { _meta: KEYED }

  test('is open until its task has ended [L-P7]', async () => {
    const gate = gateOn()
    await startTask(gate, generation, { params })
    await gate.wait(630_000)
    expect(refusalOf(gate, await gate.call({}, KEYED))).toMatchObject({ reason: 'in_flight' })
    await gate.notify(generation.over('t1', DONE))
    expect(refusalOf(gate, await gate.call({}, KEYED))).toMatchObject({ reason: 'already_ran' })
  })

  test('serves the next attempt when its task has failed', async () => {
    const gate = gateOn({ tracking: { retryCostMode: 'first-only' } })
    await startTask(gate, generation, { params })
    await gate.notify(generation.over('t1', WRONG))
    await gate.answer(await gate.call({}, KEYED), DONE)
    expect(gate.balance()).toMatchObject({ spent: 40 })
  })
})

describe('an idempotency key', () => {
  test('of a call of which nothing more is heard serves the next attempt', async () => {
    const gate = gateOn()
    await gate.call({}, KEYED)
    gate.wire.onclose?.()
    const { clock, enforcer, tasks } = gate
    const other = gateOn({ clock, enforcer, tasks })
    await other.wait(600_000)
    await other.answer(await other.call({}, KEYED), DONE)
    expect(refusalOf(other, await other.call({}, KEYED))).toMatchObject({ reason: 'already_ran' })
  })

  test('stays open for as long as its call is pending', async () => {
    const gate = gateOn()
    await gate.call({}, KEYED)
    await gate.wait(1_500_000)
    expect(refusalOf(gate, await gate.call({}, KEYED))).toMatchObject({ reason: 'in_flight' })
  })

  test('of another budget is another key [T32]', async () => {
    const gate = gateOn()
    const { clock, enforcer, tasks } = gate
    enforcer.initialize('b', 100)
    await gate.answer(await gate.call({}, KEYED), DONE)
    const other = gateOn({ clock, enforcer, tasks, budget: { budget: 'b' } })
    await other.answer(await other.call({}, KEYED), DONE)
    expect(other.balance('b')).toMatchObject({ spent: 40 })
  })

  test('is not taken beyond 100,000 of one budget', async () => {
    const clock = new FakeClock()
    const tasks = new InMemoryTaskStore({ clock })
    const digest = await callDigest({ tool: 'render', args: { q: 'x' } })
    for (let n = 0; n < 100_000; n++) {
      const key = { key: `key-${n}`, digest }
      const about = { principal: 'default/a', operation: digest, again: false, openMs: 1 }
      tasks.begin({ chargeId: `charge-${n}`, key, ...about })
    }
    const gate = gateOn({ clock, tasks })
    expect(refusalOf(gate, await gate.call({}, KEYED))).toMatchObject({
      error: 'budget_unavailable',
      reason: 'keys_full',
      retryable: true,
    })
  })

  test('cannot be checked while the store of tasks is out of reach, and calls without one pay in full', async () => {
    const tasks = new InMemoryTaskStore()
    const broken = Object.assign(Object.create(tasks) as InMemoryTaskStore, {
      begin: () => {
        throw new Error('out of reach')
      },
    })
    for (const verb of ['finish', 'bind', 'find', 'amend', 'end', 'due'] as const)
      Object.assign(broken, { [verb]: (request: never) => tasks[verb](request) })
    const gate = gateOn({ tasks: broken, tracking: { retryCostMode: 'first-only' } })
    expect(refusalOf(gate, await gate.call({}, KEYED))).toMatchObject({ error: 'budget_unavailable' })
    for (let n = 0; n < 2; n++) await gate.answer(await gate.call(), WRONG)
    expect(gate.balance()).toMatchObject({ spent: 80 })
  })
})
