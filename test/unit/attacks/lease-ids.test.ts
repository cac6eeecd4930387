import { expect, test } from 'vitest'
import { InMemoryBudgetEnforcer } from 'mcp-budget'
import { FakeClock } from 'mcp-budget/testing'
import { LeasedEnforcer } from 'mcp-budget/leases'
import { mintChargeId } from '../../../src/core/ids.js'

// Why it matters: after 200,000 calls a hold that was asked for again under another id is lost: its call is charged as
// late, and what it held is charged too when its time is up.
test('a hold that the store has under another id is found for as long as it is open [I1]', async () => {
  const clock = new FakeClock()
  const store = new InMemoryBudgetEnforcer({ clock })
  store.initialize('default/main', 10_000)
  const enforcer = await LeasedEnforcer.open({ store, clock, most: 5_000 })
  const lines = (amount: number) => [{ budget: 'default/main', amount }]
  const hold = async (amount: number): Promise<string> => {
    const id = mintChargeId(clock.now())
    const terms = { lines: lines(amount), ttlMs: 3_600_000, onExpire: 'capture' } as const
    expect(await enforcer.hold({ ...terms, id })).toMatchObject({ kind: 'held' })
    return id
  }
  const capture = (holdId: string, amount: number) =>
    enforcer.capture({ id: `${holdId}.c`, holdId, amount, overage: 'cap', lines: lines(amount) })
  await capture(await hold(1), 1)
  const id = await hold(9_000)
  for (let n = 0; n < 200_001; n++) {
    const other = mintChargeId(clock.now())
    await enforcer.hold({ id: other, lines: lines(0), ttlMs: 60_000, onExpire: 'release' })
    await enforcer.release({ id: `${other}.r`, holdId: other })
  }
  await capture(id, 9_000)
  await enforcer.shutdown()
  await clock.advanceAsync(4_000_000)
  store.check('default/main', 1)
  expect(store.describe('default/main')).toMatchObject({ spent: 9_001, debt: 0, held: 0 })
}, 60_000)
