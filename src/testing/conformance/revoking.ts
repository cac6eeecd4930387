import { childOf, delegate, delegation, expectHeld, expectRefused, narrowed, revoke, ROOT } from './tokens.js'
import { expectMatch, expectSame } from './check.js'
import { rule, type Rule } from './case.js'
import type { DelegatingEnforcer } from '../../budget/enforcer.js'
import type { RevokeRequest } from '../../budget/moves.js'

/** `revoke`. */
const REVOKING: readonly Rule[] = [
  rule(
    'a prefix that is revoked kills all that was made of it, offline too, and nothing else [T01] [L-S42]',
    async (c) => {
      await c.store.initialize('main', 100)
      const mine = narrowed(ROOT, 'mine')
      await revoke(c, { budget: 'main', prefixId: mine.prefixIds.at(-1) as string })
      await expectRefused(c, 'revoked', mine, 1)
      await expectRefused(c, 'revoked', narrowed(narrowed(mine, 'offline'), 'again'), 0, { overdraft: true })
      await expectHeld(c, ROOT, 1)
      await expectHeld(c, narrowed(ROOT, 'yours'), 1)
    },
  ),
  rule(
    'budgets that were delegated by a revoked prefix are closed, and return what they have [T01] [L-S42] [I11]',
    async (c) => {
      await c.store.initialize('main', 100)
      const mine = narrowed(ROOT, 'mine')
      const child = await delegate(c, mine, 'child', 40)
      const grandchild = await delegate(c, narrowed(child, 'offline'), 'grandchild', 10)
      await delegate(c, ROOT, 'other', 5)
      const holdId = (await expectHeld(c, grandchild, 4)).id
      const request = { id: c.id(), budget: 'main', prefixId: mine.prefixIds.at(-1) as string }
      const answer = await (c.store as DelegatingEnforcer).revoke(request)
      expectMatch(answer, { kind: 'revoked', returned: 36 }, 'revoke')
      await c.expect('main', { available: 91 })
      await c.expect('child', { state: 'closed', available: 0 })
      await c.expect('grandchild', { state: 'closing', available: 0, held: 4 })
      await c.expect('other', { state: 'open', available: 5 })
      await c.store.release({ id: c.id(), holdId })
      await c.expect('main', { available: 95 })
    },
  ),
  rule('a nonce that is revoked kills all that was made of one minted token', async (c) => {
    await c.store.initialize('main', 100)
    const child = await delegate(c, ROOT, 'child', 40)
    await revoke(c, { budget: 'main', nonce: ROOT.nonce })
    await expectRefused(c, 'revoked', narrowed(ROOT, 'offline'), 1)
    await expectRefused(c, 'closed', child, 1)
    await expectHeld(c, { ...ROOT, nonce: 'another', prefixIds: ['other root'] }, 100)
  }),
  rule('tokens that were minted before a time are revoked, and later ones are not; it never goes back', async (c) => {
    await c.store.initialize('main', 100)
    const later = { ...ROOT, nonce: 'later', issuedAt: 2_000, prefixIds: ['later root'] }
    const [old, fresh] = [await delegate(c, ROOT, 'old', 40), await delegate(c, later, 'fresh', 10)]
    await revoke(c, { budget: 'main', issuedBefore: 2_000 })
    await revoke(c, { budget: 'main', issuedBefore: 500 })
    await expectRefused(c, 'revoked', ROOT, 1)
    await expectRefused(c, 'closed', old, 1)
    await expectHeld(c, later, 90)
    await expectHeld(c, fresh, 10)
  }),
  rule('a revocation is of one tenant', async (c) => {
    await c.store.initialize('main', 10)
    await c.store.initialize('other/main', 10)
    await revoke(c, { budget: 'other/main', prefixId: 'root' })
    await expectHeld(c, ROOT, 1)
    await expectRefused(c, 'revoked', { ...ROOT, tenant: 'other', budget: 'other/main' }, 1)
  }),
  rule('a revoked token delegates, moves, closes and sees nothing [L-S42]', async (c) => {
    await c.store.initialize('main', 100)
    const mine = narrowed(ROOT, 'mine')
    await delegate(c, ROOT, 'child', 10)
    await revoke(c, { budget: 'main', prefixId: mine.prefixIds.at(-1) as string })
    await c.expectUnchanged('what is refused', async () => {
      const made = await c.store.transfer(delegation(c, mine, 'new', 5))
      expectMatch(made, { kind: 'refused', reason: 'revoked', remaining: 0 }, 'delegate')
      const move = { id: c.id(), from: 'main', to: 'child', amount: 1, authority: mine }
      expectMatch(await c.store.transfer(move), { kind: 'refused', reason: 'revoked' }, 'top up')
      const close = { id: c.id(), budget: 'child', why: 'closed', authority: mine } as const
      expectMatch(await c.store.close(close), { kind: 'refused', reason: 'revoked' }, 'close')
      await c.expectThrow('describe', () => c.store.describe('main', mine), 'unknown_budget')
    })
  }),
  rule(
    'a revocation that arrives twice gets the first answer, and another under its id is id_reused [I5]',
    async (c) => {
      await c.store.initialize('main', 100)
      await delegate(c, narrowed(ROOT, 'mine'), 'child', 10)
      const store = c.store as DelegatingEnforcer
      const request = { id: c.id(), budget: 'main', prefixId: 'root mine' }
      const first = await store.revoke(request)
      expectMatch(first, { kind: 'revoked', returned: 10 }, 'revoke')
      await c.expectUnchanged('the second', async () => {
        expectSame(await store.revoke({ ...request }), first, 'the second answer')
        const other = await store.revoke({ ...request, prefixId: 'root' })
        expectMatch(other, { kind: 'refused', reason: 'id_reused' }, 'another')
      })
      await expectHeld(c, ROOT, 1)
      const nobody = await store.revoke({ ...request, id: c.id(), budget: 'nobody' })
      expectMatch(nobody, { kind: 'refused', reason: 'unknown_budget' }, 'of nobody')
    },
  ),
  rule('a revocation of nothing, or of several things at once, throws and revokes nothing [L-P24]', async (c) => {
    await c.store.initialize('main', 100)
    const wrong = [{}, { prefixId: '' }, { nonce: 5 }, { prefixId: 'root', nonce: 'n' }]
    const times = [Number.NaN, -1, 0.5, 2 ** 53].map((issuedBefore) => ({ issuedBefore }))
    for (const what of [...wrong, ...times]) {
      const request = { id: c.id(), budget: 'main', ...what } as RevokeRequest
      await c.expectThrow(JSON.stringify(what), () => (c.store as DelegatingEnforcer).revoke(request))
    }
    await expectHeld(c, ROOT, 1)
  }),
]

