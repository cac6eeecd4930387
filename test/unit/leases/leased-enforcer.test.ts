import { describe, expect, test, vi } from 'vitest'
import { BudgetEvents, InMemoryBudgetEnforcer, MemoryLedger, type Authority, type HoldRequest } from 'mcp-budget'
import { FakeClock, settle } from 'mcp-budget/testing'
import { LeasedEnforcer, type LeasedEnforcerOptions } from 'mcp-budget/leases'
import { mintChargeId } from '../../../src/core/ids.js'
import type { LeasingEnforcer } from '../../../src/budget/lease.js'

const BUDGET = 'default/main'
const LINES = [{ budget: BUDGET, amount: 1 }]
const TTL_MS = 30_000

async function setUp(credits = 10_000, options: Partial<LeasedEnforcerOptions> = {}) {
  const clock = new FakeClock()
  const ledger = new MemoryLedger()
  const store = new InMemoryBudgetEnforcer({ clock, ledger })
  store.initialize(BUDGET, credits)
  const asked: string[] = []
  const far = { isCut: false, delayMs: 0 }
  const watched = new Proxy(store, {
    get: (target, verb: keyof LeasingEnforcer) => {
      const ask = (target[verb] as (...args: unknown[]) => unknown).bind(target)
      return (...args: unknown[]) => {
        asked.push(verb)
        if (far.isCut) throw new Error('cut')
        if (far.delayMs === 0) return ask(...args)
        const answer = ask(...args)
        return new Promise((resolve) => void clock.after(far.delayMs, () => resolve(answer)))
      }
    },
  })
  const events = new BudgetEvents()
  const enforcer = await LeasedEnforcer.open({ store: watched, clock, events, ...options })
  const request = (amount: number, more: Partial<HoldRequest> = {}): HoldRequest => {
    const lines = [{ budget: BUDGET, amount }]
    return { id: mintChargeId(clock.now()), lines, ttlMs: 120_000, onExpire: 'capture', ...more }
  }
  const pay = (amount: number): string | undefined => {
    const { id } = request(amount)
    const answer = enforcer.hold(request(amount, { id })) as { kind: string; reason?: string }
    if (answer.kind !== 'held') return answer.reason
    enforcer.capture({ id: `${id}.c`, holdId: id, amount, overage: 'cap' })
    return undefined
  }
  return { clock, ledger, store, asked, far, events, enforcer, request, pay, view: () => store.describe(BUDGET) }
}

