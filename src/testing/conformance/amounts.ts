import { expectMatch } from './check.js'
import { MAX_CREDITS } from '../../core/credits.js'
import { rule, type Rule } from './case.js'
import type { Subject } from './subject.js'

/** What is no amount, as it reads and as it comes. `1e309` is what JSON.parse makes of that text. */
const BAD: Readonly<Record<string, unknown>> = {
  '-1': -1,
  '0.5': 0.5,
  NaN: Number.NaN,
  Infinity: Infinity,
  '-Infinity': -Infinity,
  '1e309': JSON.parse('1e309') as unknown,
  '2^53': 2 ** 53,
  '2^53+1': JSON.parse('9007199254740993') as unknown,
  '"5"': '5',
  null: null,
  undefined: undefined,
  true: true,
  '5n': BigInt(5),
  '[5]': [5],
  '{}': {},
}

/** What is no `onExpire` and no `overage`. */
const NO_TERMS = ['', 'Capture', 'none', 'cap ', 1, true, null, {}] as unknown as readonly never[]

/** Every place where an amount goes in. */
const TAKES_AMOUNT: Readonly<Record<string, (c: Subject, amount: never) => unknown>> = {
  check: (c, amount) => c.store.check('main', amount),
  spend: (c, cost) => c.store.spend({ chargeId: c.charge(), budget: 'main', tool: 't', cost }),
  initialize: (c, amount) => c.store.initialize('fresh', amount),
  hold: (c, amount) => c.store.hold(c.holdRequest(amount)),
  'the second line of hold': (c, amount) => {
    const lines = [
      { budget: 'main', amount: 1 },
      { budget: 'other', amount },
    ]
    return c.store.hold(c.holdRequest(0, { lines }))
  },
  'hold with overdraft': (c, amount) => c.store.hold(c.holdRequest(amount, { overdraft: true })),
  'late capture': (c, amount) => {
    const { id: holdId, lines } = c.holdRequest(amount)
    return c.store.capture({ id: c.id(), holdId, amount: 1, overage: 'cap', lines })
  },
  grant: (c, amount) => c.store.grant({ id: c.id(), budget: 'main', amount }),
  transfer: (c, amount) => c.store.transfer({ id: c.id(), from: 'main', to: 'other', amount }),
}

const MISUSE: readonly Rule[] = [
  ...Object.entries(TAKES_AMOUNT).map(([verb, ask]) =>
    rule(`${verb} of what is no amount throws and changes nothing [T18] [L-S17] [L-P11]`, async (c) => {
      await c.store.initialize('main', 10)
      await c.store.initialize('other', 10)
      for (const [text, value] of Object.entries(BAD)) {
        await c.expectThrow(`${verb} of ${text}`, () => ask(c, value as never), 'invalid_credits')
      }
      await c.expectThrow('describe', () => c.store.describe('fresh'), 'unknown_budget')
    }),
  ),
  rule('capture of what is no amount throws, and the hold stays open [T18] [L-S17] [L-P11]', async (c) => {
    await c.store.initialize('main', 10)
    const holdId = await c.hold(6)
    for (const overage of ['cap', 'debt'] as const) {
      for (const [text, value] of Object.entries(BAD)) {
        const request = { id: c.id(), holdId, amount: value as never, overage }
        await c.expectThrow(`capture of ${text}`, () => c.store.capture(request), 'invalid_credits')
      }
    }
    await c.expect('main', { held: 6, openHolds: 1 })
  }),
  rule('a time to live that is no positive integer throws and changes nothing [T18]', async (c) => {
    await c.store.initialize('main', 10)
    const holdId = await c.hold(1)
    for (const ttlMs of [0, -1, 0.5, Number.NaN, Infinity, '5' as never, null as never]) {
      await c.expectThrow(`hold for ${ttlMs}`, () => c.store.hold(c.holdRequest(1, { ttlMs })))
      await c.expectThrow(`extend by ${ttlMs}`, () => c.store.extend({ id: c.id(), holdId, ttlMs }))
    }
  }),
  rule('terms that nobody knows throw, and the hold stays as it was [T18]', async (c) => {
    await c.store.initialize('main', 10)
    const holdId = await c.hold(1)
    for (const value of NO_TERMS) {
      const [what, code] = [JSON.stringify(value), 'invalid_request']
      const late = { ...c.holdRequest(1), holdId: c.charge(), amount: 1 }
      const extension = { id: c.id(), holdId, ttlMs: 1, onExpire: value }
      await c.expectThrow(`onExpire ${what}`, () => c.store.hold(c.holdRequest(1, { onExpire: value })), code)
      await c.expectThrow(`onExpire ${what} later`, () => c.store.extend(extension), code)
      for (const end of [{ id: c.id(), holdId, amount: 1 }, late])
        await c.expectThrow(`overage ${what}`, () => c.store.capture({ ...end, overage: value }), code)
    }
    await c.expect('main', { held: 1, openHolds: 1 })
  }),
  rule('lines that are none throw, and nothing is held or charged [T18]', async (c) => {
    await c.store.initialize('main', 10)
    const holdId = await c.hold(1)
    const line = { budget: 'main', amount: 1 }
    const span = [0, 1]
    const window = { previous: span, current: span, next: [5, 5] }
    for (const lines of [
      [],
      [line, { ...line, budget: 'default/main' }],
      [{ ...line, unit: 5 }],
      [{ ...line, window }],
    ]) {
      const what = JSON.stringify(lines)
      const asked = { lines: lines as never }
      const late = { id: c.id(), holdId: c.charge(), amount: 1, overage: 'cap' as const, ...asked }
      await c.expectThrow(`hold of ${what}`, () => c.store.hold(c.holdRequest(0, asked)), 'invalid_request')
      await c.expectThrow(`late capture of ${what}`, () => c.store.capture(late), 'invalid_request')
      const extension = { id: c.id(), holdId, ttlMs: 1, ...asked }
      await c.expectThrow(`extend of ${what}`, () => c.store.extend(extension), 'invalid_request')
    }
  }),
]

