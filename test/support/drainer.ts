/**
 * Drains a ledger into a file until it is killed: `node drainer.ts <url> <prefix> <file>`. Says `drained` after each run.
 */
import { writeSync } from 'node:fs'
import { Redis } from 'ioredis'
import { drainLedger, jsonlSink } from '../../src/ledger/drain/index.js'
import { ioredisPort, RedisBudgetEnforcer } from '../../src/backends/redis/index.js'

const [, , url = '', prefix = '', path = ''] = process.argv
const { ledger } = new RedisBudgetEnforcer({ redis: ioredisPort(new Redis(url)), prefix })
const sink = jsonlSink(path)
for (;;) {
  const { drained } = await drainLedger({ from: ledger, to: sink, limit: 50 })
  if (drained > 0) writeSync(1, 'drained\n')
  await new Promise((resolve) => setTimeout(resolve, 5))
}
