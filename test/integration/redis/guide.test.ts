import { afterAll, expect, test } from 'vitest'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
// #region imports
import { compose, replay, withBudget, withCostProfile, withLedger, type LedgerRecord } from 'mcp-budget'
import { drainLedger, jsonlSink, readDrained } from 'mcp-budget/drain'
import { ioredisPort, RedisBudgetEnforcer } from 'mcp-budget/redis'
// #endregion imports
import { freshPrefix, newClient } from './store.js'

const folder = mkdtempSync(join(tmpdir(), 'mcp-budget-docs-'))
const redis = newClient()

afterAll(() => {
  redis.disconnect()
  rmSync(folder, { recursive: true, force: true })
})

test('the code of the guide to Redis reads the ledger and drains it into a file', async () => {
  const enforcer = new RedisBudgetEnforcer({ redis: ioredisPort(redis), prefix: freshPrefix() })
  await enforcer.initialize('team', 100)
  // #region ledger
  const { ledger } = enforcer
  const meter = compose(
    withLedger({ ledger }),
    withCostProfile({ defaultCost: 5 }),
    withBudget({ enforcer, budget: 'team', awaitCapture: true }),
  )
  await meter.run({ tool: 'search' }, () => 'found')

  const spent = replay(await ledger.entries({ kind: 'money' })).get('default/team')?.spent // 5
  const { byTool } = await ledger.report({ since: Date.now() - 3_600_000 })
  // #endregion ledger
  expect(spent).toBe(5)
  await expect.poll(async () => (await ledger.report()).byTool.get('search')?.calls).toBe(1)
  expect(byTool.size).toBeLessThanOrEqual(1)

  const path = join(folder, 'ledger.jsonl')
  // #region drain
  const sink = jsonlSink(path)
  await drainLedger({ from: enforcer.ledger, to: sink }) // every few seconds
  await sink.close()

  const records: LedgerRecord[] = []
  for await (const { record } of readDrained(path)) records.push(record)
  // #endregion drain
  expect(records.map((record) => (record.kind === 'money' ? record.op : record.tool))).toEqual(
    expect.arrayContaining(['grant', 'hold', 'capture', 'search']),
  )
  expect(replay(records).get('default/team')).toMatchObject({ available: 95, spent: 5, held: 0 })
})
