import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InMemoryBudgetEnforcer } from '../../../src/backends/memory/in-memory-budget-enforcer.js'
import { MemoryLedger } from '../../../src/ledger/memory-ledger.js'
import { NO_CHANGE } from '../../../src/budget/hold.js'
import { replay } from '../../../src/ledger/replay.js'
import { report } from '../../../src/ledger/report.js'
import { simulate } from '../../../src/testing/index.js'
import type { CallRecord, LedgerRecord, MoneyEntry } from '../../../src/ledger/entry.js'

function call(more: Partial<CallRecord> = {}): CallRecord {
  return {
    kind: 'call',
    chargeId: 'charge-1',
    at: 1_000,
    durationMs: 5,
    tool: 'search',
    server: undefined,
    tokenId: undefined,
    budgets: ['default/main'],
    outcome: 'result',
    proves: 'ran',
    refusal: undefined,
    cost: 5,
    price: undefined,
    charge: { held: 5, charged: 5, end: 'captured' },
    ...more,
  }
}

function money(more: Partial<MoneyEntry> = {}): MoneyEntry {
  const about = { seq: 1, at: 1_000, partition: 'default', budget: 'default/main', id: 'charge-1' }
  return { ...NO_CHANGE, kind: 'money', op: 'grant', tool: undefined, counter: undefined, ...about, ...more }
}

describe('MemoryLedger that folds', () => {
  test('gives the same balances as one that keeps all, at every bound [I13] [I20] [L-P23]', () => {
    for (let seed = 1; seed <= 40; seed++) {
      const whole = new MemoryLedger()
      const small = new MemoryLedger({ maxEntries: 1 + (seed % 7) })
      simulate({
        seed,
        store({ clock }) {
          const append = (entries: readonly MoneyEntry[]): void => {
            whole.append(entries)
            small.append(entries)
            expect(small.size).toBeLessThanOrEqual(1 + (seed % 7))
          }
          return new InMemoryBudgetEnforcer({ clock, ledger: { append } })
        },
      })
      expect(whole.size).toBeGreaterThanOrEqual(small.size)
      expect(replay(small.entries())).toEqual(replay(whole.entries()))
    }
  })

  test('gives the same sums of calls as one that keeps all [I20] [L-P23]', () => {
    const outcomes = fc.constantFrom(
      { outcome: 'result', proves: 'ran' } as const,
      { outcome: 'result', proves: 'failed' } as const,
      { outcome: 'refused', proves: 'not-run', charge: undefined } as const,
      { outcome: 'lost', proves: 'unknown', charge: { held: 5, charged: 0, end: 'kept' } } as const,
    )
    const record = fc
      .tuple(fc.constantFrom('a', 'b', '__proto__'), fc.subarray(['default/x', 'default/y']), outcomes, fc.nat(9))
      .map(([tool, budgets, how, charged]) =>
        call({ tool, budgets, charge: { held: 9, charged, reported: charged * 2, end: 'captured' }, ...how }),
      )
    fc.assert(
      fc.property(fc.array(record, { maxLength: 60, size: 'max' }), fc.integer({ min: 1, max: 9 }), (records, max) => {
        const small = new MemoryLedger({ maxEntries: max })
        for (const each of records) small.append([each])
        expect(small.size).toBe(Math.min(max, records.length))
        expect(report(small.entries())).toEqual(report(records))
      }),
    )
  })

  test('opens each budget with one entry that says up to where it goes', () => {
    const ledger = new MemoryLedger({ maxEntries: 1 })
    ledger.append([
      money({ seq: 1, at: 10, in: 100, available: 100 }),
      money({ seq: 2, at: 20, op: 'spend', available: -30, spent: 30 }),
      money({ seq: 3, at: 30, op: 'spend', available: -5, spent: 5, id: 'last' }),
    ])
    const [opening, last] = ledger.entries()
    expect(opening).toMatchObject({ op: 'opening', seq: 2, at: 20, in: 100, available: 70, spent: 30 })
    expect(last).toMatchObject({ id: 'last' })
    expect(ledger.entries({ budget: 'main' })).toHaveLength(2)
  })

  test('keeps the same number of records over a million calls [I20] [L-P23]', () => {
    const ledger = new MemoryLedger({ maxEntries: 1_000 })
    const records = Array.from({ length: 100 }, (_, n) => call({ tool: `tool-${n % 10}` }))
    for (let n = 0; n < 10_000; n++) ledger.append(records)
    expect(ledger.size).toBe(1_000)
    const { byTool } = report(ledger.entries())
    expect(byTool.size).toBe(10)
    expect(byTool.get('tool-3')).toMatchObject({ calls: 100_000, charged: 500_000 })
  }, 60_000)

  test.each([
    [1, 0],
    [63, 0],
    [64, 1],
    [6_400, 100],
    [100_000, 1_024],
  ])('lets what is beyond %i entries wait until it is more than %i [I20]', (maxEntries, waiting) => {
    const ledger = new MemoryLedger({ maxEntries })
    for (let n = 0; n < maxEntries + waiting; n++) ledger.append([call()])
    expect(ledger.size).toBe(maxEntries + waiting)
    expect(ledger.entries({ kind: 'calls' })).toEqual([])
    ledger.append([call()])
    expect(ledger.size).toBe(maxEntries)
    expect(ledger.entries({ kind: 'calls' })).toMatchObject([{ calls: waiting + 1 }])
    expect(ledger.entries()).toHaveLength(maxEntries + 1)
  })

  test('folds counts of another ledger into its own [I20]', () => {
    const first = new MemoryLedger({ maxEntries: 1 })
    first.append([call(), call(), call({ tool: 'other' }), call()])
    const second = new MemoryLedger({ maxEntries: 1 })
    second.append([call(), ...first.entries(), call()])
    expect(second.entries({ kind: 'calls' })).toMatchObject([
      { tool: 'search', calls: 4, charged: 20 },
      { tool: 'other', calls: 1, charged: 5 },
    ])
  })

  test('tells kinds apart by tool, budgets, outcome and what it proves, whatever a tool is called', () => {
    const ledger = new MemoryLedger({ maxEntries: 1 })
    const kinds: Array<Partial<CallRecord>> = [
      { tool: 'x' },
      { tool: 'x', budgets: ['default/a', 'default/b'] },
      { tool: 'default/b x', budgets: ['default/a'] },
      { tool: 'x', budgets: [] },
      { tool: ' x', budgets: [] },
      { tool: 'x', proves: 'failed' },
      { tool: 'x', outcome: 'error', proves: 'failed' },
    ]
    for (const kind of [...kinds, ...kinds, {}]) ledger.append([call(kind)])
    expect(ledger.entries({ kind: 'calls' })).toMatchObject(kinds.map((kind) => ({ ...kind, calls: 2 })))
  })

  test('tells apart only so many kinds, for agents can make up names [I20] [L-P23]', () => {
    const ledger = new MemoryLedger({ maxEntries: 1 })
    for (let n = 0; n < 12_000; n++) ledger.append([call({ tool: `made-up-${n}`, budgets: [`default/b${n}`] })])
    for (let n = 0; n < 30_000; n++) ledger.append([call({ tool: `more-${n}`, budgets: [`default/c${n}`] })])
    const folded = ledger.entries({ kind: 'calls' })
    expect(folded.length).toBeLessThanOrEqual(20_001)
    const { byTool, byOutcome } = report(ledger.entries())
    expect(byOutcome.get('ran')).toMatchObject({ calls: 42_000, charged: 210_000 })
    expect(byTool.get('(other)')?.calls).toBeGreaterThan(30_000)
  }, 60_000)
})

