import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { FakeClock } from 'mcp-budget/testing'
import { openHandle } from '../../src/backends/sqlite/open-handle.js'
import { SqliteBudgetEnforcer } from '../../src/backends/sqlite/index.js'
import { tamperable, type TamperPlace } from '../support/tamper-rules.js'
import { callRecord } from '../support/array-ledger.js'

const folder = mkdtempSync(join(tmpdir(), 'mcp-budget-tampering-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let count = 0
function newPlace(): TamperPlace {
  const database = join(folder, `${count++}.db`)
  return {
    open: (clock: FakeClock) => SqliteBudgetEnforcer.open({ database, synchronous: 'normal', clock }),
    async sql(text) {
      const handle = await openHandle(database)
      try {
        handle.exec(text.replaceAll(/:(?=[a-z])/g, ''))
      } finally {
        handle.close()
      }
    },
  }
}

describe('somebody changes', () => {
  test.each([
    ['the budgets of a call, where only queries look', `DELETE FROM :call_budgets WHERE "seq" = 3`],
    ['the budgets of a call to others', `UPDATE :call_budgets SET "budget" = 'default/b' WHERE "seq" = 3`],
    ['the time of the budgets of a call', `UPDATE :call_budgets SET "at" = 5 WHERE "seq" = 3`],
    [
      'a budget into one that is nowhere in the ledger',
      `INSERT INTO :budgets SELECT 'default/zz', "partition", "parent", "state", 1000, 0, 0, 0, 1000, 0, 0, "open_holds", "live_children", "is_parent", 1000, "window_start", "window_end", "delegated", "nonce", "ends_at", "closed_at", 9, 0, 0, 0 FROM :budgets LIMIT 1`,
    ],
    ['a time to a huge one', `UPDATE :entries SET "at" = 9223372036854775807 WHERE "seq" = 7`],
    ['a seal to a huge one', `UPDATE :seals SET "seq" = 9223372036854775807 WHERE "seq" = 25`],
    ['a text behind a NUL', `UPDATE :entries SET "tool" = 'search' || char(0) || 'x' WHERE "seq" = 7`],
    ['a body behind a NUL', `UPDATE :calls SET "body" = "body" || char(0) || 'x' WHERE "seq" = 7`],
    ['a tool behind a mark', `UPDATE :entries SET "tool" = char(65535) || '"search"' WHERE "seq" = 6`],
    [
      'a call to one with a number',
      `UPDATE :calls SET "body" = substr("body", 1, length("body") - 1) || ',"seq":9}' WHERE "seq" = 7`,
    ],
    ['a call twice in one', `UPDATE :calls SET "body" = '{"tool":"x",' || substr("body", 2) WHERE "seq" = 7`],
    ['a mark that is no JSON', `UPDATE :entries SET "tool" = char(65535) || 'x' WHERE "seq" = 6`],
    ['leases', `UPDATE :budgets SET "leased" = 5`],
    [
      'a row away of a budget that has nothing left but debt',
      `UPDATE :budgets SET "id" = 'default/gone', "partition" = 'default'`,
    ],
  ])('%s', async (_, sql) => {
    const made = await tamperable(newPlace())
    expect(await made.verify()).toMatchObject({ kind: 'ok' })
    await made.sql(sql)
    const found = await made.verify()
    expect(found.kind).not.toBe('ok')
    await made.store.shutdown()
  })
})

test('a call whose name no column can hold is held against its columns', async () => {
  const made = await tamperable(newPlace())
  await made.store.ledger.append([callRecord({ tool: 'a\0b', at: made.clock.now() })])
  await made.seal().seal()
  expect(await made.verify()).toMatchObject({ kind: 'ok' })
  await made.sql(`UPDATE :calls SET "tool" = 'search' WHERE "seq" = 14`)
  expect(await made.verify()).toMatchObject({ kind: 'broken' })
  await made.store.shutdown()
})

test('the row of a budget that owes is missed', async () => {
  const made = await tamperable(newPlace())
  const { store } = made
  await store.initialize('poor', 3)
  await store.hold({ id: 'p', lines: [{ budget: 'poor', amount: 3 }], ttlMs: 1_000, onExpire: 'capture' })
  await store.capture({ id: 'p:end', holdId: 'p', amount: 10, overage: 'debt' })
  const view = await store.describe('poor')
  expect(view).toMatchObject({ debt: 7, available: 0 })
  await made.sql(`DELETE FROM :budgets WHERE "id" = 'default/poor'`)
  expect(await made.verify()).not.toMatchObject({ kind: 'ok' })
  await store.shutdown()
})
