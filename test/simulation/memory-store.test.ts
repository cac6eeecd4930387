import { describe, expect, test } from 'vitest'
import { asyncEnforcer, simulate, type SimulatedStoreContext, type SimulationReport } from '../../src/testing/index.js'
import { InMemoryBudgetEnforcer } from '../../src/backends/memory/in-memory-budget-enforcer.js'

const SEEDS = process.env['MCP_BUDGET_LONG'] === '1' ? 200_000 : 10_000
const MINUTES_10 = 600_000

const store = (context: SimulatedStoreContext) => new InMemoryBudgetEnforcer(context)

/** Every request of a history that reached the store, and its answer. */
function historyOf(seed: number): string[] {
  const lines: string[] = []
  simulate({ seed, store, trace: (line) => lines.push(line) })
  return lines
}

describe('simulated histories', () => {
  test(
    'break no rule on the memory store [I1] [I2] [I3] [I4] [I5] [I7] [I10] [I13] [R1] [R2]',
    () => {
      const broken: SimulationReport[] = []
      let events = 0
      for (let seed = 1; seed <= SEEDS && broken.length < 3; seed++) {
        const report = simulate({ seed, store })
        events += report.events
        if (report.violation !== undefined) broken.push(report)
      }
      expect(broken).toEqual([])
      expect(events / SEEDS).toBeGreaterThan(100)
    },
    MINUTES_10,
  )

  test('break no rule on a store that answers with promises [I1] [I4] [I13] [R1]', async () => {
    for (let seed = 1; seed <= 200; seed++) {
      const report = await simulate({ seed, store: (context) => asyncEnforcer(store(context)) })
      expect(report.violation, `seed ${seed}`).toBeUndefined()
      expect(report).toEqual(simulate({ seed, store }))
    }
  })

  test('break no rule when many calls are made at once [I2] [L-P1]', () => {
    for (let seed = 1; seed <= 20; seed++) {
      expect(simulate({ seed, store, calls: 300 }).violation, `seed ${seed}`).toBeUndefined()
    }
  })

  test('are the same for the same seed, and differ from seed to seed', () => {
    expect(historyOf(7)).toEqual(historyOf(7))
    expect(new Set(Array.from({ length: 50 }, (_, seed) => historyOf(seed).join('\n'))).size).toBe(50)
  })

  test.each([
    ['a hold that is refused', /hold .*→ \{"kind":"refused","reason":"insufficient"/],
    ['a hold that comes after its release', /hold .*→ \{"kind":"refused","reason":"hold_ended"/],
    ['a hold in debt', /hold .*→ \{"kind":"held".*"debt":[1-9]/],
    ['a capture in time', /capture .*→ .*"late":false/],
    ['a capture that is late', /capture .*→ .*"late":true/],
    ['a capture of an ended hold', /capture .*→ \{"kind":"refused","reason":"hold_ended"/],
    ['a release of a hold that was never seen', /release .*→ \{"kind":"released","returned":0/],
    ['an extension', /extend .*→ \{"kind":"extended"/],
    ['a close that returns credits', /close .*→ \{"kind":"closed","returned":[1-9]/],
    ['a call on a closed budget', /hold .*→ \{"kind":"refused","reason":"closed"/],
    ['a transfer that is refused', /transfer .*→ \{"kind":"refused","reason":"insufficient"/],
    ['a repeated initialisation', /^[1-9]\d* initialize /],
    ['a call by token', /hold .*"authority".*→ \{"kind":"held"/],
    ['a call beyond a ceiling', /hold .*→ \{"kind":"refused","reason":"ceiling"/],
    ['a call beyond a rate', /hold .*→ \{"kind":"refused","reason":"rate"/],
    ['a call by a revoked token', /hold .*→ \{"kind":"refused","reason":"revoked"/],
    ['a call by a token that nobody registered', /hold .*forged.*→ \{"kind":"refused","reason":"unknown_budget"/],
    ['a delegation', /transfer .*"registration".*→ \{"kind":"moved"/],
    ['a delegation beyond a ceiling', /transfer .*→ \{"kind":"refused","reason":"ceiling"/],
    ['a revocation that returns credits', /revoke .*→ \{"kind":"revoked","returned":[1-9]/],
    ['a spend that is refused', /spend .*→ \{"allowed":false/],
  ])('see %s', (_what, line) => {
    const seen = Array.from({ length: 500 }, (_, seed) => historyOf(seed)).flat()
    expect(seen.some((each) => line.test(each))).toBe(true)
  })

  test('report a store that throws, and one that answers nonsense', () => {
    const throws = simulate({
      seed: 1,
      store: () => {
        throw new Error('no such table')
      },
    })
    expect(throws.violation).toMatchObject({ rule: 'fault', message: 'no such table' })
    const nonsense = Object.assign(Object.create(null), { initialize: () => 42 })
    expect(simulate({ seed: 1, store: () => nonsense }).violation).toMatchObject({ rule: 'answer' })
  })
})
