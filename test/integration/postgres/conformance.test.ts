import { afterAll, describe, inject, test } from 'vitest'
import { enforcerConformance } from '../../../src/testing/index.js'
import { openStore, poolOf } from '../../support/servers/postgres-store.js'

const pool = poolOf(inject('postgresUrl'))
afterAll(() => pool.end())

describe('PostgresBudgetEnforcer keeps the contract of budgets:', () => {
  const cases = enforcerConformance({
    create: (clock) => openStore(pool, { clock }),
    ledger: (store) => store.ledger.entries(),
    leases: true,
    destroy: (store) => store.shutdown(),
  })
  test.each(cases)('$name', async (each) => each.run())
})
