import { afterAll, describe, expect, test } from 'vitest'
import { freshPrefix, newClient } from './store.js'
import { InMemoryTaskStore } from '../../../src/backends/memory/in-memory-task-store.js'
import { ioredisPort, RedisTaskStore } from '../../../src/backends/redis/index.js'
import { FakeClock, taskStoreConformance } from '../../../src/testing/index.js'
import { Random } from '../../../src/testing/random.js'
import { TaskSubject } from '../../../src/testing/task-conformance/subject.js'
import type { TaskStore } from '../../../src/tasks/task-store.js'

const LONG = process.env['MCP_BUDGET_LONG'] === '1'
const client = newClient()

afterAll(() => client.disconnect())

function newStore(clock: FakeClock | undefined, maxTasks = 100): RedisTaskStore {
  return new RedisTaskStore({ redis: ioredisPort(client), prefix: freshPrefix(), maxTasks, ...(clock && { clock }) })
}

describe('RedisTaskStore keeps the contract of task stores:', () => {
  const cases = taskStoreConformance({
    create: (clock) => new RedisTaskStore({ redis: ioredisPort(client), prefix: freshPrefix(), clock }),
  })
  test.each(cases)('$name', async (each) => each.run())
})

describe('RedisTaskStore', () => {
  test('is bounded: it forgets what ended first, and nothing that is open [T39] [L-P23]', async () => {
    const clock = new FakeClock()
    const c = new TaskSubject(newStore(clock, 3), clock)
    const [a, b] = [await c.bound({ taskId: 'a' }), await c.bound({ taskId: 'b' }), await c.bound({ taskId: 'c' })]
    expect(await c.store.bind(c.binding({ taskId: 'd' }))).toEqual({ kind: 'full' })
    await c.ended(b, 'completed')
    await c.ended(a, 'completed')
    await c.bound({ taskId: 'd' })
    expect(await c.store.find(b)).toEqual([])
    await c.expect(a, { state: 'ended' })
  })

  test('lets one of sixteen that see the end of a task at once deal with it [I15] [I4]', async () => {
    const c = new TaskSubject(newStore(undefined), new FakeClock(Date.now()))
    const task = await c.bound({ taskId: 'a' })
    const request = { ...task, as: 'completed', data: {}, leaseMs: 60_000 } as const
    const answers = await Promise.all(Array.from({ length: 16 }, async () => c.store.end(request)))
    expect(answers.filter(({ kind }) => kind === 'claimed')).toHaveLength(1)
  })

  test(
    'gives the answers of the memory store to random histories [I14]',
    async () => {
      for (let seed = 1; seed <= (LONG ? 2_000 : 60); seed++) {
        const random = new Random(seed)
        const clock = new FakeClock()
        const stores: readonly TaskStore[] = [new InMemoryTaskStore({ clock, maxTasks: 4 }), newStore(clock, 4)]
        for (let n = 0; n < 60; n++) {
          const ask = randomAsk(random)
          const [wanted, got] = [await ask(stores[0] as TaskStore), await ask(stores[1] as TaskStore)]
          expect(got, `seed ${seed}, request ${n}: ${ask.toString()}`).toEqual(wanted)
          clock.advance(random.pick([1, 1, 1, 500, 1_000, 60_000]))
        }
      }
    },
    LONG ? 600_000 : 60_000,
  )
})

/** A request of few names, so that requests meet. */
function randomAsk(random: Random): (store: TaskStore) => unknown {
  const hex = (text: string): string => text.repeat(64)
  const principal = random.pick(['default/a', 'default/b'])
  const ref = { upstream: random.pick(['', 'one two']), taskId: random.pick(['t1', 't2', 't3']), principal }
  const chargeId = `charge-${random.int(6)}`
  const key = random.chance(0.5) ? { key: random.pick(['k1', 'k2']), digest: hex(random.pick(['a', 'b'])) } : undefined
  const attempt = { chargeId, principal, operation: hex(random.pick(['c', 'd'])), key }
  const failure = { operationId: 'op', attempt: 1 + random.int(3), discounts: random.int(3), paid: random.chance(0.5) }
  const ms = random.pick([0, 500, 1_000, 100_000])
  const made = {
    begin: { ...attempt, again: random.chance(0.2), openMs: ms },
    finish: {
      ...attempt,
      end: random.pick(['ran', 'failed', 'not-run'] as const),
      failure: random.chance(0.8) ? failure : undefined,
      windowMs: ms,
      task: random.chance(0.6) ? ref : undefined,
      reopens: random.chance(0.5),
    },
    bind: { ...ref, holdId: chargeId, key, lifeMs: ms, data: { n: random.int(9) } },
    amend: {
      ...ref,
      holdId: chargeId,
      ...(random.chance(0.5) && { lifeMs: ms }),
      ...(random.chance(0.5) && { withinMs: ms }),
      ...(random.chance(0.5) && { seen: random.pick(['cancelled', 'completed'] as const) }),
    },
    end: {
      ...ref,
      holdId: chargeId,
      as: random.pick(['completed', 'failed', 'cancelled'] as const),
      data: {},
      leaseMs: ms,
    },
  }
  const verb = random.pick([
    'begin',
    'begin',
    'finish',
    'finish',
    'bind',
    'bind',
    'find',
    'amend',
    'end',
    'end',
    'due',
  ] as const)
  const ask = async (store: TaskStore): Promise<unknown> => {
    switch (verb) {
      case 'begin':
        return store.begin(made.begin)
      case 'finish':
        return store.finish(made.finish)
      case 'bind':
        return store.bind(made.bind)
      case 'find':
        return store.find(ref)
      case 'amend':
        return store.amend(made.amend)
      case 'end':
        return store.end(made.end)
      case 'due': {
        const { tasks, open } = await store.due(10)
        // In which order those come that are due at the same moment is a store's own business.
        return { open, tasks: tasks.map((task) => JSON.stringify(task)).sort() }
      }
    }
  }
  return Object.assign(ask, {
    toString: () => `${verb} ${JSON.stringify(verb === 'find' || verb === 'due' ? ref : made[verb])}`,
  })
}
