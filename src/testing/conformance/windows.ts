import { expectMatch, expectSame } from './check.js'
import { rule, type Rule } from './case.js'
import { TTL_MS, type Subject } from './subject.js'
import type { Credits } from '../../core/credits.js'
import type { HoldLine, HoldRequest, LineWindow } from '../../budget/enforcer.js'

const WINDOW_MS = 3_600_000

/** The windows of a caller whose clock says `now`. */
function hoursAround(now: number): LineWindow {
  const start = Math.floor(now / WINDOW_MS) * WINDOW_MS
  return {
    previous: [start - WINDOW_MS, start],
    current: [start, start + WINDOW_MS],
    next: [start + WINDOW_MS, start + 2 * WINDOW_MS],
  }
}

/** The line of a caller whose clock is so much ahead of the store's. */
function lineOf(c: Subject, amount: Credits, aheadMs = 0): HoldLine {
  return { budget: 'hourly', amount, window: hoursAround(c.clock.now() + aheadMs) }
}

async function hold(c: Subject, amount: Credits, more: Partial<HoldRequest> = {}): Promise<string> {
  return c.hold(0, { lines: [lineOf(c, amount)], ...more })
}

/** A budget of 10 an hour, a second before the hour. */
async function open(c: Subject): Promise<void> {
  await c.clock.advance(WINDOW_MS - (c.clock.now() % WINDOW_MS) - 1_000)
  await c.store.initialize('hourly', 10)
}

/** A new window begins. */
async function nextHour(c: Subject): Promise<void> {
  await c.clock.advance(1_000)
}

const LONG_MS = 2 * WINDOW_MS

/** One window after the other. */
const OPENING: readonly Rule[] = [
  rule(
    'the first hold of a window opens it: the budget begins anew, what was left is burned [I18] [L-P14]',
    async (c) => {
      await open(c)
      await hold(c, 4)
      await nextHour(c)
      await hold(c, 10, { ttlMs: LONG_MS })
      await c.expect('hourly', { available: 0, burned: 6, in: 20 })
    },
  ),
  rule('many first holds at once open a window once [I18] [L-P2] [L-P14]', async (c) => {
    await open(c)
    await hold(c, 10)
    await nextHour(c)
    const holds = Array.from({ length: 20 }, async () => c.store.hold(c.holdRequest(0, { lines: [lineOf(c, 1)] })))
    const answers = await Promise.all(holds)
    expectSame(answers.filter(({ kind }) => kind === 'held').length, 10, 'holds that were placed')
    await c.expect('hourly', { in: 20 })
  }),
  rule('the first window is what the budget was initialised with [L-P14]', async (c) => {
    await open(c)
    await c.store.spend({ chargeId: c.charge(), budget: 'hourly', tool: 't', cost: 3 })
    await hold(c, 7)
    await c.expect('hourly', { available: 0, burned: 0, in: 10 })
  }),
  rule('a hold that is refused opens its window all the same [L-P14]', async (c) => {
    await open(c)
    await hold(c, 10, { ttlMs: LONG_MS })
    await nextHour(c)
    const refused = await c.store.hold(c.holdRequest(0, { lines: [lineOf(c, 11)] }))
    expectMatch(refused, { kind: 'refused', reason: 'insufficient', remaining: 10 }, 'hold')
    await c.expect('hourly', { available: 10, held: 10, in: 20 })
  }),
  rule('a hold that arrives twice in two windows is placed once [I5] [L-P14]', async (c) => {
    await open(c)
    const request = c.holdRequest(0, { lines: [lineOf(c, 4)], ttlMs: LONG_MS })
    const first = await c.store.hold(request)
    await nextHour(c)
    await c.expectUnchanged('the second', async () => {
      expectSame(await c.store.hold({ ...request, lines: [lineOf(c, 4)] }), first, 'the second answer')
    })
  }),
]

