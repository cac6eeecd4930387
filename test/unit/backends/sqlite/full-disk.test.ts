import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { booksOf } from '../../../support/kills/sql-books.js'
import { BudgetEvents, compose, withBudget, withCostProfile } from '../../../../src/index.js'
import { mintChargeId } from '../../../../src/core/ids.js'
import { openHandle } from '../../../../src/backends/sqlite/open-handle.js'
import { SqliteBudgetEnforcer } from '../../../../src/backends/sqlite/index.js'
import { unlikeLedger } from '../../../support/kills/books.js'
import { verifyLedger } from 'mcp-budget/audit'

const folder = mkdtempSync(join(tmpdir(), 'mcp-budget-full-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('a full disk refuses calls, leaves nothing half done, and all is charged when there is space again [I13, I16, L-S25]', async () => {
  const own = await openHandle(join(folder, 'a.db'))
  const enforcer = await SqliteBudgetEnforcer.open({ database: own, synchronous: 'normal' })
  await enforcer.initialize('main', 1_000_000)
  const events = new BudgetEvents()
  const causes: unknown[] = []
  events.on('outage', ({ cause }) => causes.push(cause))
  const budget = withBudget({ enforcer, budget: 'main', failMode: 'closed', events, awaitCapture: true })
  const agent = compose(withCostProfile({ defaultCost: 10 }), budget)
  // SQLite gives SQLITE_FULL for it, as it does where no file can grow.
  const fill = (): unknown => own.prepare('PRAGMA max_page_count = 1').all()
  let ran = 0
  const call = async () => (await agent.run({ tool: 't'.repeat(200) }, () => (ran++, { content: [] }))).kind
  const lines = [{ budget: 'main', amount: 7 }]
  const id = mintChargeId(Date.now())
  expect(await enforcer.hold({ id, lines, ttlMs: 600_000, onExpire: 'release' })).toMatchObject({ kind: 'held' })
  fill()
  // What still fits into the pages that are there is written.
  let kind = await call()
  for (let n = 0; kind === 'result' && n < 1_000; n++) kind = await call()
  expect(kind).toBe('refused')
  expect(causes.at(-1)).toMatchObject({ code: 'store_unavailable', message: expect.stringContaining('full') as string })
  const fills = async (verb: () => Promise<unknown>): Promise<unknown> => {
    for (let n = 0; n < 100; n++) await verb()
    return undefined
  }
  const held = (n: number) => ({ id: `${id}${n}`, lines, ttlMs: 600_000, onExpire: 'release' }) as const
  let n = 0
  await expect(fills(() => enforcer.hold(held(n++)))).rejects.toMatchObject({ code: 'store_unavailable' })
  // The last was not held; the others are open.
  const open = n
  own.exec('PRAGMA max_page_count = 1000000')
  await budget.flush()
  expect(await enforcer.describe('main')).toMatchObject({ held: 7 * open, openHolds: open, spent: 10 * ran, debt: 0 })
  expect(await enforcer.capture({ id: 'end', holdId: id, amount: 7, overage: 'cap' })).toMatchObject({ charged: 7 })
  expect(await call()).toBe('result')
  expect(await unlikeLedger(booksOf(enforcer), 'default/main')).toEqual([])
  const { ledger, seals } = enforcer
  expect(await verifyLedger({ ledger, seals, balances: enforcer })).toMatchObject({ kind: 'ok', books: true })
  await enforcer.shutdown()
})
