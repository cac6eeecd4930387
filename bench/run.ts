/**
 * `npm run bench` measures every goal, `npm run bench -- P1 P6` the named ones. Nothing here gates a test: it prints
 * ratios, the goal and whether it is met.
 */
import { buildPackage } from './support/build.js'
import { lineOf } from './support/print.js'
import { variantRunner } from './support/processes.js'
import type { Goal } from './support/goal.js'

const FILES = {
  P1: 'bench/p01-round-trip.ts',
  P2: 'bench/p02-isolated.ts',
  P3: 'bench/p03-price-rules.ts',
  P4: 'bench/p04-delegation-depth.ts',
  P5: 'bench/p05-budget-ops.ts',
  P6: 'bench/p06-million-holds.ts',
  P7: 'bench/p07-macaroon.ts',
  P8: 'bench/p08-redis.ts',
  P9: 'bench/p09-leases.ts',
  P10: 'bench/p10-postgres.ts',
  P11: 'bench/p11-sqlite.ts',
  P15: 'bench/p15-import.ts',
} as const

const named = process.argv.slice(2).filter((word) => word !== '--')
const ids = named.length === 0 ? Object.keys(FILES) : named.map((id) => id.toUpperCase())
const unknown = ids.filter((id) => !(id in FILES))
if (unknown.length > 0) {
  console.error(`No goal ${unknown.join(', ')}: it is one of ${Object.keys(FILES).join(', ')}`)
  process.exit(1)
}

// Before a goal is loaded: it loads the package, and so do the processes it starts.
process.env['BENCH_PACKAGE'] = (await buildPackage()).href
for (const id of ids) {
  const file = FILES[id as keyof typeof FILES]
  const { goal } = (await import(`../${file}`)) as { goal: Goal }
  console.log(`${goal.id}  ${goal.title}`)
  for await (const finding of goal.measure(variantRunner(file))) console.log(lineOf(finding))
  console.log()
}
