import { spawn } from 'node:child_process'
import { afterAll, describe, expect, inject, test } from 'vitest'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { allEntries, freshPrefix, newClient, newStore } from './store.js'
import { localRedis, repairAof, runRedis } from '../../support/servers/redis.js'
import { Random } from '../../../src/testing/random.js'
import { SPENDER } from '../../support/redis-spender.js'
import type { RedisBudgetEnforcer } from '../../../src/backends/redis/index.js'

const LONG = process.env['MCP_BUDGET_LONG'] === '1'
const ends: (() => unknown)[] = []

afterAll(async () => {
  for (const end of ends.reverse()) await end()
})

/** A process that spends until it is killed, and what it was told of. */
function spender(url: string, prefix: string) {
  const args = ['--import', 'tsx', 'test/support/redis-spender.ts', url, prefix]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  ends.push(() => child.kill('SIGKILL'))
  let told = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (told += text))
  const ended = new Promise((resolve) => child.once('close', resolve))
  return {
    acknowledged: () => told.split('\n').slice(0, -1),
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** Charges are there once; nothing is held for ever; the books balance. Answers with acknowledged ones that are lost. */
async function expectWhole(
  store: RedisBudgetEnforcer,
  acknowledged: readonly string[],
  granted: number,
): Promise<readonly string[]> {
  await expect.poll(async () => (await store.describe('main')).openHolds, { timeout: 10_000 }).toBe(0)
  const view = await store.describe('main')
  expect(view.held).toBe(0)
  expect(view.available + view.spent).toBe(granted)
  expect(view.debt).toBe(0)
  // A hold may have ended while the server was gone: then its charge came late, and counts all the same.
  const charges = (await allEntries(store)).filter(({ op }) => op === 'capture' || op === 'late')
  const captured = charges.map(({ id }) => id)
  expect(new Set(captured).size, 'charged twice').toBe(captured.length)
  const there = new Set(captured)
  expect(view.spent).toBe(captured.length * SPENDER.cost)
  return acknowledged.filter((id) => !there.has(id))
}

describe('processes that are killed', () => {
  test(
    'lose no charge that was acknowledged, charge none twice, and leave nothing held [R1] [R2] [R3] [L-P3] [seed-001:redis]',
    async () => {
      const client = newClient()
      ends.push(() => client.disconnect())
      for (let cycle = 0; cycle < (LONG ? 175 : 2); cycle++) {
        const prefix = freshPrefix()
        const store = newStore(client, { prefix, maxEntries: 1_000_000 })
        await store.initialize('main', 1_000_000)
        const both = [spender(inject('redisUrl'), prefix), spender(inject('redisUrl'), prefix)]
        for (const each of both)
          await expect.poll(() => each.acknowledged().length, { timeout: 30_000 }).toBeGreaterThan(0)
        await new Promise((resolve) => setTimeout(resolve, new Random(cycle).int(300)))
        await Promise.all(both.map(async (each) => each.kill()))
        const acknowledged = both.flatMap((each) => each.acknowledged())
        expect(await expectWhole(store, acknowledged, 1_000_000)).toEqual([])
      }
    },
    LONG ? 3_600_000 : 90_000,
  )
})

// Only a server of this machine can be killed and started on what it has written, and only the long run has the time.
describe.each(LONG && localRedis() !== undefined ? ['always', 'everysec'] : [])(
  'a server that is killed, with appendfsync %s,',
  (policy) => {
    test('charges nothing twice, and loses what was acknowledged only where it need not be written first [R1] [R2] [R3]', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'mcp-budget-aof-'))
      ends.push(() => rmSync(folder, { recursive: true, force: true }))
      const settings = ['--appendonly', 'yes', '--appendfsync', policy]
      let server = await runRedis(settings, folder)
      const prefix = freshPrefix()
      const { port, url } = server
      const client = newClient(url)
      ends.push(
        () => client.disconnect(),
        () => server.stop(),
      )
      client.on('error', () => {})
      const store = newStore(client, { prefix, maxEntries: 100_000_000 })
      await store.initialize('main', 1_000_000_000)
      const process = spender(url, prefix)
      for (let cycle = 0; cycle < 175; cycle++) {
        const before = process.acknowledged().length
        await expect.poll(() => process.acknowledged().length, { timeout: 30_000 }).toBeGreaterThan(before)
        await new Promise((resolve) => setTimeout(resolve, new Random(cycle).int(200)))
        server.process.kill('SIGKILL')
        await new Promise((resolve) => server.process.once('close', resolve))
        repairAof(folder)
        server = await runRedis(settings, folder, port)
      }
      await process.kill()
      const lost = await expectWhole(store, process.acknowledged(), 1_000_000_000)
      // With everysec a server puts off what it writes while the disk is busy, for two seconds at most.
      console.log(`appendfsync ${policy}: ${lost.length} of ${process.acknowledged().length} charges lost`)
      if (policy === 'always') expect(lost).toEqual([])
    }, 3_600_000)
  },
)
