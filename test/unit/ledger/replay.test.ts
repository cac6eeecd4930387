import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FakeClock } from '../../../src/testing/index.js'
import { InMemoryBudgetEnforcer } from '../../../src/backends/memory/in-memory-budget-enforcer.js'
import { MemoryLedger } from '../../../src/ledger/memory-ledger.js'
import { MAX_CREDITS } from '../../../src/core/credits.js'
import { NO_CHANGE } from '../../../src/budget/hold.js'
import { replay } from '../../../src/ledger/replay.js'
import { report } from '../../../src/ledger/report.js'
import type { LedgerRecord } from '../../../src/ledger/entry.js'

describe('replay', () => {
  test('gives the balances of the store from its entries alone [I13]', () => {
    const ledger = new MemoryLedger()
    const store = new InMemoryBudgetEnforcer({ ledger })
    store.initialize('main', 100)
    store.transfer({ id: 't1', from: 'main', to: 'child', amount: 30, create: true })
    store.hold({ id: 'h1', lines: [{ budget: 'child', amount: 12 }], ttlMs: 1_000, onExpire: 'capture' })
    store.capture({ id: 'c1', holdId: 'h1', amount: 15, overage: 'debt' })
    const balances = replay(ledger.entries())
    for (const budget of ['default/main', 'default/child']) {
      expect(store.describe(budget)).toMatchObject(balances.get(budget) ?? {})
    }
    expect(balances.get('default/child')).toEqual({ ...NO_CHANGE, available: 15, spent: 15, in: 30 })
  })

  test('begins anew with a budget that was closed, forgotten and made again [I13]', () => {
    const clock = new FakeClock()
    const ledger = new MemoryLedger()
    const store = new InMemoryBudgetEnforcer({ ledger, clock })
    store.initialize('main', 100)
    const request = { from: 'main', to: 'child', amount: 30, create: { registration: 'r'.repeat(43) } }
    for (const n of [1, 2]) {
      store.transfer({ id: `t${n}`, ...request })
      store.spend({ chargeId: `s${n}`, budget: 'child', tool: 't', cost: 30 })
      expect(store.describe('child')).toMatchObject(replay(ledger.entries()).get('default/child') ?? {})
      store.close({ id: `c${n}`, budget: 'child', why: 'closed' })
      // It is forgotten for what closes later.
      for (const other of ['x', 'y']) {
        clock.advance(700_000)
        store.transfer({ ...request, id: `${other}${n}`, to: `${other}${n}`, amount: 1 })
        store.close({ id: `close ${other}${n}`, budget: `${other}${n}`, why: 'closed' })
      }
    }
    expect(replay(ledger.entries()).get('default/child')).toEqual({ ...NO_CHANGE, in: 30, spent: 30 })
    const sums = report(ledger.entries()).byBudget.get('default/child')
    expect(sums, 'sums are of both').toMatchObject({ in: 60, spent: 60 })
  })

  test('knows nothing of call records, and of no entries it makes no balances', () => {
    expect(replay([]).size).toBe(0)
    expect(replay([{ kind: 'calls' } as LedgerRecord, { kind: 'call' } as LedgerRecord]).size).toBe(0)
  })

  test('is exact up to 2^53−1, where sums of floats drift [L-P11] [L-P12]', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 1_000_000 }), { minLength: 1 }), (costs) => {
        const ledger = new MemoryLedger()
        const store = new InMemoryBudgetEnforcer({ ledger })
        store.initialize('main', MAX_CREDITS)
        costs.forEach((cost, n) => store.spend({ chargeId: `c${n}`, budget: 'main', tool: 't', cost }))
        const wanted = BigInt(MAX_CREDITS) - costs.reduce((sum, cost) => sum + BigInt(cost), 0n)
        expect(BigInt(replay(ledger.entries()).get('default/main')?.available ?? 0)).toBe(wanted)
      }),
    )
  })

  test('keeps budgets apart that are named like object keys [T17]', () => {
    const ledger = new MemoryLedger()
    const store = new InMemoryBudgetEnforcer({ ledger })
    for (const name of ['__proto__', 'constructor']) store.initialize(name, 7)
    expect([...replay(ledger.entries()).keys()]).toEqual(['default/__proto__', 'default/constructor'])
  })
})
