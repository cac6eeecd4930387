import { describe, expect, test } from 'vitest'
import { GENERATIONS, gateOn, startTask, type GateSetUp, type Generation, type TestGate } from '../../support/tasks.js'
import type { TaskTrackingOptions } from 'mcp-budget'

const CHARGED = { available: 960, held: 0, spent: 40, debt: 0 }
const RETURNED = { available: 1_000, held: 0, spent: 0, debt: 0 }
const HELD = { available: 960, held: 40, spent: 0, debt: 0 }
const DONE = { content: [{ type: 'text', text: 'done' }] }
const WRONG = { content: [{ type: 'text', text: 'useful all the same' }], isError: true }

/** Asks about the task, and lets the server answer. */
async function ask(gate: TestGate, method: string, result: object, params: object = {}): Promise<void> {
  await gate.answer(await gate.request(method, { taskId: 't1', ...params }), result)
}

interface Row {
  readonly name: string
  readonly tracking?: Partial<TaskTrackingOptions>
  readonly say: (gate: TestGate, generation: Generation) => Promise<void>
  readonly then: object
  readonly only?: 'legacy' | 'modern'
  /** What is then where it is not the same at a server's seat. */
  readonly atServer?: typeof HELD
}

const ENDS: readonly Row[] = [
  {
    name: 'a notification that it is completed captures [seed-000:hold-until-task-ends]',
    say: (gate, { over }) => gate.notify(over('t1', DONE)),
    then: CHARGED,
  },
  {
    name: 'tasks/get that says completed captures',
    say: (gate, { status }) => ask(gate, 'tasks/get', status('t1', 'completed', { result: DONE })),
    then: CHARGED,
  },
  { name: 'tasks/result captures', say: (gate) => ask(gate, 'tasks/result', DONE), then: CHARGED, only: 'legacy' },
  {
    name: 'tasks/list that says completed captures',
    say: (gate, { status }) => ask(gate, 'tasks/list', { tasks: [status('t1', 'completed')] }, { taskId: undefined }),
    then: CHARGED,
    only: 'legacy',
  },
  {
    name: 'a result with isError captures, whatever its status is called [T28]',
    say: (gate, { over }) => gate.notify(over('t1', WRONG)),
    then: CHARGED,
  },
  {
    name: 'a result with isError releases where onTaskFailure says so',
    tracking: { onTaskFailure: 'release' },
    say: (gate, { over }) => gate.notify(over('t1', WRONG)),
    then: RETURNED,
  },
  {
    name: 'the status failed captures',
    say: (gate, { status }) => ask(gate, 'tasks/get', status('t1', 'failed', { error: { code: -32000 } })),
    then: CHARGED,
  },
  {
    name: 'the error of the call itself, out of tasks/result, captures',
    say: async (gate) => gate.fail(await gate.request('tasks/result', { taskId: 't1' }), -32000),
    then: CHARGED,
    only: 'legacy',
  },
  {
    name: 'the status cancelled captures, for it proves not that work stopped [T29]',
    say: (gate, { status }) => ask(gate, 'tasks/cancel', status('t1', 'cancelled')),
    then: CHARGED,
  },
  {
    name: 'the status working holds on [seed-000:hold-until-task-ends]',
    say: (gate, { status }) => ask(gate, 'tasks/get', status('t1', 'working')),
    then: HELD,
  },
  {
    name: 'the status input_required holds on',
    say: (gate, { notification }) => gate.notify(notification('t1', 'input_required')),
    then: HELD,
  },
  {
    name: 'an answer to tasks/update holds on',
    say: (gate) => ask(gate, 'tasks/update', { resultType: 'complete' }, { inputResponses: {} }),
    then: HELD,
    only: 'modern',
  },
  {
    name: 'a status that nobody knows holds on',
    say: (gate, { notification }) => gate.notify(notification('t1', 'paused')),
    then: HELD,
  },
  {
    name: 'a task that the server has no more is given back',
    say: async (gate) => {
      await gate.fail(await gate.request('tasks/get', { taskId: 't1' }), -32602)
      await gate.wait(1)
    },
    then: RETURNED,
    // At a server's seat who asks can bring it about.
    atServer: HELD,
  },
  {
    name: 'a task that the server has no more captures where onTaskExpiry says so',
    tracking: { onTaskExpiry: 'capture' },
    say: async (gate) => gate.fail(await gate.request('tasks/get', { taskId: 't1' }), -32602),
    then: CHARGED,
    atServer: HELD,
  },
  {
    name: 'an error of another kind holds on',
    say: async (gate) => gate.fail(await gate.request('tasks/get', { taskId: 't1' }), -32603),
    then: HELD,
  },
  {
    name: 'an error of a request that asks for more than the task holds on [T29]',
    say: async (gate) => gate.fail(await gate.request('tasks/get', { taskId: 't1', odd: {} }), -32602),
    then: HELD,
  },
]

