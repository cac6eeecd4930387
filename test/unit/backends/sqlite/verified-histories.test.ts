import { expect, test } from 'vitest'
import { FakeClock } from 'mcp-budget/testing'
import { HISTORY_START, randomHistory } from '../../../support/random-history.js'
import { SqliteBudgetEnforcer } from '../../../../src/backends/sqlite/index.js'
import { verifyLedger } from '../../../../src/audit/index.js'

const SEEDS = process.env['MCP_BUDGET_LONG'] === '1' ? 1_000 : 10
const HOUR = 3_600_000
/** Until ended holds and closed budgets are forgotten, and until forfeited leases are. */
const WAITS = [0, HOUR, 8 * 24 * HOUR]

test('an honest store is never told to be wrong, whatever was asked of it and whatever it has forgotten [T40, I13]', async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const clock = new FakeClock(HISTORY_START)
    const store = await SqliteBudgetEnforcer.open({ database: ':memory:', clock })
    const { ledger, seals } = store
    for (const [turn, waitMs] of WAITS.entries()) {
      clock.advance(waitMs)
      for (const [at, { calls, thenMs }] of randomHistory(WAITS.length * seed + turn).entries()) {
        const asked = calls.map(({ verb, args }) => (store[verb] as (...args: unknown[]) => Promise<unknown>)(...args))
        await Promise.allSettled(asked)
        clock.advance(thenMs)
        if (at % 20 !== 0) continue
        const found = await verifyLedger({ ledger, seals, balances: store })
        expect(found, `seed ${seed}, ${turn}.${at}`).toMatchObject({ kind: 'ok', books: true })
      }
    }
    await store.shutdown()
  }
})
