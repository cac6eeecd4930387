import { expectMatch, expectSame, expectThat } from './check.js'
import { childOf, delegate, delegation, expectHeld, expectRefused, holdBy, narrowed, ROOT } from './tokens.js'
import { rule, type Rule } from './case.js'
import type { Authority } from '../../budget/authority.js'
import type { Subject } from './subject.js'

/** `main` with 100, of which `child` got 40 by token, of which `grandchild` got 10. */
async function family(c: Subject): Promise<{ readonly child: Authority; readonly grandchild: Authority }> {
  await c.store.initialize('main', 100)
  const child = await delegate(c, ROOT, 'child', 40)
  return { child, grandchild: await delegate(c, child, 'grandchild', 10) }
}

/** Which budget pays. */
const PAYING: readonly Rule[] = [
  rule(
    'a delegation carves a child that pays for tokens with its prefix, and for them only [I11] [L-P10]',
    async (c) => {
      const { child } = await family(c)
      await c.expect('main', { available: 60, out: 40 })
      const registration = child.prefixIds.at(-1) as string
      await c.expect('child', { available: 30, parent: 'default/main', registration })
      await expectHeld(c, narrowed(child, 'offline'), 5)
      await c.expect('child', { available: 25, held: 5 })
      await c.expect('main', { available: 60, held: 0 })
    },
  ),
  rule('a child pays no more than was carved, whatever its parent has [I11] [T38]', async (c) => {
    const { child, grandchild } = await family(c)
    await expectRefused(c, 'insufficient', child, 31)
    await expectRefused(c, 'insufficient', grandchild, 11)
    await expectHeld(c, child, 30)
    await expectRefused(c, 'exhausted', child, 1)
    await expectHeld(c, grandchild, 10)
  }),
  rule('a budget that is not registered at the prefix of the token is unknown [T07] [L-S5] [L-P24]', async (c) => {
    const { child, grandchild } = await family(c)
    await delegate(c, ROOT, 'sibling', 5)
    const [first] = child.registrations
    if (first === undefined) return
    const forged: Readonly<Record<string, Authority>> = {
      'a sibling’s name behind another prefix': childOf(narrowed(ROOT, 'offline'), 'sibling'),
      'a child of one’s own make': childOf(child, 'nobody'),
      'a sibling below oneself': childOf(child, 'sibling'),
      'a grandchild without its parent': { ...grandchild, registrations: grandchild.registrations.slice(1) },
      'another parent': { ...child, registrations: [{ ...first, parent: 'default/sibling' }] },
      'another prefix': { ...child, registrations: [{ ...first, prefixId: 'root' }] },
      'a budget that no registration names': { ...child, budget: 'default/sibling' },
    }
    for (const [what, token] of Object.entries(forged)) {
      await c.expectUnchanged(what, async () => {
        expectMatch(await c.store.hold(holdBy(c, token, 1)), { kind: 'refused', reason: 'unknown_budget' }, what)
      })
    }
  }),
  rule('the token of another tenant pays from no budget of this one [T07] [T37] [T38]', async (c) => {
    const { child } = await family(c)
    await c.store.initialize('evil/main', 10)
    const token = { ...child, tenant: 'evil', budget: 'evil/child' }
    const registrations = child.registrations.map((each) => ({ ...each, budget: 'evil/child', parent: 'evil/main' }))
    await expectRefused(c, 'unknown_budget', { ...token, registrations }, 1)
    await expectRefused(c, 'unknown_budget', { ...token, registrations: child.registrations }, 1)
    const across = { id: c.id(), from: 'evil/main', to: 'default/child', amount: 1 }
    expectMatch(await c.store.transfer(across), { kind: 'refused', reason: 'cross_partition' }, 'transfer')
  }),
  rule('a closed child is denied, and its parent does not pay instead [T08] [L-S1]', async (c) => {
    const { child, grandchild } = await family(c)
    await c.store.close({ id: c.id(), budget: 'child', why: 'closed' })
    await expectRefused(c, 'closed', child, 1)
    await expectRefused(c, 'closed', grandchild, 0)
    await expectRefused(c, 'closed', narrowed(child, 'offline'), 1, { overdraft: true })
    await c.expect('main', { available: 100, held: 0 })
  }),
  rule('a hold of a token may have more lines, but its first is on the token’s budget', async (c) => {
    const { child } = await family(c)
    await c.store.initialize('team', 5)
    const lines = [
      { budget: 'child', amount: 5 },
      { budget: 'team', amount: 5 },
    ]
    await expectHeld(c, child, 5, { lines })
    await c.expect('team', { held: 5 })
    await c.expectThrow('the other way round', () => c.store.hold(holdBy(c, child, 1, { lines: lines.toReversed() })))
    await expectRefused(c, 'exhausted', child, 5, { lines })
  }),
  rule('a hold that comes again with another token is id_reused [I5]', async (c) => {
    const { child } = await family(c)
    const request = await expectHeld(c, child, 5)
    const { authority: _none, ...without } = request
    await c.expectUnchanged('the other hold', async () => {
      for (const other of [{ ...request, authority: narrowed(child, 'offline') }, without]) {
        expectMatch(await c.store.hold(other), { kind: 'refused', reason: 'id_reused' }, 'hold')
      }
      expectMatch(await c.store.hold({ ...request }), { kind: 'held' }, 'the same')
    })
  }),
]

