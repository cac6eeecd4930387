import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  applyChange,
  endChange,
  endHold,
  fits,
  holdChange,
  windowChange,
  incomingChange,
  NO_CHANGE,
  outgoingChange,
  spendChange,
  type Balance,
  type BalanceChange,
  type HoldEvent,
  type HoldState,
} from '../../../src/budget/hold.js'
import { MAX_CREDITS } from '../../../src/core/credits.js'

const EVENTS: Readonly<Record<string, HoldEvent>> = {
  'capture, capped': { kind: 'capture', amount: 4, overage: 'cap' },
  'capture, into debt': { kind: 'capture', amount: 4, overage: 'debt' },
  release: { kind: 'release' },
  'expire to capture': { kind: 'expire', onExpire: 'capture' },
  'expire to release': { kind: 'expire', onExpire: 'release' },
}

describe('endHold of an open hold of 10', () => {
  test.each<[string, HoldEvent, object]>([
    ['a capture of all', { kind: 'capture', amount: 10, overage: 'cap' }, ended('captured', 10, 0, 0)],
    ['a capture of a part', { kind: 'capture', amount: 7, overage: 'cap' }, ended('captured', 7, 3, 0)],
    ['a capture of nothing', { kind: 'capture', amount: 0, overage: 'debt' }, ended('captured', 0, 10, 0)],
    ['a capture of more, capped', { kind: 'capture', amount: 12, overage: 'cap' }, ended('captured', 10, 0, 0)],
    ['a capture of more, into debt', { kind: 'capture', amount: 12, overage: 'debt' }, ended('captured', 10, 0, 2)],
    ['a capture of a part, debt allowed', { kind: 'capture', amount: 7, overage: 'debt' }, ended('captured', 7, 3, 0)],
    ['a release', { kind: 'release' }, ended('released', 0, 10, 0)],
    ['an expiry to capture', { kind: 'expire', onExpire: 'capture' }, ended('expired', 10, 0, 0)],
    ['an expiry to release', { kind: 'expire', onExpire: 'release' }, ended('expired', 0, 10, 0)],
  ])('by %s charges, returns and goes beyond as written [I4] [I17]', (_name, event, wanted) => {
    expect(endHold('open', 10, event)).toEqual(wanted)
  })

  function ended(state: HoldState, charged: number, returned: number, beyond: number): object {
    return { kind: 'ended', state, charged, returned, beyond }
  }
})

describe.each<HoldState>(['captured', 'released', 'expired'])('a hold that was %s', (state) => {
  test.each(Object.entries(EVENTS))('is not ended again by %s [I4]', (_name, event) => {
    expect(endHold(state, 10, event)).toEqual({ kind: 'refused', reason: 'hold_ended' })
  })
})

const amount = fc.oneof(
  fc.nat(20),
  fc.nat(20).map((n) => MAX_CREDITS - n),
  fc.integer({ min: 0, max: MAX_CREDITS }),
)

/** A balance as a store may have it: equal sides, nothing negative, and no credits beside a debt. */
const balance = fc
  .record({ available: amount, held: amount, spent: amount, out: amount, burned: amount, debt: amount })
  .map(({ debt, available, ...rest }): Balance => {
    const columns = { ...rest, available: debt > 0 ? 0 : available, debt }
    // Scaled down until both sides fit.
    for (;;) {
      const right = columns.available + columns.held + columns.spent + columns.out + columns.burned
      if (right <= MAX_CREDITS && columns.debt <= right) return { ...columns, in: right - columns.debt }
      columns.available = Math.floor(columns.available / 2)
      columns.held = Math.floor(columns.held / 2)
      columns.spent = Math.floor(columns.spent / 2)
      columns.out = Math.floor(columns.out / 2)
      columns.burned = Math.floor(columns.burned / 2)
      columns.debt = Math.min(Math.floor(columns.debt / 2), right)
    }
  })

const isTrue = (it: Readonly<Balance>): boolean =>
  BigInt(it.in) + BigInt(it.debt) ===
  [it.available, it.held, it.spent, it.out, it.burned].reduce((sum, n) => sum + BigInt(n), 0n)

/** Applies a change that a store would make, and expects all that must hold of it. */
function expectSound(before: Balance, change: BalanceChange): void {
  fc.pre(fits(before, change))
  const after = { ...before }
  applyChange(after, change)
  expect(isTrue(after)).toBe(true)
  for (const value of Object.values(after)) expect(Number.isSafeInteger(value) && value >= 0).toBe(true)
  expect(after.debt === 0 || after.available === 0).toBe(true)
}

