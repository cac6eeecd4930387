import { describe, test } from 'vitest'
import { asyncEnforcer, enforcerConformance } from '../../../../src/testing/index.js'
import { InMemoryBudgetEnforcer } from '../../../../src/backends/memory/in-memory-budget-enforcer.js'
import { MemoryLedger } from '../../../../src/ledger/memory-ledger.js'
import type { HoldingEnforcer } from '../../../../src/budget/enforcer.js'

const ledgers = new WeakMap<HoldingEnforcer, MemoryLedger>()

describe('InMemoryBudgetEnforcer keeps the contract of budgets [seed-001:in-memory-enforcement]:', () => {
  const cases = enforcerConformance({
    create(clock) {
      const ledger = new MemoryLedger()
      const store = new InMemoryBudgetEnforcer({ clock, ledger })
      ledgers.set(store, ledger)
      return store
    },
    ledger: (store) => ledgers.get(store)?.entries() ?? [],
    leases: true,
  })
  test.each(cases)('$name', async (each) => each.run())
})

describe('InMemoryBudgetEnforcer behind promises keeps the contract:', () => {
  const cases = enforcerConformance({
    create: (clock) => asyncEnforcer(new InMemoryBudgetEnforcer({ clock })),
    leases: true,
  })
  test.each(cases)('$name', async (each) => each.run())
})
