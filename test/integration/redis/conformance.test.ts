import { afterAll, describe, test } from 'vitest'
import { allEntries, newClient, newStore } from './store.js'
import { enforcerConformance } from '../../../src/testing/index.js'

const client = newClient()

afterAll(() => client.disconnect())

describe('RedisBudgetEnforcer keeps the contract of budgets:', () => {
  const cases = enforcerConformance({
    create: (clock) => newStore(client, { clock }),
    ledger: allEntries,
    leases: true,
  })
  test.each(cases)('$name', async (each) => each.run())
})
