import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { TABLES } from '../../src/backends/sql/rows.js'
import { TASK_TABLES } from '../../src/backends/sql/task-rows.js'
import { CSV_COLUMNS } from '../../src/ledger/csv.js'
import { InMemoryBudgetEnforcer, type PagedLedger } from 'mcp-budget'
// #region imports
import { exportLedger, MemoryLedger, readLedger } from 'mcp-budget'
// #endregion imports

const page = readFileSync('docs/reference/ledger.md', 'utf8')

async function ledgerOfAcme(): Promise<PagedLedger> {
  const ledger = new MemoryLedger()
  const enforcer = new InMemoryBudgetEnforcer({ ledger })
  enforcer.initialize('acme/agent-1', 100)
  enforcer.spend({ chargeId: 'charge-1', budget: 'acme/agent-1', tool: 'search', cost: 5 })
  return ledger
}

test('the ledger is read by pages, summed up, exported and read again', async () => {
  const ledger = await ledgerOfAcme()
  const seen: string[] = []
  // #region pages
  for (let cursor: string | undefined; ;) {
    const { records, next } = await ledger.page({ tenant: 'acme', limit: 1_000, ...(cursor && { cursor }) })
    for (const record of records) seen.push(record.kind)
    if (next === undefined) break
    cursor = next
  }
  // #endregion pages
  expect(seen).toEqual(['money', 'money'])
  // #region report
  const { byBudget } = await ledger.report({ tenant: 'acme', since: Date.now() - 86_400_000 })
  const spent = byBudget.get('acme/agent-1')?.spent // 5, in the last day
  // #endregion report
  expect(spent).toBe(5)
  const lines: string[] = []
  // #region export
  for await (const text of exportLedger(ledger, { format: 'jsonl', query: { tenant: 'acme' } })) lines.push(text)
  const copy = new MemoryLedger()
  for await (const record of readLedger(lines)) copy.append([record])
  // #endregion export
  expect(copy.report()).toEqual(await ledger.report())
})

test('the page lists the columns of a CSV, in order', () => {
  const rows = /## Columns of a CSV\n([\s\S]*?)\n## /.exec(page)?.[1] ?? ''
  const names = Array.from(rows.matchAll(/^\| ((?:`\w+`(?:, )?)+) \|/gm), ([, cell = '']) =>
    Array.from(cell.matchAll(/`(\w+)`/g), ([, name]) => name),
  )
  expect(names.flat()).toEqual([...CSV_COLUMNS])
})

test('what is held against the ledger is said of each column of the tables', () => {
  const integrity = readFileSync('docs/reference/ledger-integrity.md', 'utf8')
  const rows = integrity.split('\n').filter((line) => line.startsWith('| `'))
  for (const [table, { key, rest }] of Object.entries(TABLES)) {
    const row = rows.find((line) => line.split('|')[1]?.includes(`\`${table}\``))
    expect(row, table).toBeDefined()
    // Of those that are not looked at as a whole, the columns need no word.
    if (!row?.includes('| – | What') && !row?.includes('| – | Memory'))
      for (const column of [...key, ...rest]) expect(row, `${table}.${column}`).toContain(`\`${column}\``)
  }
  for (const table of Object.keys(TASK_TABLES)) expect(integrity).toContain(`\`${table}\``)
})
