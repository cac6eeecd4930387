import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { callRecord } from '../../support/array-ledger.js'
import { cli } from '../../support/cli.js'
import { jsonlSink } from 'mcp-budget/drain'
import { SqliteBudgetEnforcer } from 'mcp-budget/sqlite'

const folder = mkdtempSync(join(tmpdir(), 'mcp-budget-attacks-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const NAME = 'a\u009b31mx\u001b[2J\u202e\u007f\u{e0041}'
// eslint-disable-next-line no-control-regex
const MOVES = /[\0-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\p{Cf}\p{Zl}\p{Zp}]/u

test.each([
  'ledger export',
  'ledger export --format numbered',
  'ledger export --format csv',
  'ledger report --json',
  'ledger report',
])('`%s` writes nothing of a name that moves a terminal [T38]', async (command) => {
  const database = join(folder, `${command.replaceAll(' ', '')}.db`)
  const enforcer = await SqliteBudgetEnforcer.open({ database })
  await enforcer.ledger.append([callRecord({ tool: NAME })])
  await enforcer.shutdown()
  const { code, out } = await cli(command, { env: { MCP_BUDGET_STORE: `sqlite:${database}` } })
  expect(code).toBe(0)
  expect(out).not.toMatch(MOVES)
  if (command === 'ledger export') expect(JSON.parse(out)).toMatchObject({ tool: NAME })
})

test('a drained ledger can be read by its owner only', async () => {
  const path = join(folder, 'ledger.jsonl')
  const sink = jsonlSink(path)
  await sink.write({ partition: 'a', kind: 'call', records: [{ seq: 1, record: callRecord() }] })
  await sink.close()
  expect(statSync(path).mode & 0o777).toBe(0o600)
})
