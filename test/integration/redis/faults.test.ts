import { afterAll, afterEach, describe, expect, inject, test } from 'vitest'
import { allEntries, booksOf, freshPrefix, newClient, newStore } from './store.js'
import { BudgetEvents, compose, withBudget, withCostProfile } from '../../../src/index.js'
import { FaultProxy, type Faults } from '../../support/fault-proxy.js'
import { ioredisPort, RedisBudgetEnforcer, type RedisPort } from '../../../src/backends/redis/index.js'
import { mintChargeId } from '../../../src/core/ids.js'
import { Random } from '../../../src/testing/random.js'
import { Redis } from 'ioredis'
import { unlikeLedger } from '../../support/kills/books.js'
import type { FailMode } from '../../../src/index.js'

const LONG = process.env['MCP_BUDGET_LONG'] === '1'
const MAIN = 'default/main'
const direct = newClient()
const ends: (() => unknown)[] = []

afterAll(() => direct.disconnect())

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

async function proxied(seed: number): Promise<{ proxy: FaultProxy; client: Redis }> {
  const proxy = new FaultProxy(inject('redisUrl'), new Random(seed))
  await proxy.up()
  // It sends again, by itself, what got no answer: one more reason why ids must count.
  const client = new Redis(proxy.url, { retryStrategy: () => 5, maxRetriesPerRequest: 3 })
  client.on('error', () => {})
  ends.push(
    () => proxy.down(),
    () => client.disconnect(),
  )
  return { proxy, client }
}

/** Asks until there is an answer, always with the same request. */
async function untilAnswered<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  for (let tries = 0; ; tries++) {
    try {
      const late = new Promise<never>((_, reject) => setTimeout(() => reject(new Error('late')), 250))
      return await Promise.race([ask(), late])
    } catch (error) {
      if (tries > 200) throw error
    }
  }
}

describe('a network that', () => {
  const networks: Record<string, Faults> = {
    'loses requests': { loseRequest: 0.1 },
    'loses answers': { loseAnswer: 0.1 },
    'doubles requests': { duplicate: 0.3 },
    'delays what it carries': { delay: 0.3, delayMs: 20 },
    'does all of this': { loseRequest: 0.02, loseAnswer: 0.02, duplicate: 0.1, delay: 0.1, delayMs: 20 },
  }
  const calls = LONG ? 5_000 : 250
  const funds = calls * 4

  test.each(Object.entries(networks))(
    '%s makes no call be charged twice, and no charge be lost [R1] [R2] [I5] [I6] [I13] [I16] [L-P8]',
    async (_, faults) => {
      const { proxy, client } = await proxied(1)
      const prefix = freshPrefix()
      const store = new RedisBudgetEnforcer({ redis: ioredisPort(client), prefix })
      await store.initialize('main', funds)
      proxy.faults = faults
      let charged = 0
      const one = async (): Promise<void> => {
        const id = mintChargeId(Date.now())
        const lines = [{ budget: 'main', amount: 7 }]
        const held = await untilAnswered(async () => store.hold({ id, lines, ttlMs: 60_000, onExpire: 'release' }))
        if (held.kind !== 'held') return
        const capture = { id: `${id}.c`, holdId: id, amount: 5, overage: 'cap', lines } as const
        const answer = await untilAnswered(async () => store.capture(capture))
        expect(answer).toEqual({ kind: 'captured', charged: 5, late: false })
        charged += 5
      }
      for (let done = 0; done < calls; done += 5) await Promise.all(Array.from({ length: 5 }, one))
      expect(proxy.count).toBeGreaterThan(5)
      const plain = new RedisBudgetEnforcer({ redis: ioredisPort(direct), prefix })
      const view = await plain.describe('main')
      expect(view).toMatchObject({ spent: charged, held: 0, openHolds: 0, available: funds - charged })
      const captures = (await allEntries(plain)).filter(({ op }) => op === 'capture').map(({ id }) => id)
      expect(new Set(captures).size).toBe(captures.length)
      expect(charged).toBeLessThanOrEqual(funds)
      expect(await unlikeLedger(booksOf(plain), MAIN)).toEqual([])
    },
    LONG ? 600_000 : 60_000,
  )

  test('pauses is one that gives no answer in time, and what was asked meanwhile counts once [I6] [I13] [I16]', async () => {
    const { proxy, client } = await proxied(2)
    const prefix = freshPrefix()
    const store = new RedisBudgetEnforcer({ redis: ioredisPort(client), prefix })
    await store.initialize('main', 10)
    const request = {
      id: mintChargeId(Date.now()),
      lines: [{ budget: 'main', amount: 4 }],
      ttlMs: 60_000,
      onExpire: 'release',
    } as const
    proxy.pause()
    const answer = untilAnswered(async () => store.hold(request))
    await new Promise((resolve) => setTimeout(resolve, 600))
    proxy.goOn()
    expect(await answer).toMatchObject({ kind: 'held', remaining: 6 })
    expect(await newStoreOn(prefix).describe('main')).toMatchObject({ held: 4, openHolds: 1 })
    expect(await unlikeLedger(booksOf(newStoreOn(prefix)), MAIN)).toEqual([])
  })
})

