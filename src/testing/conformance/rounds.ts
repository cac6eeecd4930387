import { expectMatch, expectSame } from './check.js'
import { rule, type Rule } from './case.js'
import { TTL_MS } from './subject.js'

/** `extend` with a round: a call that was asked for input goes on, once for each round. */
export const ROUNDS: readonly Rule[] = [
  rule('an extension with a round says what is left and what is owed [T31]', async (c) => {
    await c.store.initialize('main', 10)
    const holdId = await c.hold(16, { overdraft: true })
    const answer = await c.store.extend({ id: c.id(), holdId, ttlMs: TTL_MS, round: 1 })
    expectMatch(answer, { kind: 'extended', remaining: 0, debt: 6 }, 'extend')
  }),
  rule('a round is consumed by the first request for it, and every other is round_used [T31, L-S22]', async (c) => {
    await c.store.initialize('main', 10)
    const holdId = await c.hold(6)
    const asks = Array.from({ length: 8 }, async () => c.store.extend({ id: c.id(), holdId, ttlMs: TTL_MS, round: 1 }))
    const answers = (await Promise.all(asks)).map((answer) => (answer.kind === 'extended' ? 'extended' : answer.reason))
    expectSame(answers.sort(), ['extended', ...Array.from({ length: 7 }, () => 'round_used')], 'answers')
    await c.expect('main', { available: 4, held: 6, openHolds: 1 })
  }),
  rule('the same request for a round gets the first answer again [I5]', async (c) => {
    await c.store.initialize('main', 10)
    const holdId = await c.hold(6)
    const request = { id: c.id(), holdId, ttlMs: TTL_MS, round: 1 }
    for (let i = 0; i < 3; i++) expectMatch(await c.store.extend(request), { kind: 'extended' }, 'extend')
  }),
  rule(
    'a request for a round gets its answer also after a later one, and its id stands for no other round [I5]',
    async (c) => {
      await c.store.initialize('main', 10)
      const holdId = await c.hold(6)
      const request = { id: c.id(), holdId, ttlMs: TTL_MS, round: 1 }
      await c.store.extend(request)
      await c.store.extend({ ...request, id: c.id(), round: 2 })
      expectMatch(await c.store.extend(request), { kind: 'extended' }, 'the first again')
      const reused = await c.store.extend({ ...request, round: 3 })
      expectMatch(reused, { kind: 'refused', reason: 'id_reused' }, 'the id of the first')
    },
  ),
  rule('a round goes on only with a hold of the lines that it would hold [T31]', async (c) => {
    for (const budget of ['main', 'other']) await c.store.initialize(budget, 10)
    const lines = [
      { budget: 'main', amount: 6 },
      { budget: 'other', amount: 1, unit: 'calls' },
    ]
    const holdId = await c.hold(6, { lines })
    const others = [
      [{ budget: 'other', amount: 6 }],
      [{ budget: 'main', amount: 6 }],
      [
        { budget: 'main', amount: 5 },
        { budget: 'other', amount: 1, unit: 'calls' },
      ],
      [
        { budget: 'main', amount: 6 },
        { budget: 'other', amount: 1 },
      ],
    ]
    for (const asked of others) {
      const answer = await c.store.extend({ id: c.id(), holdId, ttlMs: TTL_MS, round: 1, lines: asked })
      expectMatch(answer, { kind: 'refused', reason: 'unknown_hold' }, JSON.stringify(asked))
    }
    const same = await c.store.extend({ id: c.id(), holdId, ttlMs: TTL_MS, round: 1, lines: [...lines].reverse() })
    expectMatch(same, { kind: 'extended' }, 'the same lines')
  }),
  rule('after a later round an earlier one is round_used [T31]', async (c) => {
    await c.store.initialize('main', 10)
    const holdId = await c.hold(6)
    const answers: unknown[] = []
    for (const round of [1, 2, 1, 2, 3]) {
      const answer = await c.store.extend({ id: c.id(), holdId, ttlMs: TTL_MS, round })
      answers.push(answer.kind === 'extended' ? round : answer.reason)
    }
    expectSame(answers, [1, 2, 'round_used', 'round_used', 3], 'answers')
  }),
  rule('an extension without a round consumes none', async (c) => {
    await c.store.initialize('main', 10)
    const holdId = await c.hold(6)
    for (const round of [undefined, 1, undefined, 2]) {
      const request = { id: c.id(), holdId, ttlMs: TTL_MS, ...(round !== undefined && { round }) }
      expectMatch(await c.store.extend(request), { kind: 'extended' }, `extend ${round}`)
    }
  }),
  rule('a round of a hold that ended, or never was, is refused and changes nothing [T31, I4]', async (c) => {
    await c.store.initialize('main', 10)
    const holdId = await c.hold(6)
    await c.store.capture({ id: c.id(), holdId, amount: 6, overage: 'cap' })
    await c.expectUnchanged('rounds', async () => {
      const ended = await c.store.extend({ id: c.id(), holdId, ttlMs: TTL_MS, round: 1 })
      expectMatch(ended, { kind: 'refused', reason: 'hold_ended' }, 'extend of a hold that ended')
      const unknown = await c.store.extend({ id: c.id(), holdId: c.charge(), ttlMs: TTL_MS, round: 1 })
      expectMatch(unknown, { kind: 'refused', reason: 'unknown_hold' }, 'extend of no hold')
    })
  }),
  rule('a round that is no integer from 1 is an error [T18]', async (c) => {
    await c.store.initialize('main', 10)
    const holdId = await c.hold(6)
    for (const round of [0, -1, 1.5, Number.NaN, '1', null]) {
      const request = { id: c.id(), holdId, ttlMs: TTL_MS, round: round as number }
      await c.expectThrow(`extend with round ${String(round)}`, () => c.store.extend(request), 'invalid_request')
    }
  }),
]