describe('MemoryLedger answers questions', () => {
  const ledger = new MemoryLedger()
  ledger.append([
    money({ id: 'c1', at: 10, budget: 'default/a', tool: 'x' }),
    money({ id: 'c2', at: 20, budget: 'default/b', tool: 'y' }),
    call({ chargeId: 'c1', at: 30, tool: 'x', budgets: ['default/a'] }),
    call({ chargeId: 'c2', at: 40, tool: 'y', budgets: ['default/b', 'default/a'] }),
  ])
  const times = (found: readonly LedgerRecord[]): unknown[] => found.map((each) => 'at' in each && each.at)

  test.each([
    [{}, [10, 20, 30, 40]],
    [{ kind: 'money' }, [10, 20]],
    [{ budget: 'a' }, [10, 30, 40]],
    [{ budget: 'default/b' }, [20, 40]],
    [{ tool: 'x' }, [10, 30]],
    [{ chargeId: 'c2' }, [20, 40]],
    [{ since: 20 }, [20, 30, 40]],
    [{ until: 20 }, [10]],
    [{ since: 20, until: 40, kind: 'call' }, [30]],
    [{ budget: 'nobody' }, []],
  ] as const)('%o', (query, wanted) => {
    expect(times(ledger.entries(query))).toEqual(wanted)
  })

  test('without letting the answer change what it keeps', () => {
    const answer = ledger.entries() as unknown[]
    answer.length = 0
    expect(ledger.entries()).toHaveLength(4)
  })

  test('but not by time about calls whose times were folded away', () => {
    const folding = new MemoryLedger({ maxEntries: 1 })
    folding.append([call({ at: 10 }), call({ at: 20 }), call({ at: 30 })])
    expect(folding.entries({ since: 0 })).toHaveLength(1)
    expect(folding.entries()).toHaveLength(2)
  })
})

test('MemoryLedger refuses a setting that it does not know', () => {
  expect(() => new MemoryLedger({ max: 5 } as object)).toThrow(
    expect.objectContaining({
      code: 'invalid_config',
      message: 'Expected `options` to be an object with `maxEntries`, `partition`, got one with the key "max" (string)',
    }),
  )
})

test.each([0, -1, 0.5, Number.NaN, Infinity, '5'])('MemoryLedger refuses to keep %s entries [T18]', (maxEntries) => {
  expect(() => new MemoryLedger({ maxEntries: maxEntries as number })).toThrow(
    expect.objectContaining({ code: 'invalid_config' }),
  )
})
