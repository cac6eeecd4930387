import { spawn } from 'node:child_process'
import { afterAll, describe, expect, inject, test } from 'vitest'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { drainLedger, jsonlSink, readDrained } from '../../../src/ledger/drain/index.js'
import { freshPrefix, newClient, newStore } from './store.js'
import { mintChargeId } from '../../../src/core/ids.js'
import { replay, type LedgerRecord } from '../../../src/index.js'
import type { RedisBudgetEnforcer } from '../../../src/backends/redis/index.js'

const LONG = process.env['MCP_BUDGET_LONG'] === '1'
const client = newClient()
const folder = mkdtempSync(join(tmpdir(), 'mcp-budget-drain-'))
const ends: (() => unknown)[] = []

afterAll(() => {
  for (const end of ends) end()
  client.disconnect()
  rmSync(folder, { recursive: true, force: true })
})

async function spendMany(store: RedisBudgetEnforcer, count: number): Promise<void> {
  const spend = async () => store.spend({ chargeId: mintChargeId(Date.now()), budget: 'main', tool: 't', cost: 1 })
  await Promise.all(Array.from({ length: count }, spend))
}

/** What a file says: the numbers of its money entries, and its records. */
async function readAll(path: string) {
  const records: LedgerRecord[] = []
  const seqs: number[] = []
  for await (const { seq, record } of readDrained(path)) {
    records.push(record)
    seqs.push(seq)
  }
  return { records, seqs }
}

function upTo(first: number, last: number): readonly number[] {
  return Array.from({ length: last - first + 1 }, (_, n) => first + n)
}

function drainer(prefix: string, path: string) {
  const args = ['--import', 'tsx', 'test/support/drainer.ts', inject('redisUrl'), prefix, path]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  ends.push(() => child.kill('SIGKILL'))
  const drained = new Promise((resolve) => child.stdout.once('data', resolve))
  const ended = new Promise((resolve) => child.once('close', resolve))
  return { drained, kill: async () => (child.kill('SIGKILL'), ended) }
}

describe('a drain into a file', () => {
  test(
    'of two processes that are killed and started again has each entry once, and all of them [I13] [R3]',
    async () => {
      const [prefix, path] = [freshPrefix(), join(folder, 'killed.jsonl')]
      // What no drain of this test has time for is not folded.
      const store = newStore(client, { prefix, maxEntries: 100_000_000 })
      await store.initialize('main', 1_000_000_000)
      let isOver = false
      const spending = (async () => {
        // Not faster than two processes that start can follow.
        for (; !isOver; await new Promise((resolve) => setTimeout(resolve, 5))) await spendMany(store, 20)
      })()
      for (let cycle = 0; cycle < (LONG ? 30 : 2); cycle++) {
        const both = [drainer(prefix, path), drainer(prefix, path)]
        await Promise.all(
          both.map(({ drained }) => Promise.race([drained, new Promise((r) => setTimeout(r, LONG ? 20_000 : 3_000))])),
        )
        await Promise.all(both.map(async ({ kill }) => kill()))
      }
      isOver = true
      await spending
      const sink = jsonlSink(path)
      await drainLedger({ from: store.ledger, to: sink })
      await sink.close()
      const { seqs, records } = await readAll(path)
      expect(seqs).toEqual(upTo(1, seqs.length))
      expect(replay(records).get('default/main')).toMatchObject({ spent: seqs.length - 1 })
      expect(await store.describe('main')).toMatchObject({ spent: seqs.length - 1 })
    },
    LONG ? 900_000 : 120_000,
  )

  test('that comes too late says which entries were folded, and goes on where somebody hears of it [I13]', async () => {
    const path = join(folder, 'late.jsonl')
    const store = newStore(client, { maxEntries: 20 })
    await store.initialize('main', 100_000)
    const sink = jsonlSink(path)
    await drainLedger({ from: store.ledger, to: sink })
    for (let n = 0; n < 20; n++) await spendMany(store, 10)
    const [first] = await store.ledger.numbered({ partition: 'default', kind: 'money', after: 0, limit: 1 })
    const missing = `2 to ${(first?.seq ?? 0) - 1} were folded`
    await expect(drainLedger({ from: store.ledger, to: sink })).rejects.toThrow(missing)
    const gaps: unknown[] = []
    await drainLedger({ from: store.ledger, to: sink, onGap: (gap) => gaps.push(gap) })
    expect(gaps).toMatchObject([{ partition: 'default', kind: 'money', from: 2 }])
    await sink.close()
    expect((await readAll(path)).seqs).toEqual([1, ...upTo(first?.seq ?? 0, 201)])
  })

  test('notices that the server has lost what was drained, and has begun anew', async () => {
    const prefix = freshPrefix()
    const store = newStore(client, { prefix })
    await store.initialize('main', 100_000)
    await spendMany(store, 10)
    const sink = jsonlSink(join(folder, 'lost.jsonl'))
    await drainLedger({ from: store.ledger, to: sink })
    await client.del(await client.keys(`${prefix}*`))
    const again = newStore(client, { prefix })
    await again.initialize('main', 100_000)
    const refused = { code: 'ledger_gap', message: expect.stringContaining('number 11 is not') as string }
    await expect(drainLedger({ from: again.ledger, to: sink })).rejects.toMatchObject(refused)
    await spendMany(again, 50)
    await expect(drainLedger({ from: again.ledger, to: sink })).rejects.toMatchObject(refused)
    await sink.close()
  })
})
