import { expect, inject, test } from 'vitest'
import { cli } from '../../support/cli.js'
import { ioredisPort, RedisBudgetEnforcer } from '../../../src/backends/redis/index.js'
import { freshPrefix, newClient } from '../redis/store.js'

test('`ledger verify` does not take a ledger that folds for a broken one', async () => {
  const client = newClient()
  const prefix = freshPrefix()
  const store = new RedisBudgetEnforcer({ redis: ioredisPort(client), prefix, maxEntries: 4 })
  await store.initialize('a', 1_000)
  for (let n = 0; n < 20; n++) await store.spend({ chargeId: `c${n}`, budget: 'a', tool: 't', cost: 1 })
  const env = { MCP_BUDGET_STORE: inject('redisUrl') }
  const { code, out, err } = await cli(['ledger', 'verify', '--prefix', prefix], { env })
  expect([code, out]).toEqual([1, ''])
  expect(err).toContain('got one that has folded the money records')
  client.disconnect()
})
