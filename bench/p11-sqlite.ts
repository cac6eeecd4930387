import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'libsql'
import { builtSqlite } from './support/built-stores.js'
import { figure, type Figures, type Goal } from './support/goal.js'
import { inTurns, withCallers } from './support/callers.js'

const CALLERS = 64
const ROUNDS = 7

/** What somebody writes who has one table of budgets and one of entries: a transaction for each operation. */
function byHand(file: string): () => Promise<void> {
  const database = new Database(file)
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
  database.exec('CREATE TABLE budgets (id TEXT PRIMARY KEY, available INTEGER)')
  database.exec('CREATE TABLE entries (id TEXT PRIMARY KEY, budget TEXT, amount INTEGER)')
  database.exec(`INSERT INTO budgets VALUES ('agent-1', 1000000000000)`)
  const debit = database.prepare('UPDATE budgets SET available = available - 5 WHERE id = ? AND available >= 5')
  const note = database.prepare('INSERT INTO entries VALUES (?, ?, 5)')
  let count = 0
  return async () => {
    database.exec('BEGIN IMMEDIATE')
    debit.run('agent-1')
    note.run(`charge-${count++}`, 'agent-1')
    database.exec('COMMIT')
  }
}

async function spending(): Promise<Figures> {
  const folder = mkdtempSync(join(tmpdir(), 'mcp-budget-bench-'))
  const store = await builtSqlite.SqliteBudgetEnforcer.open({ database: join(folder, 'ours.db') })
  try {
    await store.initialize('agent-1', 1e12)
    const hand = byHand(join(folder, 'hand.db'))
    let count = 0
    const spend = async (): Promise<void> => {
      const spent = await store.spend({ chargeId: `charge-${count++}`, budget: 'agent-1', tool: 'echo', cost: 5 })
      if (!spent.allowed) throw new Error(spent.reason)
    }
    return await inTurns(ROUNDS, {
      one: () => withCallers(1, 500, spend),
      many: () => withCallers(CALLERS, 20_000, spend),
      hand: () => withCallers(CALLERS, 2_000, hand),
    })
  } finally {
    await store.shutdown()
    rmSync(folder, { recursive: true, force: true })
  }
}

export const goal: Goal = {
  id: 'P11',
  title: 'spends on one budget in SQLite, durable: 64 callers in groups, against one transaction for each',
  variants: { spending },
  async *measure(run) {
    const figures = await run('spending')
    const [one, many, hand] = ['one', 'many', 'hand'].map((name) => figure(figures, `${name}.perSecond`)) as [
      number,
      number,
      number,
    ]
    const commit = figure(figures, 'one.p50')
    const note = `${many.toFixed(0)} against ${one.toFixed(0)} in a second`
    yield { what: 'time of one, in a group of 64', unit: '×', value: one / many, goal: 0.1, note }
    const p50 = figure(figures, 'many.p50')
    const waits = `${p50.toFixed(2)} against ${commit.toFixed(2)} ms`
    yield {
      what: 'median wait of 64 callers, against that of one',
      unit: '×',
      value: p50 / commit,
      goal: 2,
      note: waits,
    }
    yield {
      what: 'against two statements by hand, which remember nothing and hold nothing',
      unit: '×',
      value: hand / many,
      note: `${many.toFixed(0)} against ${hand.toFixed(0)} in a second`,
    }
  },
}
