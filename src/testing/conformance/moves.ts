import { expectMatch, expectSame, expectThat } from './check.js'
import { rule, type Rule } from './case.js'

/** `grant`. */
const GRANTS: readonly Rule[] = [
  rule('a grant brings new credits in [I10]', async (c) => {
    await c.store.initialize('main', 10)
    const answer = await c.store.grant({ id: c.id(), budget: 'main', amount: 5 })
    expectMatch(answer, { kind: 'moved', remaining: 15 }, 'grant')
    await c.expect('main', { available: 15, in: 15 })
  }),
  rule(
    'to create, to grant, to transfer and to give back are verbs of their own, and each does only that [L-P9]',
    async (c) => {
      await c.store.initialize('main', 10)
      await c.store.initialize('main', 10)
      await c.expect('main', { in: 10, available: 10 })
      await c.store.grant({ id: c.id(), budget: 'main', amount: 5 })
      await c.expect('main', { in: 15, available: 15, out: 0 })
      await c.store.transfer({ id: c.id(), from: 'main', to: 'child', amount: 4, create: true })
      await c.expect('main', { in: 15, available: 11, out: 4 })
      await c.expect('child', { in: 4, available: 4 })
      const holdId = await c.hold(3)
      await c.store.release({ id: c.id(), holdId })
      await c.expect('main', { in: 15, available: 11, held: 0, spent: 0 })
      await c.store.initialize('main', 10)
      await c.expect('main', { in: 15, available: 11 })
    },
  ),
  rule('a grant that arrives twice is made once and gets the first answer [I5] [I10] [L-P8]', async (c) => {
    await c.store.initialize('main', 10)
    const request = { id: c.id(), budget: 'main', amount: 5 }
    const first = await c.store.grant(request)
    await c.hold(7)
    await c.expectUnchanged('the second', async () => {
      expectSame(await c.store.grant({ ...request }), first, 'the second answer')
    })
  }),
  rule('a grant that was refused stays refused when it arrives again [I5] [L-P8]', async (c) => {
    const request = { id: c.id(), budget: 'main', amount: 5 }
    const first = await c.store.grant(request)
    expectMatch(first, { kind: 'refused', reason: 'unknown_budget', budget: 'default/main', remaining: 0 }, 'grant')
    await c.store.initialize('main', 10)
    expectSame(await c.store.grant({ ...request }), first, 'the second answer')
    await c.expect('main', { in: 10 })
  }),
  rule('a grant with the id of another is id_reused and brings nothing [I5]', async (c) => {
    await c.store.initialize('main', 10)
    await c.store.initialize('other', 10)
    const request = { id: c.id(), budget: 'main', amount: 5 }
    await c.store.grant(request)
    await c.expectUnchanged('a reused id', async () => {
      for (const change of [{ amount: 6 }, { budget: 'other' }]) {
        const answer = await c.store.grant({ ...request, ...change })
        expectMatch(answer, { kind: 'refused', reason: 'id_reused' }, JSON.stringify(change))
      }
    })
  }),
  rule('a grant or a transfer of 0 is an error [L-S2]', async (c) => {
    await c.store.initialize('main', 10)
    await c.store.initialize('other', 10)
    const request = { id: c.id(), budget: 'main', amount: 0 }
    await c.expectThrow('grant', () => c.store.grant(request), 'invalid_credits')
    const move = { id: c.id(), from: 'main', to: 'other', amount: 0 }
    await c.expectThrow('transfer', () => c.store.transfer(move), 'invalid_credits')
  }),
]

