import { expectMatch } from './check.js'
import { rule, type Rule } from './case.js'

/** Debt, and what repays it. */
export const DEBT: readonly Rule[] = [
  rule('an overdraft holds what is there, and the rest becomes debt', async (c) => {
    await c.store.initialize('main', 10)
    const request = c.holdRequest(14, { overdraft: true })
    expectMatch(await c.store.hold(request), { kind: 'held', remaining: 0, debt: 4 }, 'hold')
    await c.expect('main', { available: 0, held: 14, debt: 4 })
    expectMatch(await c.store.hold(c.holdRequest(1)), { kind: 'refused', reason: 'exhausted' }, 'a plain hold')
  }),
  rule('a release repays debt first', async (c) => {
    await c.store.initialize('main', 10)
    const holdId = await c.hold(10)
    await c.hold(4, { overdraft: true })
    expectMatch(await c.store.release({ id: c.id(), holdId }), { kind: 'released', returned: 10 }, 'release')
    await c.expect('main', { available: 6, held: 4, debt: 0 })
  }),
  rule('a capture that returns a part repays debt first', async (c) => {
    await c.store.initialize('main', 10)
    const holdId = await c.hold(14, { overdraft: true })
    await c.store.capture({ id: c.id(), holdId, amount: 8, overage: 'cap' })
    await c.expect('main', { available: 2, held: 0, spent: 8, debt: 0 })
  }),
  rule('an expiry that gives back repays debt first', async (c) => {
    await c.store.initialize('main', 10)
    await c.hold(14, { overdraft: true, ttlMs: 1_000, onExpire: 'release' })
    await c.clock.advance(1_000)
    await c.expect('main', { available: 10, held: 0, debt: 0 })
  }),
  rule('a grant repays debt first', async (c) => {
    await c.store.initialize('main', 10)
    await c.hold(14, { overdraft: true })
    const grant = (amount: number) => c.store.grant({ id: c.id(), budget: 'main', amount })
    expectMatch(await grant(3), { kind: 'moved', remaining: 0 }, 'a part')
    await c.expect('main', { available: 0, debt: 1, in: 13 })
    expectMatch(await grant(3), { kind: 'moved', remaining: 2 }, 'the rest')
    await c.expect('main', { available: 2, debt: 0, in: 16 })
  }),
  rule('a transfer repays the debt of the budget it goes to', async (c) => {
    await c.store.initialize('main', 1)
    await c.store.initialize('rich', 10)
    await c.hold(4, { overdraft: true })
    await c.store.transfer({ id: c.id(), from: 'rich', to: 'main', amount: 5 })
    await c.expect('main', { available: 2, debt: 0, in: 6 })
  }),
]