/** Holds that outlive their window. */
const PAST: readonly Rule[] = [
  rule('what returns to a window that is over is burned [L-P14]', async (c) => {
    await open(c)
    const [captured, released] = [await hold(c, 6, { ttlMs: LONG_MS }), await hold(c, 4, { ttlMs: LONG_MS })]
    await nextHour(c)
    await hold(c, 1, { ttlMs: LONG_MS })
    await c.store.capture({ id: c.id(), holdId: captured, amount: 2, overage: 'cap' })
    await c.store.release({ id: c.id(), holdId: released })
    await c.expect('hourly', { available: 9, held: 1, spent: 2, burned: 8 })
  }),
  rule('a hold that expires after its window is over gives nothing to the next [L-P14]', async (c) => {
    await open(c)
    await hold(c, 10, { ttlMs: TTL_MS })
    await nextHour(c)
    await hold(c, 1, { ttlMs: LONG_MS })
    await c.clock.advance(TTL_MS)
    await c.expect('hourly', { available: 9, held: 1, burned: 10 })
  }),
  rule('the debt of a window does not follow into the next [L-P14]', async (c) => {
    await open(c)
    const holdId = await hold(c, 14, { overdraft: true, ttlMs: LONG_MS })
    await c.expect('hourly', { debt: 4 })
    await nextHour(c)
    await hold(c, 3, { ttlMs: LONG_MS })
    await c.expect('hourly', { available: 7, debt: 0 })
    await c.store.capture({ id: c.id(), holdId, amount: 20, overage: 'debt' })
    await c.expect('hourly', { available: 7, debt: 0, spent: 20 })
  }),
  rule('a late capture of a hold whose window is over takes nothing from the next [I7] [L-P14] [L-P18]', async (c) => {
    await open(c)
    const request = c.holdRequest(0, { lines: [lineOf(c, 8)], ttlMs: 500 })
    await c.store.hold(request)
    await nextHour(c)
    await hold(c, 1, { ttlMs: LONG_MS })
    const { id: holdId, lines } = request
    const answer = await c.store.capture({ id: c.id(), holdId, amount: 8, overage: 'cap', lines })
    expectMatch(answer, { kind: 'captured', charged: 8, late: true }, 'capture')
    await c.expect('hourly', { available: 9, held: 1, spent: 8, debt: 0 })
  }),
  rule('a late capture whose windows have all passed is charged all the same [I7] [L-P18]', async (c) => {
    await open(c)
    const { id: holdId, lines } = c.holdRequest(0, { lines: [lineOf(c, 4)] })
    await c.clock.advance(5 * WINDOW_MS)
    const answer = await c.store.capture({ id: c.id(), holdId, amount: 4, overage: 'cap', lines })
    expectMatch(answer, { kind: 'captured', charged: 4, late: true }, 'capture')
    await c.expect('hourly', { spent: 4 })
  }),
]

