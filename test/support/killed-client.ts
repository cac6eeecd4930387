import { writeSync } from 'node:fs'
import { Pool } from 'pg'
import { mintChargeId } from '../../src/core/ids.js'
import { PostgresBudgetEnforcer } from '../../src/backends/postgres/index.js'
import { SqliteBudgetEnforcer } from '../../src/backends/sqlite/index.js'

/*
 * A process that spends until somebody kills it. It prints the charge of each capture when the store has answered, at
 * once: what is printed must never be lost.
 */
const [kind = '', place = '', schema = '', pipeline = ''] = process.argv.slice(2)
const poolOptions = { connectionString: place, max: 1, pipeline: pipeline === 'pipeline' }
const store =
  kind === 'sqlite'
    ? await SqliteBudgetEnforcer.open({ database: place })
    : await PostgresBudgetEnforcer.open({ pool: new Pool(poolOptions), schema })

async function spendOn(): Promise<never> {
  for (;;) {
    const id = mintChargeId(Date.now())
    const lines = [{ budget: 'main', amount: 3 }]
    const held = await store.hold({ id, lines, ttlMs: 60_000, onExpire: 'release', meta: { tool: 't' } })
    if (held.kind === 'refused') throw new Error(held.reason)
    const captured = await store.capture({ id: `${id} end`, holdId: id, amount: 2, overage: 'cap', lines })
    if (captured.kind === 'captured') writeSync(1, `${id}\n`)
  }
}

await Promise.all(Array.from({ length: 8 }, spendOn))
