import { describe, expect, test } from 'vitest'
import { canHold } from '../../../src/budget/enforcer.js'
import { FakeClock, fakeEnforcer } from '../../../src/testing/index.js'

describe('fakeEnforcer', () => {
  test('takes four lines to use', () => {
    const fake = fakeEnforcer({ remaining: 10 })
    expect(fake.spend({ chargeId: 'c1', budget: 'anyone', tool: 't', cost: 7 })).toEqual({
      allowed: true,
      remaining: 3,
    })
    expect(fake.remaining('anyone')).toBe(3)
    expect(fake.calls.map((call) => call.verb)).toEqual(['spend', 'remaining'])
  })

  test.each([undefined, 10, {}, { credits: 10 }, { remaining: 10, credits: 10 }, { remaining: '10' }])(
    'refuses the settings %j',
    (options) => {
      expect(() => fakeEnforcer(options as never)).toThrow(/Expected `(options|remaining)` to be/)
    },
  )

  test('begins every unknown budget with what remains, and no known one', () => {
    const fake = fakeEnforcer({ remaining: 10 })
    fake.initialize('mine', 3)
    expect(fake.remaining('mine')).toBe(3)
    expect(fake.remaining('theirs')).toBe(10)
    fake.transfer({ id: 't1', from: 'theirs', to: 'child', amount: 4, create: true })
    expect(fake.describe('child')).toMatchObject({ available: 4, parent: 'default/theirs' })
  })

  test('gives a child its beginning when the transfer that creates it is refused', () => {
    const fake = fakeEnforcer({ remaining: 10 })
    const answer = fake.transfer({ id: 't1', from: 'mine', to: 'child', amount: 11, create: true })
    expect(answer).toMatchObject({ kind: 'refused', reason: 'insufficient' })
    expect(fake.remaining('child')).toBe(10)
  })

  test('holds, captures and releases with the arithmetic of the store', () => {
    const fake = fakeEnforcer({ remaining: 10 })
    const lines = [{ budget: 'anyone', amount: 6 }]
    fake.hold({ id: 'h1', lines, ttlMs: 1_000, onExpire: 'capture' })
    expect(fake.remaining('anyone')).toBe(4)
    fake.capture({ id: 'c1', holdId: 'h1', amount: 5, overage: 'cap' })
    expect(fake.describe('anyone')).toMatchObject({ available: 5, spent: 5, held: 0 })
    expect(canHold(fake)).toBe(true)
  })

  test('records what it was given, word for word', () => {
    const fake = fakeEnforcer({ remaining: 10 })
    const request = { id: 'h1', lines: [{ budget: 'a', amount: 6 }], ttlMs: 1_000, onExpire: 'capture' } as const
    fake.hold(request)
    fake.check('a', 2)
    expect(fake.calls).toEqual([
      { verb: 'hold', args: [request] },
      { verb: 'check', args: ['a', 2] },
    ])
  })

  test('answers with promises when asked to, and rejects what the store would throw', async () => {
    const fake = fakeEnforcer({ remaining: 10, async: true })
    const answer = fake.check('anyone', 4)
    expect(answer).toBeInstanceOf(Promise)
    await expect(answer).resolves.toEqual({ allowed: true, remaining: 10 })
    await expect(fake.check('anyone', -1)).rejects.toMatchObject({ code: 'invalid_credits' })
  })

  test('expires holds on the clock it is given', () => {
    const clock = new FakeClock()
    const fake = fakeEnforcer({ remaining: 10, clock })
    fake.hold({ id: 'h1', lines: [{ budget: 'a', amount: 6 }], ttlMs: 1_000, onExpire: 'release' })
    clock.advance(1_000)
    expect(fake.remaining('a')).toBe(10)
  })
})
