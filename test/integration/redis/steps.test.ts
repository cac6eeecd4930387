import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { freshPrefix, newClient, newStore } from './store.js'
import { FakeClock } from '../../../src/testing/index.js'
import { keysOf } from '../../../src/backends/redis/keys.js'
import { mintChargeId } from '../../../src/core/ids.js'
import { startOwnRedis } from '../../support/servers/redis.js'
import type { HoldRequest } from '../../../src/budget/enforcer.js'
import type { Redis } from 'ioredis'
import type { RedisBudgetEnforcer } from '../../../src/backends/redis/index.js'
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

/** What the scripts sent meanwhile, and how often. */
async function sentBy(ask: () => Promise<unknown>): Promise<Record<string, number>> {
  await client.config('RESETSTAT')
  await ask()
  const said = await client.info('commandstats')
  const counts = Array.from(said.matchAll(/cmdstat_(\w+)\S*:calls=(\d+)/g), ([, name = '', calls]) => [
    name,
    Number(calls),
  ])
  return Object.fromEntries(counts.filter(([name]) => !['config', 'info', 'evalsha', 'eval'].includes(name as string)))
}

describe('a step', () => {
  let clock: FakeClock
  let prefix: string
  let store: RedisBudgetEnforcer

  beforeEach(async () => {
    ;[clock, prefix] = [new FakeClock(), freshPrefix()]
    store = newStore(client, { clock, prefix })
    await store.initialize('main', 10_000)
  })

  function holdOf(ttlMs: number): HoldRequest {
    const lines = [{ budget: 'main', amount: 3 }]
    return { id: mintChargeId(clock.now()), lines, ttlMs, onExpire: 'release' }
  }

  const spend = (): Promise<unknown> =>
    store.spend({ chargeId: mintChargeId(clock.now()), budget: 'main', tool: 't', cost: 1 })

  test('that holds reads with one command and writes with three, whatever there is beside it [P8]', async () => {
    await store.hold(holdOf(60_000))
    await spend()
    expect(await sentBy(() => store.hold(holdOf(60_000)))).toEqual({ hmget: 1, hset: 1, xadd: 1, zadd: 1 })
    const many = (): Promise<unknown> => Promise.all(Array.from({ length: 400 }, () => store.hold(holdOf(60_000))))
    expect(await sentBy(many)).toEqual({ hmget: 1, hset: 1, xadd: 1, zadd: 1 })
  })

  test('looks for what is due no sooner than the first of it is [I4]', async () => {
    await store.hold(holdOf(5_000))
    await store.hold(holdOf(1_000))
    clock.advance(999)
    expect(await sentBy(spend)).not.toHaveProperty('zrangebyscore')
    clock.advance(1)
    expect(await store.describe('main')).toMatchObject({ held: 3, openHolds: 1 })
    clock.advance(3_999)
    // It looks for what is old: with ZCARD, and one of these.
    expect(await sentBy(spend)).toMatchObject({ zcard: 1, zrangebyscore: 1 })
    clock.advance(1)
    expect(await store.describe('main')).toMatchObject({ held: 0, openHolds: 0 })
  })

  test('ends a hold whose deadline was brought nearer when that is over [I4]', async () => {
    const hold = holdOf(60_000)
    await store.hold(hold)
    const nearer = { id: `${hold.id}.x`, holdId: hold.id, ttlMs: 1_000, onExpire: 'release' } as const
    expect(await store.extend(nearer)).toMatchObject({ expiresAt: clock.now() + 1_000 })
    clock.advance(1_000)
    expect(await store.describe('main')).toMatchObject({ held: 0, openHolds: 0 })
  })

  test('forgets what is old together, a second later at most, and never too soon [L-P8]', async () => {
    const forget = keysOf(prefix, 'default')[3] as string
    const hold = holdOf(60_000)
    await store.hold(hold)
    const release = { id: `${hold.id}.r`, holdId: hold.id }
    await store.release(release)
    clock.advance(599_999)
    expect(await store.release(release)).toEqual({ kind: 'released', returned: 3 })
    await spend()
    expect(await client.zcard(forget)).toBe(2)
    clock.advance(1_001)
    await spend()
    expect(await client.zcard(forget)).toBe(2)
    expect(await store.release(release)).toEqual({ kind: 'released', returned: 0 })
    expect(await sentBy(spend)).not.toHaveProperty('zcard')
  })
})