const overflow = { reason: 'overflow' }

/** Everything at 2^53−1. */
const EDGE: readonly Rule[] = [
  rule('2^53−1 credits are held, captured, spent and moved to the last one [T19] [L-P12]', async (c) => {
    await c.store.initialize('main', MAX_CREDITS)
    const holdId = await c.hold(MAX_CREDITS)
    await c.store.capture({ id: c.id(), holdId, amount: MAX_CREDITS - 2, overage: 'cap' })
    await c.expect('main', { available: 2, spent: MAX_CREDITS - 2, held: 0 })
    await c.store.spend({ chargeId: c.charge(), budget: 'main', tool: 't', cost: 1 })
    await c.store.transfer({ id: c.id(), from: 'main', to: 'child', amount: 1, create: true })
    await c.expect('main', { available: 0, spent: MAX_CREDITS - 1, out: 1 })
  }),
  rule('a grant that would leave 2^53−1 is overflow and brings nothing [T19]', async (c) => {
    await c.store.initialize('main', MAX_CREDITS - 5)
    await c.expectUnchanged('the grant', async () => {
      const answer = await c.store.grant({ id: c.id(), budget: 'main', amount: 6 })
      expectMatch(answer, { kind: 'refused', budget: 'default/main', ...overflow }, 'grant')
    })
    const fits = await c.store.grant({ id: c.id(), budget: 'main', amount: 5 })
    expectMatch(fits, { kind: 'moved', remaining: MAX_CREDITS }, 'an exact fit')
  }),
  rule('a transfer that would leave 2^53−1 is overflow and moves nothing [T19]', async (c) => {
    await c.store.initialize('main', 10)
    await c.store.initialize('full', MAX_CREDITS - 5)
    await c.expectUnchanged('the transfer', async () => {
      const answer = await c.store.transfer({ id: c.id(), from: 'main', to: 'full', amount: 6 })
      expectMatch(answer, { kind: 'refused', budget: 'default/full', ...overflow }, 'transfer')
    })
  }),
  rule('a debt that would leave 2^53−1 is overflow, and nothing is held or charged [T19]', async (c) => {
    await c.store.initialize('main', MAX_CREDITS - 5)
    const holdId = await c.hold(MAX_CREDITS - 5)
    await c.hold(3, { overdraft: true })
    const { id: unseen, lines } = c.holdRequest(3)
    await c.expectUnchanged('what would owe too much', async () => {
      const hold = await c.store.hold(c.holdRequest(3, { overdraft: true }))
      expectMatch(hold, { kind: 'refused', ...overflow }, 'hold')
      const beyond = { id: c.id(), holdId, amount: MAX_CREDITS, overage: 'debt' } as const
      expectMatch(await c.store.capture(beyond), { kind: 'refused', ...overflow }, 'capture')
      const late = { id: c.id(), holdId: unseen, amount: 3, overage: 'cap', lines } as const
      expectMatch(await c.store.capture(late), { kind: 'refused', ...overflow }, 'late capture')
    })
    const fits = await c.store.capture({ id: c.id(), holdId, amount: MAX_CREDITS - 3, overage: 'debt' })
    expectMatch(fits, { kind: 'captured', charged: MAX_CREDITS - 3 }, 'an exact fit')
  }),
  rule('credits that come back to a budget that is full leave no column beyond 2^53−1 [T19]', async (c) => {
    await c.store.initialize('main', MAX_CREDITS)
    await c.store.transfer({ id: c.id(), from: 'main', to: 'child', amount: 5, create: true })
    const holdId = await c.hold(0, { lines: [{ budget: 'child', amount: 2 }] })
    await c.store.close({ id: c.id(), budget: 'child', why: 'closed' })
    await c.store.release({ id: c.id(), holdId })
    await c.expect('child', { available: 0, held: 0 })
  }),
]

/** Amounts at every border. */
export const AMOUNTS: readonly Rule[] = [...MISUSE, ...EDGE]
