import {
  delegate,
  delegation,
  expectHeld,
  expectRefused,
  holdBy,
  narrowed,
  ROOT,
  withCalls,
  withMax,
  withRate,
} from './tokens.js'
import { expectMatch, expectThat } from './check.js'
import { rule, type Rule } from './case.js'
import type { Authority } from '../../budget/authority.js'
import type { Subject } from './subject.js'

/** Expects so much to be counted of each of the token's ceilings. */
async function expectUsed(c: Subject, token: Authority, ...used: readonly number[]): Promise<void> {
  const { limits } = await c.store.describe(token.budget, token)
  expectMatch(
    limits?.ceilings,
    used.map((each) => ({ used: each })),
    'used',
  )
}

const capture = async (c: Subject, holdId: string, amount: number, overage: 'cap' | 'debt' = 'cap'): Promise<unknown> =>
  c.store.capture({ id: c.id(), holdId, amount, overage })

/** `max`. */
const MAX: readonly Rule[] = [
  rule('a ceiling admits as much as it says, in all, whatever is made of the token [T01] [L-S27]', async (c) => {
    await c.store.initialize('main', 100)
    const token = withMax(ROOT, 'max', 20)
    await capture(c, (await expectHeld(c, token, 12)).id, 12)
    await expectRefused(c, 'ceiling', token, 9)
    for (const name of ['a', 'b', 'c']) await expectRefused(c, 'ceiling', withMax(narrowed(token, name), name, 99), 9)
    await expectHeld(c, narrowed(token, 'd'), 8)
    await expectRefused(c, 'ceiling', narrowed(token, 'e'), 1)
    await expectHeld(c, ROOT, 80)
  }),
  rule('a limit of 0 admits nothing [L-S3]', async (c) => {
    await c.store.initialize('main', 100)
    await expectRefused(c, 'ceiling', withMax(ROOT, 'max', 0), 1)
    await expectRefused(c, 'ceiling', withCalls(ROOT, 'calls', 0), 0)
  }),
  rule('what a hold did not use is given back to its ceilings, and no more', async (c) => {
    await c.store.initialize('main', 100)
    const token = withMax(withMax(ROOT, 'outer', 50), 'inner', 20)
    const holds = [await expectHeld(c, token, 6), await expectHeld(c, token, 6), await expectHeld(c, token, 6)]
    await expectUsed(c, token, 18, 18)
    await capture(c, holds[0]?.id ?? '', 2)
    await c.store.release({ id: c.id(), holdId: holds[1]?.id ?? '' })
    await c.store.release({ id: c.id(), holdId: holds[1]?.id ?? '' })
    await expectUsed(c, token, 8, 8)
    await expectHeld(c, token, 12)
    await expectRefused(c, 'ceiling', token, 1)
  }),
  rule('a hold that expires counts as what it was charged', async (c) => {
    await c.store.initialize('main', 100)
    const token = withMax(ROOT, 'max', 20)
    await expectHeld(c, token, 5, { ttlMs: 1_000, onExpire: 'release' })
    await expectHeld(c, token, 7, { ttlMs: 1_000, onExpire: 'capture' })
    await c.clock.advance(1_000)
    await expectUsed(c, token, 7)
  }),
  rule('what is charged beyond a hold, or late, counts too, and may pass the ceiling', async (c) => {
    await c.store.initialize('main', 100)
    const token = withMax(ROOT, 'max', 10)
    await capture(c, (await expectHeld(c, token, 5)).id, 9, 'debt')
    await expectUsed(c, token, 9)
    const late = await expectHeld(c, token, 1, { ttlMs: 1_000, onExpire: 'release' })
    await c.clock.advance(1_000)
    await expectUsed(c, token, 9)
    await capture(c, late.id, 4, 'debt')
    await expectUsed(c, token, 13)
    await expectRefused(c, 'ceiling', token, 1)
  }),
  rule('a hold that is refused counts nowhere [L-S26]', async (c) => {
    await c.store.initialize('main', 10)
    const token = withCalls(withMax(withMax(ROOT, 'outer', 50), 'inner', 20), 'calls', 2)
    await expectRefused(c, 'ceiling', token, 21)
    await expectRefused(c, 'insufficient', token, 11)
    await expectUsed(c, token, 0, 0)
    await expectHeld(c, token, 1)
    await expectHeld(c, token, 1)
  }),
  rule('an overdraft lifts no ceiling', async (c) => {
    await c.store.initialize('main', 5)
    const token = withMax(ROOT, 'max', 8)
    await expectHeld(c, token, 7, { overdraft: true })
    await expectRefused(c, 'ceiling', token, 2, { overdraft: true })
  }),
  rule('holds at once never pass a ceiling [I2] [L-P1]', async (c) => {
    await c.store.initialize('main', 100)
    const token = withMax(ROOT, 'max', 10)
    const holds = Array.from({ length: 8 }, async (_, n) => c.store.hold(holdBy(c, narrowed(token, `${n}`), 3)))
    const answers = await Promise.all(holds)
    expectThat(answers.filter(({ kind }) => kind === 'held').length === 3, 'wanted three holds to be placed')
  }),
  rule('what a token is told is left is no more than it could spend [T35]', async (c) => {
    await c.store.initialize('main', 100)
    const token = withMax(ROOT, 'max', 20)
    const held = holdBy(c, token, 5)
    expectMatch(await c.store.hold(held), { kind: 'held', remaining: 15 }, 'held')
    const extended = await c.store.extend({ id: c.id(), holdId: held.id, ttlMs: 1_000 })
    expectMatch(extended, { kind: 'extended', remaining: 15 }, 'extended')
    const refused = await c.store.hold(holdBy(c, token, 16))
    expectMatch(refused, { kind: 'refused', reason: 'ceiling', remaining: 15 }, 'refused')
    const moved = await c.store.transfer(delegation(c, token, 'child', 5))
    expectMatch(moved, { kind: 'moved', remaining: 10 }, 'moved')
  }),
]

