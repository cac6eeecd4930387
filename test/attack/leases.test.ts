import { expect, test } from 'vitest'
import { InMemoryBudgetEnforcer } from 'mcp-budget'
import { FakeClock } from 'mcp-budget/testing'
import { LeasedEnforcer } from 'mcp-budget/leases'
import { mintChargeId } from '../../src/core/ids.js'

// Why it matters: one long call, such as a task that polls, keeps up to 999 credits from every larger call of the budget.
test('a call is not refused for the rest of a lease that an open hold does not need [I2]', async () => {
  const clock = new FakeClock()
  const store = new InMemoryBudgetEnforcer({ clock })
  store.initialize('default/main', 1_000)
  const enforcer = await LeasedEnforcer.open({ store, clock })
  const hold = (amount: number) => {
    const request = { lines: [{ budget: 'default/main', amount }], ttlMs: 600_000, onExpire: 'release' } as const
    return enforcer.hold({ ...request, id: mintChargeId(clock.now()) })
  }
  for (const amount of [1, 1]) expect(await hold(amount)).toMatchObject({ kind: 'held' })
  expect(await hold(900)).toMatchObject({ kind: 'held' })
  await enforcer.shutdown()
})
