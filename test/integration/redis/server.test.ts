import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Cluster, Redis } from 'ioredis'
import { createClient } from 'redis'
import { readFileSync } from 'node:fs'
import { Redis as Iovalkey } from 'iovalkey'
import { allEntries, freshPrefix, newClient, newStore } from './store.js'
import { ioredisPort, nodeRedisPort, RedisBudgetEnforcer, type RedisPort } from '../../../src/backends/redis/index.js'
import { KEY_NAMES, keysOf } from '../../../src/backends/redis/keys.js'
import { MAX_CREDITS } from '../../../src/core/credits.js'
import { mintChargeId } from '../../../src/core/ids.js'
import { PARTITION_SCRIPT } from '../../../src/backends/redis/scripts.js'
import { randomHistory } from '../../support/random-history.js'
import { startOwnRedis } from '../../support/servers/redis.js'
import { FakeClock } from '../../../src/testing/index.js'
import type { HoldingEnforcer, HoldRequest } from '../../../src/budget/enforcer.js'
import type { TestServer } from '../../support/servers/server.js'

let server: TestServer
let client: Redis

beforeAll(async () => {
  server = await startOwnRedis()
  client = newClient(server.url)
})

afterAll(async () => {
  client.disconnect()
  await server.stop()
})

function holdOf(amount: number, more: Partial<HoldRequest> = {}): HoldRequest {
  const lines = [{ budget: 'main', amount }]
  return { id: mintChargeId(Date.now()), lines, ttlMs: 60_000, onExpire: 'release', ...more }
}

describe('every client', () => {
  const clients: Record<string, () => Promise<{ port: RedisPort; end: () => unknown }>> = {
    ioredis: async () => {
      const made = newClient(server.url)
      return { port: ioredisPort(made), end: () => made.disconnect() }
    },
    iovalkey: async () => {
      const made = new Iovalkey(server.url)
      return { port: ioredisPort(made), end: () => made.disconnect() }
    },
    redis: async () => {
      const made = await createClient({ url: server.url }).connect()
      return { port: nodeRedisPort(made), end: () => made.destroy() }
    },
  }

  test.each(Object.entries(clients))('of %s holds, captures and reads back what was written', async (_, connect) => {
    const { port, end } = await connect()
    const store = new RedisBudgetEnforcer({ redis: port, prefix: freshPrefix() })
    await store.initialize('main', MAX_CREDITS)
    const request = holdOf(MAX_CREDITS - 1, { meta: { tool: 'ask "ü" \u0000\n' } })
    expect(await store.hold(request)).toEqual({ kind: 'held', holdId: request.id, remaining: 1, debt: 0 })
    const capture = { id: `${request.id}.c`, holdId: request.id, amount: MAX_CREDITS - 2, overage: 'cap' } as const
    expect(await store.capture(capture)).toEqual({ kind: 'captured', charged: MAX_CREDITS - 2, late: false })
    expect(await store.describe('main')).toMatchObject({ available: 2, spent: MAX_CREDITS - 2, held: 0 })
    expect(await store.partitions()).toEqual(['default'])
    expect(await allEntries(store)).toMatchObject([
      { seq: 1, op: 'grant', in: MAX_CREDITS },
      { seq: 2, op: 'hold', id: request.id, tool: 'ask "ü" \u0000\n', held: MAX_CREDITS - 1 },
      { seq: 3, op: 'capture', available: 1, spent: MAX_CREDITS - 2 },
    ])
    await end()
  })

  test.each(Object.entries(clients))('of %s that is closed is out of reach [I16, L-P19]', async (_, connect) => {
    const { port, end } = await connect()
    const store = new RedisBudgetEnforcer({ redis: port, prefix: freshPrefix() })
    await store.initialize('main', 1)
    await end()
    await expect(store.remaining('main')).rejects.toMatchObject({ code: 'store_unavailable' })
    await expect(store.ledger.entries()).rejects.toMatchObject({ code: 'store_unavailable' })
  })

  test.each(Object.entries({ ioredis: Redis, iovalkey: Iovalkey as unknown as typeof Redis }))(
    'of %s that finds nobody is out of reach [I16, L-P19]',
    async (_, Client) => {
      const made = new Client('redis://127.0.0.1:1', { maxRetriesPerRequest: 1 })
      made.on('error', () => {})
      const store = new RedisBudgetEnforcer({ redis: ioredisPort(made), prefix: freshPrefix() })
      await expect(store.ready()).rejects.toMatchObject({ code: 'store_unavailable' })
      made.disconnect()
    },
  )

  test('of a cluster that finds nobody is out of reach [I16, L-P19]', async () => {
    const made = new Cluster([{ host: '127.0.0.1', port: 1 }], { clusterRetryStrategy: () => null })
    made.on('error', () => {})
    const store = new RedisBudgetEnforcer({ redis: ioredisPort(made), prefix: freshPrefix() })
    await expect(store.ready()).rejects.toMatchObject({ code: 'store_unavailable' })
  })
})

