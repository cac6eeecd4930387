import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { Pool } from 'pg'
import { Redis } from 'ioredis'
import { ioredisPort, RedisBudgetEnforcer } from '../../../src/backends/redis/index.js'
import { openHandle } from '../../../src/backends/sqlite/open-handle.js'
import { PostgresBudgetEnforcer } from '../../../src/backends/postgres/index.js'
import { spend, type SpentFrom } from './spend.js'
import { SqliteBudgetEnforcer } from '../../../src/backends/sqlite/index.js'
import type { SqliteHandle, SqliteStatement } from '../../../src/backends/sqlite/sqlite-handle.js'

/*
 * A process that spends until somebody kills it: `killed-client <kind> <place> <schema or prefix> [pipeline]`. It begins when it is
 * told a budget. It prints the charge of each capture when the store has answered, at once: what is printed must never
 * be lost. A line is one write, so that a kill leaves no half of it.
 */
const [kind = '', place = '', name = '', pipeline = ''] = process.argv.slice(2)

// The types of `pg` do not know `pipeline` yet.
const poolOptions = { connectionString: place, max: 1, pipeline: pipeline === 'pipeline' }

const OPEN: Readonly<Record<string, () => Promise<SpentFrom>>> = {
  sqlite: async () => SqliteBudgetEnforcer.open({ database: tellsOfCommits(await openHandle(place)) }),
  postgres: async () => PostgresBudgetEnforcer.open({ pool: new Pool(poolOptions), schema: name }),
  redis: async () => new RedisBudgetEnforcer({ redis: ioredisPort(new Redis(place)), prefix: name }),
}

/** Prints `(` before each commit and `)` after it, so that one can tell who was killed in between. */
function tellsOfCommits(handle: SqliteHandle): SqliteHandle {
  return {
    exec: (sql) => handle.exec(sql),
    close: () => handle.close(),
    prepare(sql) {
      const statement = handle.prepare(sql)
      if (sql !== 'COMMIT') return statement
      const run: SqliteStatement['run'] = () => {
        writeSync(1, '(\n')
        const answer = statement.run()
        writeSync(1, ')\n')
        return answer
      }
      return { all: (...given) => statement.all(...given), run }
    },
  }
}

const store = await OPEN[kind]?.()
if (store === undefined) throw new Error(`Expected one of ${Object.keys(OPEN).join()}, got ${kind}`)
createInterface(process.stdin).once('line', (budget) => {
  spend(store, { budget, inFlight: 16, ttlMs: 2_000, told: (id) => writeSync(1, `${id}\n`) })
})
