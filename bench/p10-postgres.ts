import type { Pool } from 'pg'
import { builtPostgres } from './support/built-stores.js'
import { figure, type Figures, type Goal } from './support/goal.js'
import { inTurns, withCallers } from './support/callers.js'
import { poolOf } from '../test/support/servers/postgres-store.js'
import { runPostgres } from '../test/support/servers/postgres.js'

const ROUNDS = 5
const ROW_CALLERS = 64

/** What somebody writes who has one table of budgets and one of entries: a statement for each call, by name. */
async function perRow(pool: Pool): Promise<() => Promise<void>> {
  await pool.query('CREATE TABLE budgets (id text PRIMARY KEY, available bigint)')
  await pool.query('CREATE TABLE entries (id text PRIMARY KEY, budget text, amount bigint)')
  await pool.query(`INSERT INTO budgets VALUES ('agent-1', 1000000000000)`)
  const text = `WITH debit AS (UPDATE budgets SET available = available - 5 WHERE id = $1 AND available >= 5 RETURNING id)
    INSERT INTO entries SELECT $2, id, 5 FROM debit`
  let count = 0
  return async () => void (await pool.query({ name: 'debit', text, values: ['agent-1', `charge-${count++}`] }))
}

async function spendIn(pool: Pool, budget: string): Promise<() => Promise<void>> {
  const store = await builtPostgres.PostgresBudgetEnforcer.open({ pool })
  await store.initialize(budget, 1e12)
  let count = 0
  return async () => {
    const spent = await store.spend({ chargeId: `${budget} ${count++}`, budget, tool: 'echo', cost: 5 })
    if (!spent.allowed) throw new Error(spent.reason)
  }
}

async function spending(): Promise<Figures> {
  // With everything on that makes a commit last.
  const server = await runPostgres(['-c', 'shared_buffers=256MB'])
  const rows = poolOf(server.url, ROW_CALLERS)
  const [pool, waiting] = [poolOf(server.url, 1, true), poolOf(server.url, 1)]
  try {
    const spend = await spendIn(pool, 'agent-1')
    const spendWaiting = await spendIn(waiting, 'agent-2')
    const row = await perRow(rows)
    return await inTurns(ROUNDS, {
      rows: () => withCallers(ROW_CALLERS, 2_000, row),
      few: () => withCallers(64, 10_000, spend),
      many: () => withCallers(1_000, 30_000, spend),
      waiting: () => withCallers(64, 10_000, spendWaiting),
    })
  } finally {
    await Promise.all([rows.end(), pool.end(), waiting.end()])
    await server.stop()
  }
}

export const goal: Goal = {
  id: 'P10',
  title: 'spends on one budget in PostgreSQL, durable, against a statement for each call on 64 connections',
  variants: { spending },
  async *measure(run) {
    const figures = await run('spending')
    const names = ['rows', 'few', 'many', 'waiting']
    const [rows, few, many, waiting] = names.map((name) => figure(figures, `${name}.perSecond`)) as [
      number,
      number,
      number,
      number,
    ]
    const note = (ours: number): string => `${ours.toFixed(0)} against ${rows.toFixed(0)} in a second`
    yield { what: 'time of one, 64 callers', unit: '×', value: rows / few, goal: 1 / 40, note: note(few) }
    yield { what: 'time of one, 1,000 callers', unit: '×', value: rows / many, goal: 1 / 100, note: note(many) }
    const [wait, peer] = [figure(figures, 'few.p50'), figure(figures, 'rows.p50')]
    const waits = `${wait.toFixed(2)} against ${peer.toFixed(2)} ms`
    const what = 'time of one, 64 callers, on a connection that does not pipeline'
    yield { what, unit: '×', value: rows / waiting, note: note(waiting) }
    yield { what: 'median wait, 64 callers', unit: '×', value: wait / peer, goal: 1 / 20, note: waits }
  },
}
