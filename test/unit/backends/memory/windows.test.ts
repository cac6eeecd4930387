import { describe, expect, it } from 'vitest'
import { FakeClock } from 'mcp-budget/testing'
import { InMemoryBudgetEnforcer, MemoryLedger, replay, type HoldRequest, type LineWindow } from 'mcp-budget'

const DAY = 86_400_000
const MIDNIGHT = Date.UTC(2026, 10, 22)

/** The windows of a caller whose clock says `now`. */
function days(now: number): LineWindow {
  const start = Math.floor(now / DAY) * DAY
  return { previous: [start - DAY, start], current: [start, start + DAY], next: [start + DAY, start + 2 * DAY] }
}

function open(credits = 10) {
  const clock = new FakeClock(MIDNIGHT - 1_000)
  const ledger = new MemoryLedger()
  const enforcer = new InMemoryBudgetEnforcer({ clock, ledger })
  enforcer.initialize('daily', credits)
  let count = 0
  const request = (amount: number, callerNow = clock.now()): HoldRequest => ({
    id: `h${count++}`,
    lines: [{ budget: 'daily', amount, window: days(callerNow) }],
    ttlMs: 60_000,
    onExpire: 'capture',
  })
  const balanced = () => {
    const { available, held, spent, debt, out, burned, in: into } = enforcer.describe('daily')
    expect(into + debt).toBe(available + held + spent + out + burned)
    expect(replay(ledger.entries()).get('default/daily')).toEqual({
      available,
      held,
      spent,
      debt,
      in: into,
      out,
      burned,
    })
  }
  return { clock, enforcer, request, ledger, balanced }
}

describe('a budget with windows', () => {
  it('is opened once by fifty first calls of a window [I18]', () => {
    const { clock, enforcer, request, ledger, balanced } = open()
    expect(enforcer.hold(request(10)).kind).toBe('held')
    clock.advance(1_000)
    const kinds = Array.from({ length: 50 }, () => enforcer.hold(request(1)).kind)
    expect(kinds.filter((kind) => kind === 'held')).toHaveLength(10)
    expect(ledger.entries().filter((entry) => entry.kind === 'money' && entry.op === 'window')).toHaveLength(1)
    balanced()
  })

  it('burns what is left when the next one opens [I18]', () => {
    const { clock, enforcer, request, balanced } = open()
    enforcer.hold(request(1))
    clock.advance(1_000)
    enforcer.hold(request(3))
    expect(enforcer.describe('daily')).toMatchObject({ available: 7, held: 4, burned: 9, in: 20 })
    balanced()
  })

  it('burns what comes back to a window that is over [I18]', () => {
    const { clock, enforcer, request, balanced } = open()
    enforcer.hold(request(6))
    clock.advance(1_000)
    enforcer.hold(request(1))
    enforcer.capture({ id: 'c', holdId: 'h0', amount: 2, overage: 'cap' })
    expect(enforcer.describe('daily')).toMatchObject({ available: 9, held: 1, spent: 2, burned: 8 })
    balanced()
  })

  it('leaves the debt of a window behind in it [I18]', () => {
    const { clock, enforcer, request, balanced } = open()
    enforcer.hold({ ...request(25), overdraft: true })
    expect(enforcer.describe('daily').debt).toBe(15)
    clock.advance(1_000)
    expect(enforcer.hold(request(10))).toMatchObject({ kind: 'held', remaining: 0 })
    enforcer.capture({ id: 'c', holdId: 'h0', amount: 30, overage: 'debt' })
    expect(enforcer.describe('daily')).toMatchObject({ debt: 0, spent: 30 })
    balanced()
  })

  it.each([-DAY, DAY])('is picked by the clock of the store when the caller is %d ms off', (skew) => {
    const { clock, enforcer, request } = open()
    clock.advance(2_000)
    expect(enforcer.hold(request(5, clock.now() + skew)).kind).toBe('held')
    expect(enforcer.hold(request(5)).kind).toBe('held')
    expect(enforcer.describe('daily')).toMatchObject({ available: 0, burned: 0 })
  })

  it.each([-2 * DAY, 2 * DAY])('refuses a caller whose clock is %d ms off as clock_skew', (skew) => {
    const { clock, enforcer, request } = open()
    expect(enforcer.hold(request(5, clock.now() + skew))).toMatchObject({ kind: 'refused', reason: 'clock_skew' })
    expect(enforcer.describe('daily')).toMatchObject({ available: 10, held: 0 })
  })

  it('has no children, and a parent has no windows', () => {
    const { enforcer, request } = open()
    enforcer.hold(request(1))
    const child = { id: 't', from: 'daily', to: 'child', amount: 1, create: true }
    expect(enforcer.transfer(child)).toMatchObject({ kind: 'refused', reason: 'windowed' })
    enforcer.initialize('parent', 5)
    enforcer.transfer({ ...child, id: 'u', from: 'parent' })
    const lines = [{ budget: 'parent', amount: 1, window: days(MIDNIGHT) }]
    expect(enforcer.hold({ ...request(1), id: 'p', lines })).toMatchObject({ kind: 'refused', reason: 'windowed' })
  })

  it('keeps the window that it was told, whatever becomes of the caller’s', () => {
    const { clock, enforcer, request } = open()
    const asked = request(1)
    enforcer.hold(asked)
    const [line] = asked.lines
    const mine = line!.window!.current as unknown as number[]
    const [start, end] = mine
    mine[0] = 0
    expect(enforcer.describe('daily').window).toEqual({ start, end })
    clock.advance(500)
    enforcer.release({ id: 'r', holdId: asked.id })
    expect(enforcer.describe('daily')).toMatchObject({ available: 10, burned: 0 })
  })

  it.each([
    ['no next', { previous: [0, 1], current: [1, 2] }],
    ['an end before its start', { previous: [1, 0], current: [1, 2], next: [2, 3] }],
    ['a fraction', { previous: [0, 0.5], current: [1, 2], next: [2, 3] }],
  ])('throws at %s and changes nothing', (_case, window) => {
    const { enforcer, request } = open()
    const bad = { ...request(1), lines: [{ budget: 'daily', amount: 1, window: window as never }] }
    expect(() => enforcer.hold(bad)).toThrow(/window/)
    expect(enforcer.describe('daily')).toMatchObject({ available: 10, held: 0 })
  })
})
