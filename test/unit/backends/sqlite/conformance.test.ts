import { describe, test } from 'vitest'
import { enforcerConformance } from '../../../../src/testing/index.js'
import { SqliteBudgetEnforcer } from '../../../../src/backends/sqlite/index.js'

describe('SqliteBudgetEnforcer keeps the contract of budgets:', () => {
  const cases = enforcerConformance({
    create: (clock) => SqliteBudgetEnforcer.open({ database: ':memory:', clock }),
    ledger: (store) => store.ledger.entries(),
    leases: true,
    destroy: (store) => store.shutdown(),
  })
  test.each(cases)('$name', async (each) => each.run())
})
