import { afterAll, describe, inject, test } from 'vitest'
import { openStore, poolOf } from '../../support/servers/postgres-store.js'
import { taskStoreConformance } from '../../../src/testing/index.js'

const pool = poolOf(inject('postgresUrl'))
afterAll(() => pool.end())

describe('the tasks of PostgresBudgetEnforcer keep the contract of task stores:', () => {
  const cases = taskStoreConformance({ create: async (clock) => (await openStore(pool, { clock })).tasks })
  test.each(cases)('$name', async (each) => each.run())
})