function newStoreOn(prefix: string): RedisBudgetEnforcer {
  return newStore(direct, { prefix })
}

describe('a store that is lost', () => {
  async function lost(failMode: FailMode) {
    const { proxy, client } = await proxied(3)
    const prefix = freshPrefix()
    const enforcer = new RedisBudgetEnforcer({ redis: ioredisPort(client), prefix })
    const events = new BudgetEvents()
    const told: string[] = []
    for (const name of ['outage', 'recovered', 'delayed'] as const) events.on(name, () => told.push(name))
    await enforcer.initialize('main', 100)
    const budget = withBudget({ enforcer, budget: 'main', failMode, events, storeTimeoutMs: 100, awaitCapture: true })
    const meter = compose(withCostProfile({ defaultCost: 5 }), budget)
    let ran = 0
    const call = async () => meter.run({ tool: 'draw' }, () => ++ran)
    return { proxy, enforcer: newStoreOn(prefix), call, told, executed: () => ran }
  }

  test('lets nothing through where it must not, and says that it is the store [I13] [I16] [L-P19] [R1]', async () => {
    const { proxy, enforcer, call, told, executed } = await lost('closed')
    expect(await call()).toMatchObject({ kind: 'result' })
    await proxy.down()
    const outcome = await call()
    expect(outcome).toMatchObject({
      kind: 'refused',
      refusal: { error: 'budget_unavailable', reason: 'budget_backend_error' },
    })
    expect(executed()).toBe(1)
    expect(told).toContain('outage')
    await proxy.up()
    await expect.poll(async () => (await call()).kind).toBe('result')
    expect(await enforcer.describe('main')).toMatchObject({ spent: 5 * executed(), held: 0, debt: 0 })
    expect(await unlikeLedger(booksOf(enforcer), MAIN)).toEqual([])
  })

  test('lets through what it may and no more, and what passed is charged when it is back [I7] [I13] [I16] [L-P19]', async () => {
    const { proxy, enforcer, call, told, executed } = await lost({ open: { limit: 20 } })
    expect(await call()).toMatchObject({ kind: 'result' })
    await proxy.down()
    const kinds: string[] = []
    for (let n = 0; n < 6; n++) kinds.push((await call()).kind)
    expect(kinds).toEqual(['result', 'result', 'result', 'result', 'refused', 'refused'])
    expect(await enforcer.describe('main')).toMatchObject({ spent: 5 })
    await proxy.up()
    await expect.poll(async () => (await call(), told.includes('recovered')), { interval: 200 }).toBe(true)
    await expect.poll(async () => enforcer.describe('main')).toMatchObject({ spent: 5 * executed(), held: 0, debt: 0 })
    expect((await allEntries(enforcer)).filter(({ op }) => op === 'late')).toHaveLength(4)
    expect(await unlikeLedger(booksOf(enforcer), MAIN)).toEqual([])
  })
})

describe('a script that fails', () => {
  // What only the server knows to say: the pattern that it is known by is for all of them.
  test.each(['local hold; return hold.state', "return redis.call('HGET')"])(
    'over one request fails none of those that were sent with it: %s [R1]',
    async (fault) => {
      const port = ioredisPort(direct)
      const redis: RedisPort = {
        send: (key, command) =>
          port.send(key, command.some((each) => each.includes('planted')) ? ['EVAL', fault, '1', key] : command),
      }
      const store = new RedisBudgetEnforcer({ redis, prefix: freshPrefix() })
      await store.initialize('main', 10)
      const spend = async (tool: string) =>
        store.spend({ chargeId: mintChargeId(Date.now()), budget: 'main', tool, cost: 2 })
      const [one, failed, other] = await Promise.allSettled([spend('a'), spend('planted'), spend('b')])
      expect([one, other]).toMatchObject([{ value: { allowed: true } }, { value: { allowed: true } }])
      expect(failed).toMatchObject({ status: 'rejected' })
      expect(await store.describe('main')).toMatchObject({ available: 6, spent: 4 })
    },
  )
})