describe('every change keeps in + debt = available + held + spent + out + burned [I1] [L-P11]:', () => {
  test('a hold, also into debt', () => {
    fc.assert(fc.property(balance, amount, (before, asked) => expectSound(before, holdChange(before, asked))))
  })

  test('every end of every hold', () => {
    const event = fc.oneof(
      fc.record({ kind: fc.constant('capture'), amount, overage: fc.constantFrom('cap', 'debt') }),
      fc.constantFrom<HoldEvent>(EVENTS.release!, EVENTS['expire to capture']!, EVENTS['expire to release']!),
    ) as fc.Arbitrary<HoldEvent>
    fc.assert(
      fc.property(balance, amount, event, (before, asked, how) => {
        const end = endHold('open', Math.min(asked, before.held), how)
        if (end.kind === 'ended') expectSound(before, endChange(before, end))
      }),
    )
  })

  test('a charge without a hold, also into debt', () => {
    fc.assert(fc.property(balance, amount, (before, asked) => expectSound(before, spendChange(before, asked))))
  })

  test('credits that come in, which repay debt first', () => {
    fc.assert(fc.property(balance, amount, (before, asked) => expectSound(before, incomingChange(before, asked))))
  })

  test('credits that are moved away', () => {
    fc.assert(
      fc.property(balance, amount, (before, asked) =>
        expectSound(before, outgoingChange(Math.min(asked, before.available))),
      ),
    )
  })
})

describe('what returns repays debt first', () => {
  const owing: Balance = { available: 0, held: 10, spent: 0, debt: 4, in: 6, out: 0, burned: 0 }

  test.each([
    ['a release', endHold('open', 10, { kind: 'release' }), { available: 6, debt: 0, spent: 0 }],
    [
      'a capture of a part',
      endHold('open', 10, { kind: 'capture', amount: 8, overage: 'cap' }),
      { available: 0, debt: 2, spent: 8 },
    ],
    [
      'a capture of more',
      endHold('open', 10, { kind: 'capture', amount: 13, overage: 'debt' }),
      { available: 0, debt: 7, spent: 13 },
    ],
  ])('after %s', (_name, end, wanted) => {
    const after = { ...owing }
    if (end.kind === 'ended') applyChange(after, endChange(owing, end))
    expect(after).toMatchObject(wanted)
  })
})

describe('fits', () => {
  test('says whether every column stays within 2^53−1, exactly [T19] [L-P12]', () => {
    const changes = [incomingChange, spendChange, holdChange, windowChange]
    fc.assert(
      fc.property(balance, amount, fc.constantFrom(...changes), (before, asked, changeOf) => {
        const by = changeOf(before, asked)
        const columns = ['held', 'spent', 'debt', 'in', 'out', 'burned'] as const
        const sums = columns.map((column) => BigInt(before[column]) + BigInt(by[column]))
        const left = BigInt(before.in) + BigInt(by.in) + BigInt(before.debt) + BigInt(by.debt)
        expect(fits(before, by)).toBe([...sums, left].every((sum) => sum <= BigInt(MAX_CREDITS)))
      }),
    )
  })

  test.each(['held', 'spent', 'out', 'burned'] as const)('lets %s reach 2^53−1 and not go beyond [T19]', (column) => {
    const before: Balance = { ...NO_CHANGE, [column]: MAX_CREDITS - 1, in: MAX_CREDITS - 1 }
    expect(fits(before, { ...NO_CHANGE, [column]: 1, in: 1 })).toBe(true)
    expect(fits(before, { ...NO_CHANGE, [column]: 2, in: 2 })).toBe(false)
    expect(fits(before, { ...NO_CHANGE, [column]: 2, debt: 2 })).toBe(false)
  })

  test('counts credits and debt together', () => {
    const before: Balance = { ...NO_CHANGE, in: MAX_CREDITS - 5, debt: 5, spent: MAX_CREDITS }
    expect(fits(before, { ...NO_CHANGE, debt: 1 })).toBe(false)
    expect(fits(before, { ...NO_CHANGE, in: 1, debt: -1 })).toBe(true)
  })

  test('sees credits go beyond 2^53−1 that repay debt, where a plain sum would round that away [T19]', () => {
    const before: Balance = { ...NO_CHANGE, held: MAX_CREDITS, in: MAX_CREDITS - 1, debt: 1 }
    expect(fits(before, incomingChange(before, 1))).toBe(true)
    expect(fits(before, incomingChange(before, 2))).toBe(false)
  })
})

test('the example of endHold is true', () => {
  expect(endHold('open', 10, { kind: 'capture', amount: 7, overage: 'cap' })).toMatchObject({ charged: 7, returned: 3 })
})
