import { Cluster, Redis } from 'ioredis'
import { createCluster } from 'redis'
import { describe, expect, test } from 'vitest'
import { allEntries, freshPrefix } from './store.js'
import { ioredisPort, nodeRedisClusterPort, RedisBudgetEnforcer } from '../../../src/backends/redis/index.js'
import { mintChargeId } from '../../../src/core/ids.js'
import { replay } from '../../../src/ledger/replay.js'
import { startCluster } from '../../support/servers/redis-cluster.js'

const LONG = process.env['MCP_BUDGET_LONG'] === '1'
const TENANTS = Array.from({ length: 12 }, (_, n) => `tenant-${n}`)

describe('a client of a cluster', () => {
  test('is told a key of each command, so that it finds the node [L-P26]', async () => {
    const sent: string[] = []
    const port = nodeRedisClusterPort({
      sendCommand: async (key, isReadonly, [name = '']) => {
        sent.push(`${name} ${key} ${isReadonly}`)
        return name === 'INFO' ? 'maxmemory_policy:noeviction' : '[["allowed","7"]]'
      },
    })
    const store = new RedisBudgetEnforcer({ redis: port, prefix: 'p:' })
    expect(await store.remaining('acme/agent')).toBe(7)
    expect(sent).toEqual(['INFO p:{acme}:records false', 'EVALSHA p:{acme}:records false'])
  })
})

// A cluster is six servers of this machine: only the long run has the time for it. Without one it fails.
describe.each(LONG ? ['with a primary that is killed'] : [])('a cluster %s', () => {
  test('keeps each tenant whole, charges nothing twice, and loses no more than what was not replicated [R1] [R2] [I13] [L-P26]', async () => {
    const cluster = await startCluster()
    const client = new Cluster([...cluster.seeds], { clusterRetryStrategy: () => 100, retryDelayOnFailover: 100 })
    const other = await createCluster({
      rootNodes: cluster.seeds.map(({ port }) => ({ url: `redis://127.0.0.1:${port}` })),
    }).connect()
    try {
      const prefix = freshPrefix()
      const store = new RedisBudgetEnforcer({ redis: ioredisPort(client), prefix, maxEntries: 10_000_000 })
      for (const tenant of TENANTS) await store.initialize(`${tenant}/main`, 1_000_000)
      const acknowledged = new Map(TENANTS.map((tenant) => [tenant, new Map<string, number>()]))
      let isOver = false
      const spend = async (tenant: string): Promise<void> => {
        while (!isOver) {
          const id = mintChargeId(Date.now())
          const lines = [{ budget: `${tenant}/main`, amount: 5 }]
          const held = await again(async () => store.hold({ id, lines, ttlMs: 2_000, onExpire: 'release' }))
          if (held?.kind !== 'held') continue
          const capture = { id: `${id}.c`, holdId: id, amount: 5, overage: 'cap', lines } as const
          const ended = await again(async () => store.capture(capture))
          if (ended?.kind === 'captured') acknowledged.get(tenant)?.set(id, Date.now())
        }
      }
      const spending = Promise.all(TENANTS.flatMap((tenant) => [spend(tenant), spend(tenant)]))
      await new Promise((resolve) => setTimeout(resolve, 3_000))
      const gapFrom = await cutReplication(cluster.primaries[1]?.url ?? '')
      cluster.primaries[1]?.process.kill('SIGKILL')
      const gapTill = Date.now()
      await new Promise((resolve) => setTimeout(resolve, 8_000))
      isOver = true
      await spending
      // Read by the other client: the keys are the same ones.
      const plain = new RedisBudgetEnforcer({ redis: nodeRedisClusterPort(other), prefix })
      let [lost, inGap, total] = [0, 0, 0]
      for (const tenant of TENANTS) {
        await expect.poll(async () => (await plain.describe(`${tenant}/main`)).openHolds, { timeout: 20_000 }).toBe(0)
      }
      const entries = await allEntries(plain)
      const balances = replay(entries)
      for (const tenant of TENANTS) {
        const view = await plain.describe(`${tenant}/main`)
        expect(view.available + view.spent - view.debt).toBe(1_000_000)
        expect(view).toMatchObject(balances.get(`${tenant}/main`) ?? {})
        const charged = entries.filter(
          ({ op, partition }) => partition === tenant && (op === 'capture' || op === 'late'),
        )
        expect(new Set(charged.map(({ id }) => id)).size, 'charged twice').toBe(charged.length)
        const there = new Set(charged.map(({ id }) => id))
        for (const [id, at] of acknowledged.get(tenant) ?? []) {
          const isInGap = at >= gapFrom && at <= gapTill + 100
          total++
          if (isInGap) inGap++
          if (!there.has(id)) lost++
          expect(there.has(id) || isInGap, `${tenant}: lost, and acknowledged ${gapFrom - at} ms before the gap`).toBe(
            true,
          )
        }
      }
      const gap = `${gapTill - gapFrom} ms without replication`
      console.log(
        `a primary was killed after ${gap}: ${lost} lost, of ${inGap} charges acknowledged in it, of ${total}`,
      )
      expect(total).toBeGreaterThan(100)
      expect(lost, 'the gap was one').toBeGreaterThan(0)
    } finally {
      client.disconnect()
      other.destroy()
      await cluster.stop()
    }
  })
})

/** Keeps a primary's replica from hearing of anything for some time. Answers with when that began. */
async function cutReplication(url: string): Promise<number> {
  const primary = new Redis(url)
  const [, port] = /^slave0:ip=127\.0\.0\.1,port=(\d+)/m.exec(await primary.info('replication')) ?? []
  const replica = new Redis(Number(port))
  // A password that nobody asked for is refused: it does not come back.
  await replica.config('SET', 'masterauth', 'unknown')
  const from = Date.now()
  await primary.call('CLIENT', 'KILL', 'TYPE', 'replica')
  await new Promise((resolve) => setTimeout(resolve, 300))
  primary.disconnect()
  replica.disconnect()
  return from
}

/** Asks with the same request until there is an answer. */
async function again<Answer>(ask: () => Promise<Answer>): Promise<Answer | undefined> {
  for (let tries = 0; tries < 100; tries++) {
    try {
      return await ask()
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
  return undefined
}
