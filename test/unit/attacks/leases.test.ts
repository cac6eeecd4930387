import { describe, expect, test } from 'vitest'
import { BudgetEvents, InMemoryBudgetEnforcer, type Authority, type HoldRequest } from 'mcp-budget'
import { FakeClock } from 'mcp-budget/testing'
import { LeasedEnforcer, type LeasedEnforcerOptions } from 'mcp-budget/leases'
import { mintChargeId } from '../../../src/core/ids.js'
import { Slice } from '../../../src/leases/slice.js'
import type { LeasingEnforcer } from '../../../src/budget/lease.js'

const BUDGET = 'default/main'

/** What the network does to the requests of a verb: their answers are held back, or the requests, or they are lost. */
type Fate = 'slow' | 'delayed' | 'lost' | 'cut'

async function setUp(credits: number, options: Partial<LeasedEnforcerOptions> = {}) {
  const clock = new FakeClock()
  const store = new InMemoryBudgetEnforcer({ clock })
  store.initialize(BUDGET, credits)
  const fates: Partial<Record<string, Fate>> = {}
  const late: Array<() => void> = []
  const far = new Proxy(store, {
    get: (target, verb: keyof LeasingEnforcer) => {
      const ask = (target[verb] as (...args: unknown[]) => unknown).bind(target)
      return (...args: unknown[]) => {
        const fate = fates[verb]
        if (fate === 'cut') throw new Error('cut')
        if (fate === 'delayed') return new Promise((resolve) => void late.push(() => resolve(ask(...args))))
        const answer = ask(...args)
        if (fate === 'lost') throw new Error('lost')
        return fate === undefined ? answer : new Promise((resolve) => void late.push(() => resolve(answer)))
      }
    },
  })
  const events = new BudgetEvents()
  const enforcer = await LeasedEnforcer.open({ store: far, clock, events, ...options })
  const hold = (amount: number, more: Partial<HoldRequest> = {}): string => {
    const id = mintChargeId(clock.now())
    const answer = enforcer.hold({
      ...{ id, lines: [{ budget: BUDGET, amount }], ttlMs: 3_600_000, onExpire: 'capture', ...more },
    })
    expect(answer).toMatchObject({ kind: 'held' })
    return id
  }
  const capture = (holdId: string, amount: number) =>
    enforcer.capture({ id: `${holdId}.c`, holdId, amount, overage: 'cap' })
  const answerLate = async (): Promise<void> => {
    for (const each of late.splice(0)) each()
    await clock.advanceAsync(0)
  }
  return { clock, store, fates, enforcer, hold, capture, answerLate, view: () => store.describe(BUDGET) }
}

describe('a hold that is handed over', () => {
  const KEEP = { id: 'keep', ttlMs: 60_000, onExpire: 'capture' } as const

  test('is charged once when this process shuts down before the store has answered [I1]', async () => {
    const { clock, store, fates, enforcer, hold, answerLate, view } = await setUp(10_000)
    hold(1)
    const holdId = hold(10)
    fates['hold'] = 'slow'
    const kept = enforcer.extend({ ...KEEP, holdId })
    const done = enforcer.shutdown()
    await answerLate()
    await Promise.all([kept, done])
    await clock.advanceAsync(4_000_000)
    store.check(BUDGET, 1)
    expect(view()).toMatchObject({ spent: 11, held: 0 })
  })

  test('is charged once when its time is up before the store has answered, and others with it [I1]', async () => {
    const { clock, store, fates, enforcer, hold, capture, answerLate, view } = await setUp(10_000)
    capture(hold(1), 1)
    const holdId = hold(10, { ttlMs: 3_700 })
    fates['hold'] = 'slow'
    await clock.advanceAsync(3_690)
    const kept = enforcer.extend({ ...KEEP, holdId })
    await clock.advanceAsync(100)
    await answerLate()
    delete fates['hold']
    const other = hold(100)
    await clock.advanceAsync(60_000)
    expect(capture(other, 100)).toMatchObject({ kind: 'captured', charged: 100 })
    await kept
    await clock.advanceAsync(60_000)
    await enforcer.shutdown()
    store.check(BUDGET, 1)
    expect(view()).toMatchObject({ spent: 111, held: 0 })
  })

  test('is charged once when the answer of the store is lost [I1]', async () => {
    const { clock, store, fates, enforcer, hold, capture, view } = await setUp(10_000)
    capture(hold(1), 1)
    const holdId = hold(10)
    fates['hold'] = 'lost'
    await enforcer.extend({ ...KEEP, holdId })
    delete fates['hold']
    expect(capture(holdId, 4)).toMatchObject({ kind: 'captured', charged: 4 })
    await clock.advanceAsync(120_000)
    await enforcer.shutdown()
    store.check(BUDGET, 1)
    expect(view()).toMatchObject({ spent: 5, held: 0 })
  })

  test('takes each round once, and only for what was held, also when the store is out of reach [I4]', async () => {
    const { fates, enforcer, hold, capture } = await setUp(10_000)
    capture(hold(1), 1)
    const holdId = hold(10)
    fates['hold'] = 'cut'
    const lines = [{ budget: BUDGET, amount: 10 }]
    const next = (id: string, round: number, amount = 10) =>
      enforcer.extend({ id, holdId, ttlMs: 60_000, round, lines: [{ ...lines[0], budget: BUDGET, amount }] })
    expect(await next('dear', 2, 500)).toMatchObject({ kind: 'refused', reason: 'unknown_hold' })
    expect(await next('one', 2)).toMatchObject({ kind: 'extended' })
    expect(await next('one', 2)).toMatchObject({ kind: 'extended' })
    expect(await next('two', 2)).toMatchObject({ kind: 'refused', reason: 'round_used' })
    expect(await next('three', 3)).toMatchObject({ kind: 'extended' })
  })

  test('is charged when it was paid from a lease in an outage, and the outage ends [I1]', async () => {
    const { clock, store, fates, enforcer, hold, capture, view } = await setUp(10_000, { use: 'outages' })
    capture(hold(1), 1)
    await clock.advanceAsync(10)
    fates['hold'] = fates['release'] = 'cut'
    const id = mintChargeId(clock.now())
    const lines = [{ budget: BUDGET, amount: 10 }]
    expect(enforcer.escrow({ id, lines, ttlMs: 60_000, onExpire: 'release' })).toMatchObject({ kind: 'held' })
    delete fates['hold']
    delete fates['release']
    await enforcer.extend({ ...KEEP, holdId: id })
    await clock.advanceAsync(10_000)
    expect(await capture(id, 10)).toMatchObject({ kind: 'captured', charged: 10 })
    await enforcer.shutdown()
    store.check(BUDGET, 1)
    expect(view()).toMatchObject({ spent: 11, held: 0 })
  })
})

