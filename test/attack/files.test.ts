import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { jsonlSink, readDrained } from 'mcp-budget/drain'
import { exportLedger, MemoryLedger } from 'mcp-budget'
import { callRecord } from '../support/array-ledger.js'
import { cli } from '../support/cli.js'
import { readCheckpoints } from 'mcp-budget/audit'
import { SqliteBudgetEnforcer } from 'mcp-budget/sqlite'

const folder = mkdtempSync(join(tmpdir(), 'mcp-budget-attack-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function all(items: AsyncIterable<unknown>): Promise<unknown[]> {
  const found: unknown[] = []
  for await (const item of items) found.push(item)
  return found
}

test('a drained file that is not there is an error that can be caught', async () => {
  await expect(all(readDrained(join(folder, 'none.jsonl')))).rejects.toThrow('ENOENT')
  await expect(all(readDrained(folder))).rejects.toThrow('EISDIR')
})

test('a list of checkpoints that is a folder is an error that can be caught', async () => {
  await expect(all(readCheckpoints(folder))).rejects.toThrow('EISDIR')
})

test('a drained ledger can be read by its owner only', async () => {
  const path = join(folder, 'ledger.jsonl')
  const sink = jsonlSink(path)
  await sink.write({ partition: 'a', kind: 'call', records: [{ seq: 1, record: callRecord() }] })
  await sink.close()
  expect(statSync(path).mode & 0o777).toBe(0o600)
})

test.each(['x;=cmd()', 'x\t=cmd()', '＝cmd()', '＠sum', 'a\n=cmd()', 'x; +1', '\0=1', '\u200b=1'])(
  'a tool %j begins no cell of a CSV as a formula, whatever parts the cells',
  async (tool) => {
    const ledger = new MemoryLedger()
    ledger.append([callRecord({ tool })])
    const csv = (await all(exportLedger(ledger, { format: 'csv' }))).join('')
    for (const part of csv.split(/[;,\t\r\n]/)) expect(part).not.toMatch(/^["\s\p{Cc}\p{Cf}]*[=+\-@＝＋－＠]/u)
  },
)

async function store(name: string, tool: string): Promise<string> {
  const database = join(folder, name)
  const enforcer = await SqliteBudgetEnforcer.open({ database })
  await enforcer.initialize('a', 100)
  await enforcer.ledger.append([callRecord({ tool })])
  await enforcer.shutdown()
  return `sqlite:${database}`
}

// eslint-disable-next-line no-control-regex
const ESCAPES = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u2028]/

test.each(['ledger export', 'ledger export --format numbered', 'ledger report --json', 'ledger report'])(
  '`%s` writes nothing that moves a terminal',
  async (command) => {
    const address = await store(`${command.replaceAll(' ', '')}.db`, 'a\u009b31mx\u001b[2J\u202e\u007f')
    const { out } = await cli(command, { env: { MCP_BUDGET_STORE: address } })
    expect(out).not.toMatch(ESCAPES)
    expect(out).toContain('a')
  },
)

test('an address of SQLite that means memory is refused, in each of its forms', async () => {
  for (const path of ['file::memory:', 'file:x.db?mode=memory', ' ', 'file:x.db']) {
    const { code } = await cli(['budget', 'grant', 'a', '5', '--create', '--store', `sqlite:${path}`])
    expect([path, code]).toEqual([path, 2])
  }
})

test('the command ends well-told for a folder in place of a file', async () => {
  const ran = await cli(['ledger', 'verify', '--file', folder])
  expect(ran.code).toBe(1)
  expect(ran.err).toContain('EISDIR')
})