/** What is told of windows. */
const TOLD: readonly Rule[] = [
  rule(
    'a refusal for want of credits says when the window is over, where a new one would do [L-P14] [L-P20]',
    async (c) => {
      await open(c)
      await hold(c, 7, { ttlMs: LONG_MS })
      const resetAt = c.clock.now() + 1_000
      const refuse = async (amount: Credits) => c.store.hold(c.holdRequest(0, { lines: [lineOf(c, amount)] }))
      expectMatch(await refuse(10), { kind: 'refused', reason: 'insufficient', remaining: 3, resetAt }, 'hold of 10')
      expectMatch(await refuse(11), { kind: 'refused', reason: 'insufficient', resetAt: undefined }, 'hold of 11')
      await hold(c, 3, { ttlMs: LONG_MS })
      expectMatch(await refuse(1), { kind: 'refused', reason: 'exhausted', remaining: 0, resetAt }, 'hold of 1')
      await nextHour(c)
      expectMatch(await refuse(1), { kind: 'held' }, 'hold in the next window')
    },
  ),
  rule('the window that is over is that of the store’s clock, whatever the caller’s says [L-P14]', async (c) => {
    await open(c)
    await hold(c, 10, { ttlMs: LONG_MS })
    const resetAt = c.clock.now() + 1_000
    for (const aheadMs of [-WINDOW_MS, 0, WINDOW_MS]) {
      const answer = await c.store.hold(c.holdRequest(0, { lines: [lineOf(c, 2, aheadMs)] }))
      expectMatch(answer, { kind: 'refused', resetAt }, `a caller ${aheadMs} ms ahead`)
    }
  }),
  rule('a refusal that is repeated says the same, also when its window is over [I5] [L-P14]', async (c) => {
    await open(c)
    await hold(c, 10, { ttlMs: LONG_MS })
    const request = c.holdRequest(0, { lines: [lineOf(c, 4)] })
    const first = await c.store.hold(request)
    expectMatch(first, { kind: 'refused', resetAt: c.clock.now() + 1_000 }, 'the first answer')
    await nextHour(c)
    expectSame(await c.store.hold({ ...request, lines: [lineOf(c, 4)] }), first, 'the second answer')
  }),
  rule('a line without windows is refused without a time, beside one that has them', async (c) => {
    await open(c)
    await c.store.initialize('main', 1)
    const lines = [lineOf(c, 2), { budget: 'main', amount: 2 }]
    const answer = await c.store.hold(c.holdRequest(0, { lines }))
    expectMatch(answer, { kind: 'refused', budget: 'default/main', resetAt: undefined }, 'hold')
  }),
  rule('a budget that takes no more calls is refused without a time', async (c) => {
    await open(c)
    await hold(c, 4)
    await c.store.close({ id: c.id(), budget: 'hourly', why: 'closed' })
    const answer = await c.store.hold(c.holdRequest(0, { lines: [lineOf(c, 2)] }))
    expectMatch(answer, { kind: 'refused', reason: 'closed', resetAt: undefined }, 'hold')
  }),
  rule('describe tells what a window begins with, and which was opened last [L-P14]', async (c) => {
    await open(c)
    await c.expect('hourly', { allotment: 10 })
    expectSame((await c.store.describe('hourly')).window, undefined, 'the window before the first hold')
    await hold(c, 4)
    const end = c.clock.now() + 1_000
    await c.expect('hourly', { allotment: 10, window: { start: end - WINDOW_MS, end } })
    await nextHour(c)
    // Nothing is opened but by a hold: the balances are of a window that is over, and the view says so.
    await c.expect('hourly', { available: 6, window: { start: end - WINDOW_MS, end } })
    await hold(c, 1)
    await c.expect('hourly', { available: 9, window: { start: end, end: end + WINDOW_MS } })
  }),
]

/** Whose clock counts, and what a budget with windows cannot be. */
const LIMITS: readonly Rule[] = [
  rule('the store picks the window by its own clock, for a caller who is one window off [L-P14]', async (c) => {
    await open(c)
    for (const aheadMs of [-WINDOW_MS, 0, WINDOW_MS]) await c.hold(0, { lines: [lineOf(c, 2, aheadMs)] })
    await c.expect('hourly', { available: 4, held: 6, in: 10, burned: 0 })
  }),
  rule('a caller who is two windows off is refused as clock_skew, and opens nothing [L-P14]', async (c) => {
    await open(c)
    await hold(c, 1)
    await c.expectUnchanged('the hold', async () => {
      for (const aheadMs of [-2 * WINDOW_MS, 2 * WINDOW_MS]) {
        const answer = await c.store.hold(c.holdRequest(0, { lines: [lineOf(c, 2, aheadMs)] }))
        expectMatch(answer, { kind: 'refused', reason: 'clock_skew' }, `a caller ${aheadMs} ms ahead`)
      }
    })
  }),
  rule('clock_skew is said before unknown_budget', async (c) => {
    const lines = [lineOf(c, 2, 5 * WINDOW_MS)]
    expectMatch(await c.store.hold(c.holdRequest(0, { lines })), { reason: 'clock_skew' }, 'hold')
  }),
  rule('a budget with windows has no children, and one with children no windows', async (c) => {
    await open(c)
    await hold(c, 1)
    const move = { id: c.id(), from: 'hourly', to: 'child', amount: 1, create: true }
    expectMatch(await c.store.transfer(move), { kind: 'refused', reason: 'windowed' }, 'transfer')
    await c.store.initialize('main', 10)
    await c.store.transfer({ ...move, id: c.id(), from: 'main' })
    const lines = [{ ...lineOf(c, 1), budget: 'main' }]
    expectMatch(await c.store.hold(c.holdRequest(0, { lines })), { kind: 'refused', reason: 'windowed' }, 'hold')
  }),
]

/** Budgets that begin anew with each window. */
export const WINDOWS: readonly Rule[] = [...OPENING, ...PAST, ...TOLD, ...LIMITS]
