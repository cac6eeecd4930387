/**
 * Spends as fast as it can until it is killed: `node redis-spender.ts <url> <prefix>`. It writes the id of each charge
 * when it is acknowledged, and nothing else.
 */
import { writeSync } from 'node:fs'
import { Redis } from 'ioredis'
import { ioredisPort, RedisBudgetEnforcer } from '../../src/backends/redis/index.js'
import { mintChargeId } from '../../src/core/ids.js'

/** What each call costs, and for how long its hold lasts when nobody ends it. */
export const SPENDER = { cost: 5, ttlMs: 1_000, inFlight: 64 }

async function spend(url: string, prefix: string): Promise<void> {
  const client = new Redis(url, { retryStrategy: () => 20, maxRetriesPerRequest: null })
  client.on('error', () => {})
  const store = new RedisBudgetEnforcer({ redis: ioredisPort(client), prefix })
  const lines = [{ budget: 'main', amount: SPENDER.cost + 2 }]
  for (;;) {
    const id = mintChargeId(Date.now())
    const held = await store.hold({ id, lines, ttlMs: SPENDER.ttlMs, onExpire: 'release' })
    if (held.kind !== 'held') {
      await new Promise((resolve) => setTimeout(resolve, 20))
      continue
    }
    const capture = { id: `${id}.c`, holdId: id, amount: SPENDER.cost, overage: 'cap', lines } as const
    // In one write, so that a kill leaves no half of a line; when it was written, somebody knows.
    if ((await store.capture(capture)).kind === 'captured') writeSync(1, `${id}\n`)
  }
}

const [, , url, prefix] = process.argv
if (url !== undefined && prefix !== undefined) {
  for (let n = 0; n < SPENDER.inFlight; n++) void spend(url, prefix)
}