/** Making children. */
const MAKING: readonly Rule[] = [
  rule(
    'a delegation that arrives twice makes one child, and gets the first answer [T10] [I5] [I10] [L-P10]',
    async (c) => {
      await c.store.initialize('main', 100)
      const request = delegation(c, ROOT, 'child', 40)
      const first = await c.store.transfer(request)
      await expectHeld(c, ROOT, 10)
      await c.expectUnchanged('the second', async () => {
        expectSame(await c.store.transfer({ ...request }), first, 'the second answer')
      })
      const others = [{ amount: 41 }, { authority: narrowed(ROOT, 'offline') }, { create: { registration: 'other' } }]
      await c.expectUnchanged('others under the same id', async () => {
        for (const change of others) {
          const answer = await c.store.transfer({ ...request, ...change })
          expectMatch(answer, { kind: 'refused', reason: 'id_reused' }, JSON.stringify(Object.keys(change)))
        }
      })
    },
  ),
  rule('a child that is there is not delegated to again by another request', async (c) => {
    await family(c)
    await c.expectUnchanged('the second', async () => {
      const answer = await c.store.transfer(delegation(c, ROOT, 'child', 5))
      expectMatch(answer, { kind: 'refused', reason: 'unknown_budget' }, 'transfer')
    })
  }),
  rule('a delegation of 0 is an error, and one that is refused moves nothing [L-S2] [L-S7] [L-S8]', async (c) => {
    await c.store.initialize('main', 10)
    await c.expectThrow('0', () => c.store.transfer(delegation(c, ROOT, 'child', 0)), 'invalid_credits')
    await c.expectUnchanged('what is refused', async () => {
      const short = await c.store.transfer(delegation(c, ROOT, 'child', 11))
      expectMatch(short, { kind: 'refused', reason: 'insufficient', remaining: 10 }, 'too much')
      const past = delegation(c, ROOT, 'child', 5, { expiresAt: c.clock.now() })
      expectMatch(await c.store.transfer(past), { kind: 'refused', reason: 'closed' }, 'one that is over already')
    })
    await c.expectThrow('describe', () => c.store.describe('child'), 'unknown_budget')
  }),
  rule('terms that make no sense throw and change nothing [T18] [L-S3]', async (c) => {
    await c.store.initialize('main', 10)
    const terms: readonly object[] = [
      { registration: '' },
      { expiresAt: Number.NaN },
      { expiresAt: -1 },
      { caps: { depth: -1 } },
      { caps: { children: 0.5 } },
      { caps: { amount: Infinity } },
      { caps: { width: 1 } },
      { until: 5 },
    ]
    for (const each of terms) {
      const request = delegation(c, ROOT, 'child', 1, each)
      await c.expectThrow(JSON.stringify(each), () => c.store.transfer(request))
    }
  }),
  rule('delegations at once never carve more than there is [T10] [I2] [I11]', async (c) => {
    await c.store.initialize('main', 10)
    const names = Array.from({ length: 8 }, (_, n) => `child-${n}`)
    const requests = names.flatMap((name) => {
      const request = delegation(c, ROOT, name, 3)
      return [request, { ...request }]
    })
    const answers = await Promise.all(requests.map(async (request) => c.store.transfer(request)))
    expectThat(answers.filter(({ kind }) => kind === 'moved').length === 6, 'wanted three children, each told twice')
    await c.expect('main', { available: 1, out: 9 })
  }),
  rule('a tree is at most 16 budgets deep', async (c) => {
    await c.store.initialize('main', 100)
    let token = ROOT
    for (let depth = 1; depth <= 16; depth++) token = await delegate(c, token, `level-${depth}`, 50 - depth)
    await c.expectUnchanged('the next', async () => {
      const answer = await c.store.transfer(delegation(c, token, 'level-17', 1))
      expectMatch(answer, { kind: 'refused', reason: 'depth_exceeded' }, 'transfer')
    })
    await expectHeld(c, token, 34)
  }),
  rule('what a child may delegate is capped in depth, number and amount', async (c) => {
    await c.store.initialize('main', 100)
    const child = await delegate(c, ROOT, 'child', 50, { caps: { depth: 1, children: 2, amount: 10 } })
    const refused = async (token: Authority, name: string, amount: number, reason: string): Promise<void> => {
      const answer = await c.store.transfer(delegation(c, token, name, amount))
      expectMatch(answer, { kind: 'refused', reason }, `${name} with ${amount}`)
    }
    await refused(child, 'a', 11, 'amount_exceeded')
    const a = await delegate(c, child, 'a', 10)
    await refused(a, 'below-a', 1, 'depth_exceeded')
    await delegate(c, child, 'b', 10)
    await refused(child, 'third', 1, 'children_exceeded')
    await c.store.close({ id: c.id(), budget: 'b', why: 'closed' })
    await delegate(c, child, 'third', 10)
    const more = { id: c.id(), from: 'child', to: 'a', amount: 11, authority: child }
    expectMatch(await c.store.transfer(more), { kind: 'refused', reason: 'amount_exceeded' }, 'topping up')
  }),
]

