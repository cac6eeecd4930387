import { describe, expect, test } from 'vitest'
import { InMemoryBudgetEnforcer } from '../../../src/backends/memory/in-memory-budget-enforcer.js'
import { MemoryLedger } from '../../../src/ledger/memory-ledger.js'
import { report } from '../../../src/ledger/report.js'
import type { CallRecord } from '../../../src/ledger/entry.js'

function call(tool: string, budgets: readonly string[], more: Partial<CallRecord> = {}): CallRecord {
  const none = { server: undefined, tokenId: undefined, refusal: undefined, price: undefined }
  const about = { chargeId: 'c', at: 1, durationMs: 1, ...none }
  const ran = { outcome: 'result', proves: 'ran', cost: 5, charge: { held: 5, charged: 5, end: 'captured' } } as const
  return { kind: 'call', tool, budgets, ...about, ...ran, ...more }
}

const refused = { outcome: 'refused', proves: 'not-run', charge: undefined } as const

describe('report', () => {
  test('of nothing is empty', () => {
    const none = new Map()
    const nothing = { byBudget: none, byTool: none, byOutcome: none, byOperation: none, byTask: none }
    expect(report([])).toEqual(nothing)
  })

  test('sums up calls by tool, refused ones too [L-P27]', () => {
    const { byTool } = report([call('a', ['default/x']), call('a', ['default/x'], refused), call('b', ['default/x'])])
    expect(byTool.get('a')).toEqual({ calls: 2, refused: 1, charged: 5, reported: 0 })
    expect(byTool.get('b')).toEqual({ calls: 1, refused: 0, charged: 5, reported: 0 })
  })

  test('sums up calls by what they prove', () => {
    const failed = call('a', ['default/x'], { proves: 'failed' })
    const { byOutcome } = report([call('a', ['default/x']), failed, failed, call('a', [], refused)])
    expect(Array.from(byOutcome, ([proves, { calls }]) => [proves, calls])).toEqual([
      ['ran', 1],
      ['failed', 2],
      ['not-run', 1],
    ])
  })

  test('keeps what was reported and what was charged apart [L-P17]', () => {
    const capped = call('a', ['default/x'], { charge: { held: 5, charged: 5, reported: 9, end: 'captured' } })
    expect(report([capped]).byTool.get('a')).toMatchObject({ charged: 5, reported: 9 })
  })

  test('counts a call on several budgets in each of them', () => {
    const { byBudget } = report([call('a', ['default/x', 'default/y']), call('a', ['default/y'])])
    expect(byBudget.get('default/x')).toMatchObject({ calls: 1, charged: 5 })
    expect(byBudget.get('default/y')).toMatchObject({ calls: 2, charged: 10 })
  })

  test('sets the calls of a budget beside its balance [I13]', () => {
    const ledger = new MemoryLedger()
    const store = new InMemoryBudgetEnforcer({ ledger })
    store.initialize('main', 100)
    store.spend({ chargeId: 'c', budget: 'main', tool: 'a', cost: 5 })
    ledger.append([call('a', ['default/main'])])
    const { byBudget } = report(ledger.entries())
    expect(byBudget.get('default/main')).toEqual({
      available: 95,
      held: 0,
      spent: 5,
      debt: 0,
      in: 100,
      out: 0,
      burned: 0,
      calls: 1,
      refused: 0,
      charged: 5,
      reported: 0,
    })
  })

  test('keeps tools apart that are named like object keys [T17]', () => {
    const { byTool } = report([call('__proto__', []), call('constructor', [])])
    expect([...byTool.keys()]).toEqual(['__proto__', 'constructor'])
  })
})