/** What is delegated through a ceiling. */
const CARVED: readonly Rule[] = [
  rule('a ceiling is charged for what is delegated through it: of 50 neither 51 nor twice 30 [T09]', async (c) => {
    await c.store.initialize('main', 100)
    const token = withMax(ROOT, 'max', 50)
    await c.expectUnchanged('too much', async () => {
      const answer = await c.store.transfer(delegation(c, token, 'child', 51))
      expectMatch(answer, { kind: 'refused', reason: 'ceiling', remaining: 50 }, '51')
    })
    await delegate(c, token, 'first', 30)
    await c.expectUnchanged('too much', async () => {
      const second = delegation(c, narrowed(token, 'offline'), 'second', 30)
      expectMatch(await c.store.transfer(second), { kind: 'refused', reason: 'ceiling' }, 'twice 30')
    })
    const more = { id: c.id(), from: 'main', to: 'first', amount: 21, authority: token }
    expectMatch(await c.store.transfer(more), { kind: 'refused', reason: 'ceiling' }, 'topping up')
    await expectRefused(c, 'ceiling', token, 21)
  }),
  rule(
    'what was delegated is counted once and for good: not again when it is spent, and never given back [T09]',
    async (c) => {
      await c.store.initialize('main', 100)
      const token = withMax(ROOT, 'max', 50)
      const child = await delegate(c, token, 'child', 30)
      await capture(c, (await expectHeld(c, child, 10)).id, 10)
      await expectUsed(c, token, 30)
      await c.store.transfer({ id: c.id(), from: 'child', to: 'main', amount: 5, authority: child })
      await c.store.close({ id: c.id(), budget: 'child', why: 'closed' })
      await expectUsed(c, token, 30)
    },
  ),
  rule('giving back to the parent counts against no ceiling', async (c) => {
    await c.store.initialize('main', 100)
    const child = withMax(await delegate(c, ROOT, 'child', 30), 'max', 10)
    const back = { id: c.id(), from: 'child', to: 'main', amount: 20, authority: child }
    expectMatch(await c.store.transfer(back), { kind: 'moved' }, 'up')
    await expectUsed(c, child, 0)
  }),
]

/** `calls` and `rate`. */
const COUNTED: readonly Rule[] = [
  rule(
    'a number of calls is admitted through a prefix, below it too; one that did not run is given back',
    async (c) => {
      await c.store.initialize('main', 100)
      const token = withCalls(ROOT, 'calls', 3)
      const child = await delegate(c, token, 'child', 10)
      const first = await expectHeld(c, token, 0)
      await expectHeld(c, child, 1)
      await capture(c, (await expectHeld(c, narrowed(token, 'offline'), 1)).id, 0)
      await expectRefused(c, 'ceiling', child, 0)
      await c.store.release({ id: c.id(), holdId: first.id })
      await expectHeld(c, child, 0)
      await expectRefused(c, 'ceiling', token, 0)
    },
  ),
  rule('a rate admits so many calls at once, then one at a time, on the store’s clock', async (c) => {
    await c.store.initialize('main', 100)
    const token = withRate(ROOT, 'rate', { calls: 3, seconds: 10 })
    for (let n = 0; n < 3; n++) await expectHeld(c, token, 1)
    const refused = await c.store.hold(holdBy(c, narrowed(token, 'offline'), 1))
    const resetAt = c.clock.now() + 3_334
    expectMatch(refused, { kind: 'refused', reason: 'rate', resetAt }, 'the fourth')
    await expectRefused(c, 'rate', token, 1)
    await c.clock.advance(3_334)
    await expectHeld(c, token, 1)
    await expectRefused(c, 'rate', token, 1)
    await expectHeld(c, withRate(ROOT, 'another', { calls: 1, seconds: 10 }), 1)
    await c.clock.advance(86_400_000)
    for (let n = 0; n < 3; n++) await expectHeld(c, token, 1)
    await expectRefused(c, 'rate', token, 1)
  }),
  rule('a call that is given back still counts for the rate', async (c) => {
    await c.store.initialize('main', 100)
    const token = withRate(ROOT, 'rate', { calls: 1, seconds: 10 })
    await c.store.release({ id: c.id(), holdId: (await expectHeld(c, token, 1)).id })
    await expectRefused(c, 'rate', token, 1)
  }),
  rule('delegating is no call', async (c) => {
    await c.store.initialize('main', 100)
    const token = withRate(withCalls(ROOT, 'calls', 1), 'rate', { calls: 1, seconds: 10 })
    await delegate(c, token, 'a', 1)
    await delegate(c, token, 'b', 1)
    await expectHeld(c, token, 1)
  }),
]

/** What is counted under a prefix. */
export const CEILINGS: readonly Rule[] = [...MAX, ...CARVED, ...COUNTED]
