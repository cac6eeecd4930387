import { afterAll, describe, inject, test } from 'vitest'
import { enforcerConformance } from '../../../src/testing/index.js'
import { openStore, poolOf, WAYS } from '../../support/servers/postgres-store.js'

// Connections that pipeline send the same statements: in the gate the rules, races, faults and kills of them will do.
const ways = process.env['MCP_BUDGET_LONG'] === '1' ? WAYS : WAYS.slice(0, 1)

describe.each(ways)('PostgresBudgetEnforcer on connections %s keeps the contract of budgets:', (_, pipeline) => {
  const pool = poolOf(inject('postgresUrl'), 8, pipeline)
  afterAll(() => pool.end())
  const cases = enforcerConformance({
    create: (clock) => openStore(pool, { clock }),
    ledger: (store) => store.ledger.entries(),
    leases: true,
    destroy: (store) => store.shutdown(),
  })
  test.each(cases)('$name', async (each) => each.run())
})
