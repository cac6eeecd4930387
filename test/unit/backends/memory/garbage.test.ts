import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BudgetError } from '../../../../src/core/errors.js'
import { mintChargeId } from '../../../../src/core/ids.js'
import { FakeClock } from '../../../../src/testing/index.js'
import { InMemoryBudgetEnforcer } from '../../../../src/backends/memory/in-memory-budget-enforcer.js'
import { MemoryLedger } from '../../../../src/ledger/memory-ledger.js'
import { replay } from '../../../../src/ledger/replay.js'
import { spoil, VALID } from '../../../support/garbage.js'
import type { Verb } from '../../../../src/testing/index.js'

const nonsense = fc.oneof(
  fc.anything({ withBigInt: true, withNullPrototype: true, withSparseArray: true }),
  fc.constantFrom<unknown>(-1, 0.5, Number.NaN, Infinity, 2 ** 53, '5', '__proto__', 'main', [], {}, null, undefined),
)

function open() {
  const ledger = new MemoryLedger()
  const store = new InMemoryBudgetEnforcer({ clock: new FakeClock(), ledger })
  store.initialize('main', 10)
  store.initialize('other', 10)
  store.hold({ id: 'open', lines: [{ budget: 'main', amount: 5 }], ttlMs: 60_000, onExpire: 'release' })
  return { ledger, store }
}

describe.each(Object.entries(VALID))('garbage in %s', (verb, args) => {
  test('is a throw or an answer, and every balance stays sound and recorded [I1] [I21] [T18]', () => {
    const at = fc.nat(args.length - 1)
    fc.assert(
      fc.property(nonsense, at, (value, index) => {
        for (const spoilt of spoil(args[index], value)) {
          const { ledger, store } = open()
          const given = args.with(index, spoilt)
          try {
            Reflect.apply(store[verb as Verb] as (...args: unknown[]) => unknown, store, given)
          } catch (error) {
            expect(error).toBeInstanceOf(Error)
            expect(store.describe('main')).toMatchObject({ available: 5, held: 5, in: 10, openHolds: 1 })
          }
          for (const [budget, balance] of replay(ledger.entries())) {
            const view = store.describe(budget)
            expect(view).toMatchObject(balance)
            expect(view.in + view.debt).toBe(view.available + view.held + view.spent + view.out + view.burned)
            expect(Object.values(balance).every((amount) => Number.isSafeInteger(amount) && amount >= 0)).toBe(true)
          }
        }
      }),
      { numRuns: 100 },
    )
  })
})

describe.each(['capture', 'release', 'extend'] as const)('the id of a hold, in %s', (verb) => {
  const end = (holdId: unknown): unknown => {
    const { store } = open()
    const request = { ...(VALID[verb][0] as object), holdId }
    return Reflect.apply(store[verb] as (request: unknown) => unknown, store, [request])
  }

  test.each([
    ['not there', undefined],
    ['null', null],
    ['a number', 5],
    ['empty', ''],
    ['longer than an id may be', 'x'.repeat(5_000)],
  ])('that is %s is a BudgetError', (_, holdId) => {
    expect(() => end(holdId)).toThrow(BudgetError)
  })

  test.each([
    ['named like a property of every object', '__proto__'],
    ['as long as an id may be', 'x'.repeat(128)],
    ['of a call that this store has never seen', mintChargeId(5)],
  ])('that is %s is answered', (_, holdId) => {
    expect(end(holdId)).toHaveProperty('kind')
  })
})

test('A setting that the memory store does not know is refused', () => {
  const settings = { credits: 5 } as object
  expect(() => new InMemoryBudgetEnforcer(settings)).toThrow(expect.objectContaining({ code: 'invalid_config' }))
})