/** `transfer`. */
const TRANSFERS: readonly Rule[] = [
  rule('a transfer delegates: it creates the child with what it moves [I11] [L-P10]', async (c) => {
    await c.store.initialize('main', 10)
    const move = { id: c.id(), from: 'main', to: 'child', amount: 4, create: true }
    expectMatch(await c.store.transfer(move), { kind: 'moved', remaining: 6 }, 'transfer')
    await c.expect('main', { available: 6, out: 4, children: ['default/child'] })
    await c.expect('child', { available: 4, in: 4, parent: 'default/main', state: 'open' })
  }),
  rule('a transfer tops up a child, and reclaims from it [I11]', async (c) => {
    await c.store.initialize('main', 10)
    await c.store.transfer({ id: c.id(), from: 'main', to: 'child', amount: 4, create: true })
    await c.store.transfer({ id: c.id(), from: 'main', to: 'child', amount: 2, create: true })
    await c.store.transfer({ id: c.id(), from: 'main', to: 'child', amount: 1 })
    await c.expect('child', { available: 7, in: 7 })
    const reclaim = { id: c.id(), from: 'child', to: 'main', amount: 5 }
    expectMatch(await c.store.transfer(reclaim), { kind: 'moved', remaining: 2 }, 'reclaim')
    await c.expect('main', { available: 8, in: 15, out: 7 })
    await c.expect('child', { available: 2, in: 7, out: 5 })
  }),
  rule('a transfer moves all or nothing [L-S7] [L-P10]', async (c) => {
    await c.store.initialize('main', 10)
    await c.hold(7)
    await c.expectUnchanged('a refused transfer', async () => {
      const move = { id: c.id(), from: 'main', to: 'child', amount: 4, create: true }
      const short = { kind: 'refused', reason: 'insufficient', budget: 'default/main', remaining: 3 }
      expectMatch(await c.store.transfer(move), short, 'more than is available')
    })
    await c.expectThrow('describe', () => c.store.describe('child'), 'unknown_budget')
    await c.hold(3)
    const empty = await c.store.transfer({ id: c.id(), from: 'main', to: 'child', amount: 1, create: true })
    expectMatch(empty, { kind: 'refused', reason: 'exhausted', remaining: 0 }, 'from an empty budget')
  }),
  rule('a transfer that arrives twice moves once and gets the first answer [I5] [I10] [L-P8] [L-P10]', async (c) => {
    await c.store.initialize('main', 10)
    const request = { id: c.id(), from: 'main', to: 'child', amount: 4, create: true }
    const first = await c.store.transfer(request)
    await c.hold(1)
    await c.expectUnchanged('the second', async () => {
      expectSame(await c.store.transfer({ ...request }), first, 'the second answer')
    })
  }),
  rule('a transfer that was refused stays refused when it arrives again [I5] [L-P8]', async (c) => {
    await c.store.initialize('main', 10)
    const request = { id: c.id(), from: 'main', to: 'child', amount: 11, create: true }
    const first = await c.store.transfer(request)
    await c.store.grant({ id: c.id(), budget: 'main', amount: 10 })
    expectSame(await c.store.transfer({ ...request }), first, 'the second answer')
    await c.expect('main', { out: 0 })
  }),
  rule('a transfer with the id of another is id_reused and moves nothing [I5]', async (c) => {
    await c.store.initialize('main', 10)
    await c.store.initialize('other', 10)
    const request = { id: c.id(), from: 'main', to: 'other', amount: 4 }
    await c.store.transfer(request)
    await c.expectUnchanged('a reused id', async () => {
      for (const change of [{ amount: 5 }, { from: 'other', to: 'main' }, { create: true }]) {
        const answer = await c.store.transfer({ ...request, ...change })
        expectMatch(answer, { kind: 'refused', reason: 'id_reused' }, JSON.stringify(change))
      }
    })
  }),
  rule('a transfer to or from an unknown budget is refused', async (c) => {
    await c.store.initialize('main', 10)
    const to = await c.store.transfer({ id: c.id(), from: 'main', to: 'nobody', amount: 1 })
    expectMatch(to, { kind: 'refused', reason: 'unknown_budget', budget: 'default/nobody' }, 'to')
    const from = await c.store.transfer({ id: c.id(), from: 'nobody', to: 'main', amount: 1, create: true })
    expectMatch(from, { kind: 'refused', reason: 'unknown_budget', budget: 'default/nobody' }, 'from')
    await c.expect('main', { available: 10, out: 0, in: 10 })
  }),
  rule('a transfer across tenants is refused whatever is in them', async (c) => {
    await c.store.initialize('one/main', 10)
    await c.store.initialize('two/main', 10)
    await c.expectUnchanged('a refused transfer', async () => {
      for (const [from, to] of [
        ['one/main', 'two/main'],
        ['one/main', 'two/child'],
        ['one/nobody', 'two/main'],
      ] as const) {
        const answer = await c.store.transfer({ id: c.id(), from, to, amount: 100, create: true })
        expectMatch(answer, { kind: 'refused', reason: 'cross_partition' }, `${from} to ${to}`)
      }
    })
  }),
  rule('a transfer makes no child of a budget that another created', async (c) => {
    await c.store.initialize('main', 10)
    await c.store.initialize('other', 10)
    await c.expectUnchanged('the transfer', async () => {
      const answer = await c.store.transfer({ id: c.id(), from: 'main', to: 'other', amount: 1, create: true })
      expectMatch(answer, { kind: 'refused' }, 'transfer')
    })
    await c.expect('other', { parent: undefined })
  }),
  rule('a child spends its own credits and never those of its parent or sibling [I11]', async (c) => {
    await c.store.initialize('main', 10)
    for (const to of ['a', 'b']) {
      await c.store.transfer({ id: c.id(), from: 'main', to, amount: 3, create: true })
    }
    const answer = await c.store.hold(c.holdRequest(0, { lines: [{ budget: 'a', amount: 4 }] }))
    expectMatch(answer, { kind: 'refused', reason: 'insufficient', remaining: 3 }, 'hold')
    await c.hold(0, { lines: [{ budget: 'a', amount: 3 }] })
    await c.expect('main', { available: 4, held: 0 })
    await c.expect('b', { available: 3, held: 0 })
  }),
  rule('transfers at once create one child and never move more than there is [I2] [L-P2]', async (c) => {
    await c.store.initialize('main', 10)
    const move = async () => c.store.transfer({ id: c.id(), from: 'main', to: 'child', amount: 3, create: true })
    const answers = await Promise.all(Array.from({ length: 8 }, move))
    expectThat(answers.filter(({ kind }) => kind === 'moved').length === 3, 'wanted three transfers to be made')
    await c.expect('main', { available: 1, out: 9, children: ['default/child'] })
    await c.expect('child', { available: 9 })
  }),
]

/** `grant` and `transfer`. */
export const MOVES: readonly Rule[] = [...GRANTS, ...TRANSFERS]