/** Moving credits by token, and seeing them. */
const MOVING: readonly Rule[] = [
  rule('a token moves credits down to any budget below its own, and up to its parent [I11]', async (c) => {
    const { child, grandchild } = await family(c)
    const down = { id: c.id(), from: 'main', to: 'grandchild', amount: 5, authority: ROOT }
    expectMatch(await c.store.transfer(down), { kind: 'moved', remaining: 55 }, 'down')
    const up = { id: c.id(), from: 'grandchild', to: 'child', amount: 15, authority: grandchild }
    expectMatch(await c.store.transfer(up), { kind: 'moved', remaining: 0 }, 'up')
    await c.expect('child', { available: 45 })
    const back = { id: c.id(), from: 'child', to: 'main', amount: 45, authority: narrowed(child, 'offline') }
    expectMatch(await c.store.transfer(back), { kind: 'moved', remaining: 0 }, 'back')
    await c.expect('main', { available: 100 })
  }),
  rule('a token moves nothing else: not a sibling’s, not its child’s, not past its parent [T07] [I11]', async (c) => {
    const { child, grandchild } = await family(c)
    const sibling = await delegate(c, ROOT, 'sibling', 5)
    const moves: ReadonlyArray<readonly [Authority, string, string]> = [
      [child, 'child', 'sibling'],
      [sibling, 'child', 'sibling'],
      [child, 'grandchild', 'child'],
      [grandchild, 'grandchild', 'main'],
      [child, 'child', 'child'],
      [ROOT, 'child', 'main'],
      [child, 'main', 'child'],
    ]
    await c.expectUnchanged('what is refused', async () => {
      for (const [authority, from, to] of moves) {
        const answer = await c.store.transfer({ id: c.id(), from, to, amount: 1, authority })
        expectMatch(answer, { kind: 'refused', reason: 'not_descendant' }, `${authority.budget}: ${from} to ${to}`)
      }
    })
  }),
  rule('what a child gets repays its debt first', async (c) => {
    const { child } = await family(c)
    await expectHeld(c, child, 35, { overdraft: true })
    await expectHeld(c, child, 1, { overdraft: true })
    await c.expect('child', { available: 0, debt: 6 })
    await c.store.transfer({ id: c.id(), from: 'main', to: 'child', amount: 10, authority: ROOT })
    await c.expect('child', { available: 4, debt: 0 })
  }),
  rule('a token closes its own budget and those below, and no other [L-S42]', async (c) => {
    const { child, grandchild } = await family(c)
    const close = async (authority: Authority, budget: string) =>
      c.store.close({ id: c.id(), budget, why: 'closed', authority })
    await c.expectUnchanged('what is refused', async () => {
      for (const budget of ['child', 'main']) {
        const answer = await close(grandchild, budget)
        expectMatch(answer, { kind: 'refused', reason: 'not_descendant' }, `close of ${budget}`)
      }
      const unknown = await close(childOf(narrowed(ROOT, 'offline'), 'child'), 'child')
      expectMatch(unknown, { kind: 'refused', reason: 'unknown_budget' }, 'a forged token')
    })
    expectMatch(await close(child, 'grandchild'), { kind: 'closed', returned: 10 }, 'one below')
    expectMatch(await close(child, 'child'), { kind: 'closed', returned: 40 }, 'its own')
    expectMatch(await close(child, 'child'), { kind: 'refused', reason: 'closed' }, 'again')
  }),
  rule('a token sees its own budget and those below, and no other exists for it [T35] [T37]', async (c) => {
    const { child } = await family(c)
    expectMatch(await c.store.describe('child', child), { available: 30 }, 'its own')
    expectMatch(await c.store.describe('grandchild', child), { available: 10 }, 'one below')
    for (const budget of ['main', 'nobody']) {
      await c.expectThrow(budget, () => c.store.describe(budget, child), 'unknown_budget')
    }
    const forged = childOf(narrowed(ROOT, 'offline'), 'child')
    await c.expectThrow('a forged token', () => c.store.describe('child', forged), 'unknown_budget')
  }),
]

/** Budgets that are delegated by token. */
export const DELEGATION: readonly Rule[] = [...PAYING, ...MAKING, ...MOVING]
