/**
 * Two processes, one budget of 100 credits in Redis: together they get 20 searches of 5, however they are scheduled.
 * Runs on TEST_REDIS_URL, on a Redis or Valkey of this machine, or on one from npm.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Redis } from 'ioredis'
import { ioredisPort, RedisBudgetEnforcer } from 'mcp-budget/redis'
import { startRedis } from '../../test/support/servers/redis.js'

const server = await startRedis()
const BUDGET = `team-${process.pid}-${Date.now()}`
const agent = fileURLToPath(new URL('agent.ts', import.meta.url))
const env = { ...process.env, REDIS_URL: server.url, BUDGET }
const run = async (): Promise<number> => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', agent], { env })
  return Number(stdout)
}

try {
  const [one, other] = await Promise.all([run(), run()])
  console.log(`one process searched ${one} times, the other ${other} times`)
  assert.equal(one + other, 20)

  const redis = new Redis(server.url)
  const view = await new RedisBudgetEnforcer({ redis: ioredisPort(redis) }).describe(BUDGET)
  redis.disconnect()
  console.log(`spent ${view.spent}, left ${view.available}, held ${view.held}`)
  assert.deepEqual([view.spent, view.available, view.held], [100, 0, 0])
} finally {
  await server.stop()
}