/** Budgets that end by themselves. */
const EXPIRING: readonly Rule[] = [
  rule('a budget ends at its time, and what it has returns; open holds finish [L-S9] [L-S45] [R2]', async (c) => {
    await c.store.initialize('main', 100)
    const expiresAt = c.clock.now() + 5_000
    const child = await delegate(c, ROOT, 'child', 40, { expiresAt })
    await c.expect('child', { expiresAt })
    const holdId = (await expectHeld(c, child, 10)).id
    await c.clock.advance(4_999)
    await expectHeld(c, child, 1)
    await c.clock.advance(1)
    await c.expect('child', { state: 'closing', available: 0, held: 11 })
    await c.expect('main', { available: 89 })
    await expectRefused(c, 'closed', child, 0)
    await c.store.capture({ id: c.id(), holdId, amount: 7, overage: 'cap' })
    await c.expect('main', { available: 92 })
    await c.expect('child', { spent: 7, held: 1 })
  }),
  rule('a budget does not outlive the one that it was carved from [L-S9]', async (c) => {
    await c.store.initialize('main', 100)
    const expiresAt = c.clock.now() + 1_000
    const child = await delegate(c, ROOT, 'child', 40, { expiresAt })
    const grandchild = await delegate(c, child, 'grandchild', 10, { expiresAt: expiresAt + 1_000 })
    await delegate(c, child, 'other', 10)
    for (const name of ['grandchild', 'other']) await c.expect(name, { expiresAt })
    await c.clock.advance(1_000)
    await expectRefused(c, 'closed', grandchild, 1)
    for (const name of ['child', 'grandchild', 'other']) await c.expect(name, { state: 'closed', available: 0 })
    await c.expect('main', { available: 100 })
  }),
  rule('a child that ends first returns to its parent, and so to the next [I11]', async (c) => {
    await c.store.initialize('main', 100)
    const now = c.clock.now()
    const child = await delegate(c, ROOT, 'child', 40, { expiresAt: now + 2_000 })
    await delegate(c, child, 'grandchild', 10, { expiresAt: now + 1_000 })
    await c.clock.advance(3_000)
    await c.expect('child', { state: 'closed', in: 50, out: 50 })
    await c.expect('main', { available: 100, in: 140 })
  }),
  rule(
    'a token of a budget that is over is as good as one that was never registered: it pays from nothing [T08]',
    async (c) => {
      await c.store.initialize('main', 100)
      const child = await delegate(c, ROOT, 'child', 40, { expiresAt: c.clock.now() + 1 })
      await c.clock.advance(1)
      await expectRefused(c, 'closed', child, 1)
      await expectRefused(c, 'unknown_budget', childOf(child, 'below'), 1)
      await c.expect('main', { available: 100, held: 0 })
    },
  ),
]

/** How delegated rights end. */
export const ENDING: readonly Rule[] = [...REVOKING, ...EXPIRING]