describe('a server', () => {
  test('that has forgotten the script is given it again', async () => {
    const store = newStore(client)
    await store.initialize('main', 10)
    await client.script('FLUSH')
    expect(await store.remaining('main')).toBe(10)
  })

  test.each(['allkeys-lru', 'allkeys-random', 'volatile-ttl'])(
    'that may throw keys away, by %s, gets no budgets until it may not [I16] [T39]',
    async (policy) => {
      const store = newStore(client)
      await client.config('SET', 'maxmemory-policy', policy)
      await expect(store.ready()).rejects.toMatchObject({ code: 'invalid_config' })
      await expect(store.initialize('main', 10)).rejects.toThrow(/maxmemory-policy noeviction.*got `/)
      await client.config('SET', 'maxmemory-policy', 'noeviction')
      await store.initialize('main', 10)
      expect(await store.remaining('main')).toBe(10)
    },
  )

  test('that is out of memory refuses, writes no half of anything, and takes the same request later [I16] [L-P8] [seed-003:redis-scripts]', async () => {
    const store = newStore(client)
    await store.initialize('main', 10)
    const requests = [holdOf(4), holdOf(4)]
    await client.config('SET', 'maxmemory', '1')
    const refused = await Promise.allSettled(requests.map(async (request) => store.hold(request)))
    for (const each of refused)
      expect(each).toMatchObject({ status: 'rejected', reason: { code: 'store_unavailable' } })
    await client.config('SET', 'maxmemory', '0')
    expect(await store.describe('main')).toMatchObject({ available: 10, held: 0, openHolds: 0 })
    for (const request of requests) expect(await store.hold(request)).toMatchObject({ kind: 'held' })
    expect(await allEntries(store)).toHaveLength(3)
  })

  test('that has become a replica refuses, and takes the same request when it is a primary again [I16]', async () => {
    const store = newStore(client)
    await store.initialize('main', 10)
    const request = holdOf(4)
    await client.call('REPLICAOF', '127.0.0.1', '1')
    await expect(store.hold(request)).rejects.toMatchObject({ code: 'store_unavailable', message: expect.stringContaining('READONLY') }) // prettier-ignore
    await client.call('REPLICAOF', 'NO', 'ONE')
    expect(await store.hold(request)).toMatchObject({ kind: 'held', remaining: 6 })
  })

  test('ends more than one step can hold before anybody decides on what is left [R2] [L-P3]', async () => {
    const clock = new FakeClock()
    const store = newStore(client, { clock })
    await store.initialize('main', 3_000)
    await Promise.all(Array.from({ length: 2_500 }, async () => store.hold(holdOf(1, { ttlMs: 1_000 }))))
    expect(await store.remaining('main')).toBe(500)
    clock.advance(1_000)
    expect(await store.hold(holdOf(3_000))).toMatchObject({ kind: 'held', remaining: 0 })
    expect(await store.describe('main')).toMatchObject({ held: 3_000, openHolds: 1 })
  })

  test('remembers no more than it is told to, and charges nothing twice that it has forgotten [T39] [I3] [I20]', async () => {
    const clock = new FakeClock()
    const store = newStore(client, { clock, remembered: 1_000 })
    await store.initialize('main', 100_000)
    const first = { ...holdOf(1), id: mintChargeId(clock.now()) }
    const capture = { id: `${first.id}.c`, holdId: first.id, amount: 1, overage: 'cap', lines: first.lines } as const
    await store.hold(first)
    await store.capture(capture)
    for (let n = 0; n < 30; n++) {
      clock.advance(1)
      const spends = Array.from({ length: 100 }, async () =>
        store.spend({ chargeId: mintChargeId(clock.now()), budget: 'main', tool: 't', cost: 1 }),
      )
      await Promise.all(spends)
    }
    const { spent } = await store.describe('main')
    expect(await store.capture(capture)).toEqual({ kind: 'refused', reason: 'unknown_hold' })
    expect(await store.describe('main')).toMatchObject({ spent })
  })
})

describe('the script', () => {
  const lines = (amount: string) => [['default/main', amount, false, false]]
  const hold = ['hold', 'id', false, ['default/main'], 1, '60000', 'release', false, false, false, 0, false]

  async function run(prefix: string, requests: string): Promise<unknown> {
    const keys = keysOf(prefix, 'default')
    return client.call('EVAL', PARTITION_SCRIPT.text, String(keys.length), ...keys, '', '100', '1000', requests)
  }

  test.each([
    '-1',
    '0x10',
    ' 5 ',
    '5 ',
    '1e3',
    'nan',
    'inf',
    '0.5',
    '',
    '9007199254740992',
    '9007199254740993',
    '99999999999999999',
  ])('takes no %j for an amount, and writes nothing [T18] [L-P12]', async (amount) => {
    const prefix = freshPrefix()
    const store = newStore(client, { prefix })
    await store.initialize('main', MAX_CREDITS)
    // What comes before it in the same step is not written either.
    const spend = ['spend', false, 'sx', ['default/main'], 'p', 'x', '5', false]
    const requests = JSON.stringify([[], [lines(amount)], [spend, hold]])
    await expect(run(prefix, requests)).rejects.toThrow(/whole number/)
    expect(await store.describe('main')).toMatchObject({ available: MAX_CREDITS, held: 0, openHolds: 0 })
    expect(await allEntries(store)).toHaveLength(1)
  })

  test('takes 2^53−1 to the last credit [T19] [L-P12]', async () => {
    const prefix = freshPrefix()
    const store = newStore(client, { prefix })
    await store.initialize('main', MAX_CREDITS)
    expect(await run(prefix, JSON.stringify([[], [lines(String(MAX_CREDITS))], [hold]]))).toBe('[["held","0","0"]]')
  })

  test('is given no number that is none: the store refuses it before, and what is asked with it is answered [T18]', async () => {
    const store = newStore(client)
    await store.initialize('main', 10)
    const answers = await Promise.allSettled([
      store.hold(holdOf(4)),
      store.extend({ id: 'x', holdId: mintChargeId(1), ttlMs: 1_000, lines: [{ budget: 'main', amount: 2 ** 53 }] }),
      store.hold(holdOf(5)),
    ])
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(await store.remaining('main')).toBe(1)
  })

  test('needs no more rights than the guide says, and no keys but those of its prefix [L-P26] [T38]', async () => {
    const guide = readFileSync('docs/guides/redis.md', 'utf8')
    const rights = /\*\*Rights\.\*\*(.*)/.exec(guide)?.[1] ?? ''
    const commands = Array.from(rights.matchAll(/`([A-Z]+)`/g), ([, name]) => `+${name?.toLowerCase()}`)
    const prefix = freshPrefix()
    await client.call('ACL', 'SETUSER', 'store', 'on', '>secret', `~${prefix}*`, '-@all', ...commands)
    const asStore = newClient(server.url.replace('redis://', 'redis://store:secret@'), { enableReadyCheck: false })
    const store = newStore(asStore, { clock: new FakeClock(), prefix })
    for (const { calls } of randomHistory(2, 60)) {
      for (const { verb, args } of calls) {
        const ask = store[verb as keyof HoldingEnforcer] as (...args: unknown[]) => Promise<unknown>
        await Reflect.apply(ask, store, args).catch((error: Error) =>
          expect(error.message).not.toMatch(/NOPERM|permission|can't run|can't access/),
        )
      }
    }
    expect((await allEntries(store)).length).toBeGreaterThan(20)
    asStore.disconnect()
  })

  test('touches only the keys that it declares, all of one hash slot, whatever ids come in [L-P26] [T38]', async () => {
    const touched = new Set<string>()
    const monitor = await client.monitor()
    monitor.on('monitor', (_time: string, args: string[], _source: string) => {
      const [verb = '', key = ''] = args
      if (
        !['eval', 'evalsha', 'info', 'time', 'monitor', 'sadd', 'smembers', 'ping', 'config', 'script'].includes(
          verb.toLowerCase(),
        )
      )
        touched.add(`${verb.toLowerCase()} ${key}`)
    })
    const prefix = freshPrefix()
    const clock = new FakeClock()
    const store = newStore(client, { clock, prefix, partition: () => 'p' })
    for (const { calls, thenMs } of randomHistory(1, 60)) {
      for (const { verb, args } of calls) {
        const ask = store[verb as keyof HoldingEnforcer] as (...args: unknown[]) => Promise<unknown>
        await Reflect.apply(ask, store, args).catch(() => {})
      }
      clock.advance(thenMs)
    }
    const hostile = ['}:x{', '__proto__', 'a\nb', "'); redis.call('FLUSHALL') --", '{default}:budgets', '\ud800']
    for (const id of hostile) {
      await store.hold({ ...holdOf(1), id, lines: [{ budget: 't/a', amount: 1 }], meta: { tool: id } })
      await store.release({ id: `${id}r`, holdId: id })
      await store.spend({ chargeId: id, budget: 't/a', tool: id, cost: 1 })
    }
    await expect.poll(() => touched.size).toBeGreaterThan(8)
    monitor.disconnect()
    const keys = [...touched].map((each) => each.slice(each.indexOf(' ') + 1))
    const declared = keysOf(prefix, 'p')
    expect(keys.filter((key) => !declared.includes(key))).toEqual([])
    expect(new Set(declared.map((key) => /\{([^}]*)\}/.exec(key)?.[1]))).toEqual(new Set(['p']))
    expect(declared).toHaveLength(KEY_NAMES.length)
    // None has a time to live: what expires on a server takes the record of what to give back with it.
    for (const key of declared) expect([-1, -2]).toContain(await client.pttl(key))
  })
})
