import { describe, expect, test } from 'vitest'
import { BudgetError, type SpendRequest } from 'mcp-budget'
import {
  ioredisPort,
  nodeRedisClusterPort,
  nodeRedisPort,
  RedisBudgetEnforcer,
  RedisTaskStore,
} from '../../../../src/backends/redis/index.js'
import { mintChargeId } from '../../../../src/core/ids.js'

const SCRIPT = 'ERR Error running script (call to f_1): @user_script:9: @user_script: 9: -OOM command not allowed'
const NOT_NOW = [
  ['READONLY', `READONLY You can't write against a read only replica.`],
  ['LOADING', 'LOADING Redis is loading the dataset in memory'],
  ['OOM', "OOM command not allowed when used memory > 'maxmemory'."],
  ['OOM', SCRIPT],
  ['CLUSTERDOWN', 'CLUSTERDOWN The cluster is down'],
  ['MASTERDOWN', "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."],
  ['TRYAGAIN', 'TRYAGAIN Multiple keys request during rehashing of slot'],
  ['BUSY', 'BUSY Redis is busy running a script.'],
  ['MISCONF', 'MISCONF Redis is configured to save RDB snapshots, but is unable to persist to disk.'],
  ['NOREPLICAS', 'NOREPLICAS Not enough good replicas to write.'],
] as const
const NOBODY = [
  ['', 'ECONNREFUSED'],
  ['', 'ECONNRESET'],
  ['', 'EAI_AGAIN'],
  ['Connection is closed.', undefined],
  ['Reached the max retries per request limit (which is 1).', undefined],
  ["Stream isn't writeable and enableOfflineQueue options is false", undefined],
  ['Command timed out', undefined],
  ['Failed to refresh slots cache.', undefined],
  ['The client is closed', undefined],
  ['The client is offline', undefined],
  ['Socket closed unexpectedly', undefined],
] as const

/** A server that is fit, and then answers every script with an error. */
function failing(error: unknown) {
  const send = async (_key: string, [name = '']: readonly string[]): Promise<unknown> => {
    if (name === 'INFO') return 'maxmemory_policy:noeviction'
    throw error
  }
  return { send }
}

describe('a server', () => {
  test.each(NOT_NOW)(
    'that says %s is out of use for now, by its name and with the cause [I16]',
    async (word, message) => {
      const cause = new Error(message)
      const store = new RedisBudgetEnforcer({ redis: failing(cause) })
      const error: unknown = await store.remaining('a').catch((thrown: unknown) => thrown)
      expect(BudgetError.isInstance(error)).toBe(true)
      expect(error).toMatchObject({ code: 'store_unavailable', message: expect.stringContaining(word), cause })
      const tasks = new RedisTaskStore({ redis: failing(cause) })
      await expect(tasks.due(1)).rejects.toMatchObject({ code: 'store_unavailable' })
    },
  )

  test.each(NOBODY)(
    'that is not there, as a client says by "%s" %s, is out of reach [I16, L-P19]',
    async (message, code) => {
      const cause = Object.assign(new Error(message), { code })
      const store = new RedisBudgetEnforcer({ redis: failing(cause) })
      const asked = [store.remaining('a'), store.ledger.entries(), store.hold(holdOf()), store.spend(spendOf())]
      for (const each of await Promise.allSettled(asked))
        expect(each).toMatchObject({ status: 'rejected', reason: { code: 'store_unavailable', cause } })
    },
  )

  test.each([
    'WRONGTYPE Operation against a key',
    'NOAUTH Authentication required.',
    'BUSYKEY Target key name',
    'OOMPH',
  ])('that says another thing, as %s, is asked in vain, and its error stays as it is', async (message) => {
    const cause = new Error(message)
    await expect(new RedisBudgetEnforcer({ redis: failing(cause) }).remaining('a')).rejects.toBe(cause)
  })

  test('that is loading when it is asked whether it is fit is asked again later', async () => {
    let isLoading = true
    const send = async (_key: string, [name = '']: readonly string[]): Promise<unknown> => {
      if (isLoading) throw new Error('LOADING Redis is loading the dataset in memory')
      return name === 'INFO' ? 'maxmemory_policy:noeviction' : '[["allowed","7"]]'
    }
    const store = new RedisBudgetEnforcer({ redis: { send } })
    await expect(store.ready()).rejects.toMatchObject({ code: 'store_unavailable' })
    isLoading = false
    expect(await store.remaining('a')).toBe(7)
  })
})

describe('a port', () => {
  const URL = 'redis://:hunter2@127.0.0.1:6379'
  const say = async (): Promise<string> => ''
  const ioredis = { call: say, sendCommand: say }
  const wrong = [URL, undefined, null, {}, () => {}, 5]

  test.each([
    ['ioredisPort', ioredisPort, 'such as `new Redis(url)`', [...wrong, { sendCommand: say }]],
    ['nodeRedisPort', nodeRedisPort, 'such as `await createClient({ url }).connect()`', [...wrong, ioredis]],
    ['nodeRedisClusterPort', nodeRedisClusterPort, 'such as `await createCluster(', [...wrong, ioredis]],
  ] as const)('made by %s of what is no client says which one it wants', (_, portOf, such, clients) => {
    for (const client of clients) {
      let error: unknown
      try {
        portOf(client as never)
      } catch (thrown) {
        error = thrown
      }
      expect(error).toMatchObject({ code: 'invalid_config', message: expect.stringContaining(such) })
      expect(String(error)).not.toContain('hunter2')
    }
  })
})

function holdOf() {
  return { id: mintChargeId(1), lines: [{ budget: 'a', amount: 1 }], ttlMs: 1_000, onExpire: 'release' } as const
}

function spendOf(): SpendRequest {
  return { chargeId: mintChargeId(1), budget: 'a', tool: 't', cost: 1 }
}
