import { afterAll, describe, inject, test } from 'vitest'
import { LEDGER_RULES } from '../../support/ledger-rules.js'
import { openStore, poolOf } from '../../support/servers/postgres-store.js'
import type { FakeClock } from '../../../src/testing/index.js'

const pool = poolOf(inject('postgresUrl'))
afterAll(() => pool.end())

async function open(clock: FakeClock) {
  const store = await openStore(pool, { clock })
  return { store, ledger: store.ledger }
}

describe('the ledger of PostgreSQL', () => {
  test.each(LEDGER_RULES)('$name', ({ run }) => run(open))
})