describe('a process with leases', () => {
  test('decides calls at once, without the store, from the second on', async () => {
    const { asked, pay, view } = await setUp()
    pay(1)
    asked.length = 0
    for (let n = 0; n < 700; n++) expect(pay(1)).toBeUndefined()
    expect(asked).toEqual([])
    expect(view()).toMatchObject({ leases: 1, leased: 1_000 })
  })

  test('gets its next lease before it needs it, and gives back what is used up with the same request', async () => {
    const { asked, pay } = await setUp()
    pay(1)
    for (let n = 0; n < 1_750; n++) pay(1)
    expect(asked.filter((verb) => verb === 'hold')).toHaveLength(1)
    expect(asked.filter((verb) => verb === 'lease')).toHaveLength(3)
    expect(asked.slice(-2)).toEqual(['settle', 'lease'])
  })

  test('lets the store decide what a lease cannot', async () => {
    const { asked, enforcer, request, pay } = await setUp()
    pay(1)
    const authority: Authority = {
      ...{ tenant: 'default', budget: BUDGET, registrations: [], prefixIds: ['p'], nonce: 'n', issuedAt: 1 },
      ...{ ceilings: [{ prefixId: 'p', limit: 9 }], calls: [], rates: [] },
    }
    const others: Array<Partial<HoldRequest>> = [
      { lines: [{ budget: BUDGET, amount: 2_000 }] },
      { lines: [{ budget: BUDGET, amount: 1, unit: 'calls' }] },
      {
        lines: [
          { budget: BUDGET, amount: 1 },
          { budget: 'other', amount: 1 },
        ],
      },
      { overdraft: true },
      { authority },
    ]
    for (const more of others) {
      asked.length = 0
      await enforcer.hold(request(1, more))
      expect(asked[0]).toBe('hold')
    }
  })

  test('spends the last credit, and refuses only what the store refuses when it has all back [I2]', async () => {
    const { enforcer, request, view } = await setUp(100)
    let paid = 0
    for (;;) {
      const { id } = request(3)
      const { kind } = await enforcer.hold(request(3, { id }))
      if (kind === 'refused') break
      await enforcer.capture({ id: `${id}.c`, holdId: id, amount: 3, overage: 'cap' })
      paid += 3
    }
    expect(paid).toBe(99)
    await enforcer.shutdown()
    expect(view()).toMatchObject({ available: 1, held: 0 })
  })

  test('counts a lease from when it asked, so that it stops before the store ends it [I8]', async () => {
    const { clock, far, enforcer, request, pay } = await setUp(10_000, { storeTimeoutMs: 5_000 })
    far.delayMs = 4_000
    void enforcer.hold(request(1))
    await clock.advanceAsync(4_000)
    expect(pay(1)).toBeUndefined()
    far.isCut = true
    await clock.advanceAsync(TTL_MS * 0.95 - 100 - 4_000 - 1)
    expect(pay(1)).toBeUndefined()
    await clock.advanceAsync(1)
    expect(() => pay(1)).toThrow('cut')
  })

  test('stops also when the machine has slept: by the clock of the day [I8]', async () => {
    const { clock, far, pay } = await setUp()
    pay(1)
    far.isCut = true
    clock.jump(TTL_MS)
    expect(() => pay(1)).toThrow('cut')
  })

  test('stops also when the clock of the day stands still, within 16 calls [I8]', async () => {
    const store = new InMemoryBudgetEnforcer({ clock: new FakeClock() })
    store.initialize(BUDGET, 10_000)
    const [day, steady] = [vi.spyOn(Date, 'now').mockReturnValue(1_800_000_000_000), vi.spyOn(performance, 'now')]
    steady.mockReturnValue(1_000)
    const enforcer = await LeasedEnforcer.open({ store })
    const hold = () => enforcer.hold({ id: mintChargeId(1), lines: LINES, ttlMs: 60_000, onExpire: 'capture' })
    hold()
    hold()
    expect(store.describe(BUDGET)).toMatchObject({ openHolds: 2, leases: 1 })
    steady.mockReturnValue(1_000 + TTL_MS)
    for (let n = 0; n < 16; n++) hold()
    expect(store.describe(BUDGET).openHolds).toBeGreaterThan(2)
    day.mockRestore()
    steady.mockRestore()
    await enforcer.shutdown()
  })

  test('gives back what it did not use of a lease that was forfeited while it was cut off [I8] [I9]', async () => {
    const { clock, far, events, pay, view } = await setUp()
    const told: unknown[] = []
    events.on('forfeited', ({ amount }) => told.push(amount)).on('reconciled', ({ returned }) => told.push(returned))
    for (let n = 0; n < 101; n++) pay(1)
    far.isCut = true
    await clock.advanceAsync(TTL_MS)
    expect(view()).toMatchObject({ spent: 1_001, forfeited: 1_000 })
    far.isCut = false
    await clock.advanceAsync(TTL_MS)
    expect(view()).toMatchObject({ spent: 101, available: 9_899 })
    expect(told).toEqual([900, 900])
  })

  test('gives an idle lease back after half its time', async () => {
    const { clock, pay, view } = await setUp()
    pay(1)
    expect(view().leases).toBe(1)
    await clock.advanceAsync(TTL_MS)
    expect(view()).toMatchObject({ available: 9_999, held: 0 })
  })

  test('stops within the time of a lease when its budget is closed by somebody else [T10]', async () => {
    const { clock, store, pay, view } = await setUp()
    pay(1)
    pay(1)
    store.close({ id: 'close', budget: BUDGET, why: 'closed' })
    expect(pay(1)).toBeUndefined()
    await clock.advanceAsync(TTL_MS)
    expect(pay(1)).toBe('closed')
    expect(view()).toMatchObject({ state: 'closed', spent: 3, held: 0 })
  })

  test('gives all back at its end, and charges what nobody ended as its hold says', async () => {
    const { enforcer, request, pay, view, ledger } = await setUp()
    pay(1)
    pay(4)
    enforcer.hold(request(10))
    enforcer.hold(request(20, { onExpire: 'release' }))
    await enforcer.shutdown()
    expect(view()).toMatchObject({ spent: 15, held: 0, available: 9_985 })
    expect(ledger.entries().flatMap((each) => (each.kind === 'money' ? [each.op] : []))).toEqual([
      ...['grant', 'hold', 'lease', 'capture', 'settle'],
    ])
    await enforcer.hold(request(1))
    expect(view()).toMatchObject({ held: 1 })
  })

  test('answers a repeated request alike, and refuses another end of an ended hold [I4] [I5]', async () => {
    const { enforcer, request, pay } = await setUp()
    pay(1)
    const hold = request(5)
    const { id: holdId } = hold
    expect(enforcer.hold(hold)).toMatchObject({ kind: 'held', holdId })
    expect(enforcer.hold({ ...hold })).toMatchObject({ kind: 'held', holdId })
    expect(enforcer.hold({ ...hold, ttlMs: 1 })).toMatchObject({ kind: 'refused', reason: 'id_reused' })
    const capture = { id: 'c', holdId, amount: 3, overage: 'cap' } as const
    const charged = { kind: 'captured', charged: 3, late: false }
    expect(enforcer.capture(capture)).toEqual(charged)
    expect(enforcer.capture({ ...capture })).toEqual(charged)
    expect(enforcer.capture({ ...capture, amount: 4 })).toMatchObject({ reason: 'id_reused' })
    expect(enforcer.capture({ ...capture, id: 'd' })).toMatchObject({ reason: 'hold_ended' })
    expect(enforcer.release({ id: 'r', holdId })).toMatchObject({ reason: 'hold_ended' })
    expect(enforcer.extend({ id: 'x', holdId, ttlMs: 9 })).toMatchObject({ reason: 'hold_ended' })
  })

  test('hands a hold over to the store that may outlive it, and it is charged once [I3]', async () => {
    const { enforcer, request, pay, view } = await setUp()
    pay(1)
    const { id } = request(7)
    enforcer.hold(request(7, { id }))
    expect(enforcer.extend({ id: 'x', holdId: id, ttlMs: 3_600_000, onExpire: 'release' })).toMatchObject({
      kind: 'extended',
    })
    expect(view()).toMatchObject({ openHolds: 2, held: 1_007 })
    await enforcer.shutdown()
    expect(view()).toMatchObject({ held: 7, spent: 1 })
    await enforcer.capture({ id: 'c', holdId: id, amount: 7, overage: 'cap' })
    expect(view()).toMatchObject({ held: 0, spent: 8 })
  })

  test('ends a hold that the store has under another id also when that is repeated after many calls [I3] [I4]', async () => {
    const { far, enforcer, request, pay, view, clock } = await setUp(1_500)
    pay(1)
    const large = request(1_400)
    expect(await enforcer.hold(large)).toMatchObject({ kind: 'held', holdId: large.id })
    const end = { id: `${large.id}.c`, holdId: large.id, amount: 1_400, overage: 'cap', lines: large.lines } as const
    far.isCut = true
    expect(() => enforcer.capture(end)).toThrow('cut')
    far.isCut = false
    for (let n = 0; n < 3_000; n++) {
      const small = request(1)
      await enforcer.hold(small)
      await enforcer.release({ id: `${small.id}.r`, holdId: small.id })
    }
    expect(await enforcer.capture(end)).toEqual({ kind: 'captured', charged: 1_400, late: false })
    clock.advance(700_000)
    expect(view()).toMatchObject({ spent: 1_401, debt: 0 })
  })

  test.each([
    ['a hold that the store has not answered for yet', 0],
    ['a hold that it asks the store for again', 100],
  ])('pays once for a call from a lease in place of %s [I3]', async (_, waitMs) => {
    const { clock, far, store, enforcer, request, pay, view } = await setUp(1_000)
    pay(1)
    const small = request(10)
    enforcer.hold(small)
    enforcer.hold(request(1))
    store.spend({ chargeId: mintChargeId(clock.now()), budget: BUDGET, tool: 't', cost: view().available - 10 })
    far.delayMs = 100
    const call = request(239)
    const answer = enforcer.hold(call)
    enforcer.release({ id: `${small.id}.r`, holdId: small.id })
    store.grant({ id: 'more', budget: BUDGET, amount: 1_000 })
    clock.advance(waitMs)
    await settle()
    expect(enforcer.escrow(call)).toMatchObject({ kind: 'held' })
    for (let n = 0; n < 5; n++) {
      clock.advance(100)
      await settle()
    }
    await answer
    enforcer.capture({ id: `${call.id}.c`, holdId: call.id, amount: 239, overage: 'cap' })
    far.delayMs = 0
    clock.advance(2_000)
    await settle()
    const { held, leased = 0 } = view()
    expect(held - leased).toBe(0)
    await enforcer.shutdown()
  })

  test('charges what is beyond a hold, as debt where nothing is left [I7]', async () => {
    const { enforcer, request, pay, view } = await setUp(100)
    pay(1)
    const { id } = request(1)
    enforcer.hold(request(1, { id }))
    const charged = await enforcer.capture({ id: 'c', holdId: id, amount: 120, overage: 'debt' })
    expect(charged).toMatchObject({ kind: 'captured', charged: 120 })
    await enforcer.shutdown()
    expect(view()).toMatchObject({ spent: 121, debt: 21, available: 0 })
  })

  test('keeps a bounded memory, whatever is asked of it [L-P23]', async () => {
    const { store, enforcer, request, clock } = await setUp(1_000_000)
    for (let n = 0; n < 1_200; n++) store.initialize(`b${n}`, 100)
    for (let n = 0; n < 1_200; n++) await enforcer.hold(request(1, { lines: [{ budget: `b${n}`, amount: 1 }] }))
    const leased = Array.from({ length: 1_200 }, (_, n) => store.describe(`b${n}`).leases ?? 0)
    expect(leased.reduce((sum, each) => sum + each)).toBe(1_000)
    await clock.advanceAsync(4 * TTL_MS)
    await enforcer.hold(request(1, { lines: [{ budget: 'b1199', amount: 1 }] }))
    expect(store.describe('b1199').leases).toBe(1)
  })

  test.each([
    [{}, /`store`/],
    [{ store: {} }, /`store`/],
    [{ ttlMs: 5 }, /`ttlMs`/],
    [{ least: 5, most: 4 }, /`most`/],
    [{ use: 'never' }, /`use`/],
    [{ journal: 5 }, /`journal`/],
    [{ jurnal: 'x' }, /jurnal/],
  ])('refuses settings that make no sense: %o', async (options, message) => {
    const store = 'store' in options || Object.keys(options).length === 0 ? {} : { store: new InMemoryBudgetEnforcer() }
    const given = { ...store, ...options } as unknown as LeasedEnforcerOptions
    await expect(LeasedEnforcer.open(given)).rejects.toMatchObject({
      code: 'invalid_config',
      message: expect.stringMatching(message),
    })
  })

  test('leaves no timer that keeps it alive after its end', async () => {
    const { clock, enforcer } = await setUp()
    await enforcer.shutdown()
    await settle()
    expect(clock.timers).toBe(0)
  })
})