for (const generation of GENERATIONS) {
  const rows = ENDS.filter(({ only }) => only === undefined || only === generation.era)
  for (const side of ['client', 'server'] as const) {
    describe(`the hold of a ${generation.era} task, seen at a ${side}'s seat:`, () => {
      test.each(rows)('$name', async ({ tracking, say, then, atServer }) => {
        const gate = gateOn({ side, ...(tracking && { tracking }) })
        await startTask(gate, generation)
        expect(gate.balance()).toEqual(HELD)
        await say(gate, generation)
        expect(gate.balance()).toEqual(side === 'server' ? (atServer ?? then) : then)
      })
    })
  }

  describe(`the time of a ${generation.era} task:`, () => {
    const start = async (set: GateSetUp = {}, ttl: number | null = 600_000): Promise<TestGate> => {
      const gate = gateOn(set)
      await startTask(gate, generation, { ttl })
      return gate
    }

    test('its hold stays through its time and the grace, and comes back then by itself [T30, seed-000:release-on-expiry, seed-000:hold-aligned-with-ttl]', async () => {
      const { wait, balance } = await start()
      await wait(659_999)
      expect(balance()).toEqual(HELD)
      await wait(1)
      expect(balance()).toEqual(RETURNED)
    })

    test('its hold is charged then where onTaskExpiry says so', async () => {
      const { wait, balance } = await start({ tracking: { onTaskExpiry: 'capture' } })
      await wait(660_000)
      expect(balance()).toEqual(CHARGED)
    })

    test('the hold of one that lives for ever ends after maxHoldMs [T30]', async () => {
      const { wait, balance } = await start({ tracking: { maxHoldMs: 7_200_000 } }, null)
      await wait(7_199_999)
      expect(balance()).toEqual(HELD)
      await wait(1)
      expect(balance()).toEqual(RETURNED)
    })

    test('a completion inside the grace is charged as one in time [seed-000:grace-for-late-completion]', async () => {
      const { wait, balance, notify, records } = await start()
      await wait(630_000)
      await notify(generation.over('t1', DONE))
      expect(balance()).toEqual(CHARGED)
      expect(records().at(-1)).toMatchObject({ taskEnd: 'completed', late: false, charge: { charged: 40 } })
    })

    test('a completion after that is debited, and recorded as late [I7, seed-000:grace-for-late-completion]', async () => {
      const { wait, balance, notify, records } = await start()
      await wait(700_000)
      await notify(generation.over('t1', DONE))
      expect(balance()).toEqual(CHARGED)
      expect(records().map(({ taskEnd, late }) => [taskEnd, late])).toEqual([
        [undefined, undefined],
        ['expired', false],
        ['completed', true],
      ])
      await notify(generation.over('t1', DONE))
      expect(balance()).toEqual(CHARGED)
    })

    test('a completion hours after that is debited all the same, and what is not there is owed', async () => {
      const gate = await start({ credits: 40 })
      await gate.wait(700_000)
      await gate.enforcer.spend({ chargeId: 'all', budget: 'a', tool: 't', cost: 40 })
      for (let i = 0; i < 30; i++) {
        await gate.wait(900_000)
        await gate.answer(await gate.call({ name: 'free' }), DONE).catch(() => {})
      }
      await gate.notify(generation.over('t1', DONE))
      expect(gate.balance()).toMatchObject({ available: 0, spent: 80, debt: 40 })
    })

    test('a completion after that is only recorded where lateCompletion says so', async () => {
      const { wait, balance, notify, records } = await start({ tracking: { lateCompletion: 'record' } })
      await wait(700_000)
      await notify(generation.over('t1', DONE))
      expect(balance()).toEqual(RETURNED)
      expect(records().at(-1)).toMatchObject({ taskEnd: 'completed', late: true, charge: { charged: 0 } })
    })

    test('a completion after the hold was charged costs nothing more', async () => {
      const { wait, balance, notify } = await start({ tracking: { onTaskExpiry: 'capture' } })
      await wait(700_000)
      await notify(generation.over('t1', DONE))
      expect(balance()).toEqual(CHARGED)
    })

    test('a time to live of 1 ms does not shorten its hold [T30]', async () => {
      const { wait, balance, notify } = await start({}, 1)
      await wait(300_000)
      expect(balance()).toEqual(HELD)
      await notify(generation.over('t1', DONE))
      expect(balance()).toEqual(CHARGED)
    })

    test('more time that its server gives it lengthens its hold', async () => {
      const { wait, balance, notify } = await start()
      await notify(
        generation.notification('t1', 'working', generation.era === 'legacy' ? { ttl: 900_000 } : { ttlMs: 900_000 }),
      )
      await wait(959_999)
      expect(balance()).toEqual(HELD)
      await wait(1)
      expect(balance()).toEqual(RETURNED)
    })

    test('no timer is left when all tasks have ended', async () => {
      const { clock, notify, wait } = await start()
      expect(clock.timers).toBeGreaterThan(0)
      await notify(generation.over('t1', DONE))
      await wait(60_000)
      expect(clock.timers).toBe(0)
    })
  })

  describe(`a ${generation.era} task that is cancelled:`, () => {
    const cancel = async (tracking: Partial<TaskTrackingOptions>): Promise<TestGate> => {
      const gate = gateOn({ tracking })
      await startTask(gate, generation)
      await ask(
        gate,
        'tasks/cancel',
        generation.era === 'legacy' ? generation.status('t1', 'cancelled') : { resultType: 'complete' },
      )
      return gate
    }

    test('has a grace period, in which a completion is charged [L-P21, T29]', async () => {
      const gate = await cancel({ onTaskCancel: 'release' })
      expect(gate.balance()).toEqual(HELD)
      await gate.wait(30_000)
      await gate.notify(generation.over('t1', DONE))
      expect(gate.balance()).toEqual(CHARGED)
    })

    test('is given back when the grace is over, where onTaskCancel says so [L-P21]', async () => {
      const gate = await cancel({ onTaskCancel: 'release' })
      await gate.wait(59_999)
      expect(gate.balance()).toEqual(HELD)
      await gate.wait(1)
      expect(gate.balance()).toEqual(RETURNED)
    })

    test('is charged late when it completes after that', async () => {
      const gate = await cancel({ onTaskCancel: 'release' })
      await gate.wait(120_000)
      await gate.notify(generation.over('t1', DONE))
      expect(gate.balance()).toEqual(CHARGED)
      expect(gate.records().at(-1)).toMatchObject({ taskEnd: 'completed', late: true })
    })

    test('is charged by default [T29]', async () => {
      const gate = await cancel({})
      await gate.wait(60_000)
      expect(gate.balance()).toEqual(CHARGED)
    })
  })
}

describe('a task of 2025-11-25 whose client asks for a time to live of 1 ms', () => {
  test('pays when its server forgets it [T29]', async () => {
    const gate = gateOn()
    await startTask(gate, GENERATIONS[0], { ttl: 1 })
    await gate.fail(await gate.request('tasks/get', { taskId: 't1' }), -32602)
    await gate.wait(1)
    expect(gate.balance()).toEqual(CHARGED)
  })

  test('pays when nothing is ever heard of it [T29]', async () => {
    const gate = gateOn()
    await startTask(gate, GENERATIONS[0], { ttl: 1 })
    await gate.wait(360_000)
    expect(gate.balance()).toEqual(CHARGED)
  })
})