describe('what a process has leased', () => {
  test('comes back with more holds open than leases may be', async () => {
    const { clock, enforcer, hold, capture, view } = await setUp(1_000_000)
    capture(hold(1), 1)
    const open = Array.from({ length: 150 }, () => hold(800))
    await clock.advanceAsync(1_000)
    for (const id of open) await capture(id, 700)
    await clock.advanceAsync(60_000)
    await enforcer.shutdown()
    expect(view()).toMatchObject({ spent: 150 * 700 + 1, held: 0 })
    expect(view().forfeited).toBeUndefined()
  })

  test.each(['lease', 'renew'] as const)('comes back when a process shuts down while it waits for %s', async (verb) => {
    const { clock, fates, enforcer, hold, capture, answerLate, view } = await setUp(10_000)
    fates[verb] = 'slow'
    capture(hold(1), 1)
    if (verb === 'renew') {
      capture(hold(1), 1)
      await clock.advanceAsync(15_000)
    }
    const done = enforcer.shutdown()
    await answerLate()
    await clock.advanceAsync(1_000)
    await done
    expect(view().held).toBe(0)
  })

  test('pays for a call by another token, and under another name of the budget, before that is refused [I2]', async () => {
    const { enforcer, hold, clock, capture } = await setUp(1_000)
    const authority: Authority = {
      ...{ tenant: 'default', budget: BUDGET, registrations: [], prefixIds: ['p'], nonce: 'n', issuedAt: 1 },
      ...{ ceilings: [], calls: [], rates: [] },
    }
    for (const more of [{}, { authority }, { lines: [{ budget: 'main', amount: 1 }] }]) capture(hold(1, more), 1)
    const ask = (more: Partial<HoldRequest>) => {
      const lines = [{ budget: BUDGET, amount: 900 }]
      const id = mintChargeId(clock.now())
      return enforcer.hold({ id, lines, ttlMs: 60_000, onExpire: 'capture', ...more })
    }
    expect(await ask({ authority })).toMatchObject({ kind: 'held' })
  })

  test('pays for a call, and not for a new lease, when it was given back for that call [I2]', async () => {
    const { enforcer, hold, clock, capture } = await setUp(1_000)
    capture(hold(1), 1)
    const request = { lines: [{ budget: BUDGET, amount: 900 }], ttlMs: 60_000, onExpire: 'capture' } as const
    expect(await enforcer.hold({ ...request, id: mintChargeId(clock.now()) })).toMatchObject({ kind: 'held' })
  })

  test('is not refused for what another call gives back at this moment [I2]', async () => {
    const { fates, enforcer, clock, hold, capture, answerLate } = await setUp(1_000)
    capture(hold(1), 1)
    fates['settle'] = 'delayed'
    fates['lease'] = 'cut'
    const ask = (amount: number) => {
      const request = { lines: [{ budget: BUDGET, amount }], ttlMs: 60_000, onExpire: 'capture' } as const
      return enforcer.hold({ ...request, id: mintChargeId(clock.now()) })
    }
    const answers = [ask(2_000), ask(760)]
    await clock.advanceAsync(0)
    await answerLate()
    expect(await Promise.all(answers)).toMatchObject([{ kind: 'refused' }, { kind: 'held' }])
  })

  test('is not drawn from after its time, when the clock of the day was set back and then the machine slept', () => {
    const slice = new Slice('s', 10, { steady: 0, wall: 3_600_000 }, 30_000)
    slice.renewed({ steady: 15_000, wall: 15_000 })
    expect(slice.isOver({ steady: 16_000, wall: 16_000 })).toBe(false)
    expect(slice.isOver({ steady: 16_000, wall: 60_000 })).toBe(true)
  })
})
