import { describe, expect, test } from 'vitest'
import { FakeClock, fakeEnforcer, faultyEnforcer, randomFaults, settle } from '../../../src/testing/index.js'
import { canHold, type BudgetEnforcer } from '../../../src/budget/enforcer.js'
import { InMemoryBudgetEnforcer } from '../../../src/backends/memory/in-memory-budget-enforcer.js'

function store(clock = new FakeClock()): InMemoryBudgetEnforcer {
  const inner = new InMemoryBudgetEnforcer({ clock })
  inner.initialize('main', 10)
  return inner
}

const hold = { id: 'h1', lines: [{ budget: 'main', amount: 6 }], ttlMs: 1_000, onExpire: 'release' } as const
const injected = expect.objectContaining({ code: 'injected_fault' })

/** What became of an answer by now. */
async function stateOf(answer: unknown): Promise<unknown> {
  let state: unknown = 'pending'
  void Promise.resolve(answer).then(
    (value) => (state = value),
    (error: unknown) => (state = error),
  )
  await settle()
  return state
}

describe('faultyEnforcer', () => {
  test('throws before the store acts [I6]', () => {
    const inner = store()
    expect(() => faultyEnforcer(inner, { hold: { 1: 'throw' } }).hold(hold)).toThrow('Injected fault')
    expect(inner.remaining('main')).toBe(10)
  })

  test('loses the answer after the store acted, so that only the id makes a retry safe [I5] [I6]', async () => {
    const inner = store()
    const faulty = faultyEnforcer(inner, { hold: { 1: 'lose' } })
    expect(() => faulty.hold(hold)).toThrow(injected as Error)
    expect(inner.remaining('main')).toBe(4)
    expect(await faulty.hold(hold)).toMatchObject({ kind: 'held', remaining: 4 })
    expect(inner.remaining('main')).toBe(4)
  })

  test('loses the answer of a store that answers with promises', async () => {
    const fake = fakeEnforcer({ remaining: 10, async: true })
    const answer = faultyEnforcer(fake, { hold: { 1: 'lose' } }).hold(hold)
    expect(await stateOf(answer)).toEqual(injected)
    expect(await fake.remaining('main')).toBe(4)
  })

  test.each([
    ['hang', 4],
    ['drop', 10],
  ] as const)('never answers by %s, with %i left', async (fault, remaining) => {
    const inner = store()
    expect(await stateOf(faultyEnforcer(inner, { hold: { 1: fault } }).hold(hold))).toBe('pending')
    expect(inner.remaining('main')).toBe(remaining)
  })

  test.each([
    [{ late: 500 }, 4],
    [{ delay: 500 }, 10],
  ] as const)('answers in its own time by %o', async (fault, remaining) => {
    const clock = new FakeClock()
    const inner = store(clock)
    const answer = faultyEnforcer(inner, { hold: { 1: fault } }, clock).hold(hold)
    await clock.advanceAsync(499)
    expect(await stateOf(answer)).toBe('pending')
    expect(inner.remaining('main')).toBe(remaining)
    await clock.advanceAsync(1)
    expect(await stateOf(answer)).toMatchObject({ kind: 'held' })
    expect(inner.remaining('main')).toBe(4)
  })

  test('asks twice', () => {
    const fake = fakeEnforcer({ remaining: 10 })
    const request = { id: 'g1', budget: 'main', amount: 5 }
    expect(faultyEnforcer(fake, { grant: { 1: 'duplicate' } }).grant(request)).toEqual({ kind: 'moved', remaining: 15 })
    expect(fake.calls).toHaveLength(2)
  })

  test('answers nonsense', () => {
    expect(faultyEnforcer(store(), { hold: { 1: { nonsense: 42 } } }).hold(hold)).toBe(42)
  })

  test('counts each verb by itself, and leaves what is not planned alone', () => {
    const inner = store()
    const faulty = faultyEnforcer(inner, { remaining: { 2: 'throw' } })
    expect(faulty.check('main', 1)).toEqual({ allowed: true, remaining: 10 })
    expect(faulty.remaining('main')).toBe(10)
    expect(() => faulty.remaining('main')).toThrow('Injected fault')
    expect(faulty.remaining('main')).toBe(10)
  })

  test('is planned by a function as well', () => {
    const seen: string[] = []
    const faulty = faultyEnforcer(store(), (verb, nth) => {
      seen.push(`${verb} ${nth}`)
      return verb === 'check' ? 'throw' : undefined
    })
    expect(() => faulty.check('main', 1)).toThrow()
    void faulty.remaining('main')
    expect(() => faulty.check('main', 1)).toThrow()
    expect(seen).toEqual(['check 1', 'remaining 1', 'check 2'])
  })

  test('has four verbs over an enforcer of four, and cannot hold', () => {
    const four: BudgetEnforcer = {
      check: () => ({ allowed: true, remaining: 1 }),
      spend: () => ({ allowed: true, remaining: 1 }),
      remaining: () => 1,
      initialize: () => {},
    }
    expect(canHold(faultyEnforcer(four, {}))).toBe(false)
    expect(canHold(faultyEnforcer(store(), {}))).toBe(true)
  })
})

describe('randomFaults', () => {
  const plan = (seed: number): unknown[] => {
    const faults = randomFaults({ seed, rate: 0.3, faults: ['throw', 'lose', { late: 5 }] })
    return Array.from({ length: 1_000 }, (_, i) => faults('hold', i + 1))
  }

  test('plans the same for the same seed, and something else for another', () => {
    expect(plan(1)).toEqual(plan(1))
    expect(plan(1)).not.toEqual(plan(2))
  })

  test('plans about as many faults as asked, of every kind', () => {
    const faults = plan(3).filter((fault) => fault !== undefined)
    expect(faults.length).toBeGreaterThan(240)
    expect(faults.length).toBeLessThan(360)
    expect(new Set(faults.map((fault) => JSON.stringify(fault))).size).toBe(3)
  })
})
