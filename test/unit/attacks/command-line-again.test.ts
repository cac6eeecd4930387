import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { cli } from '../../support/cli.js'
import { run } from '../../../src/cli/run.js'
import { SqliteBudgetEnforcer } from 'mcp-budget/sqlite'
import type { CliCommand } from '../../../src/cli/command.js'
import type { Terminal } from '../../../src/cli/terminal.js'

const folder = mkdtempSync(join(tmpdir(), 'mcp-budget-attacks-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

// What a program reads says by which id a request may be repeated.
test('with --json an interruption is one JSON value too', async () => {
  const said: string[] = []
  const terminal = { env: {}, say: (text: string) => void said.push(text) } as unknown as Terminal
  const command: CliCommand = {
    name: 'try',
    summary: 'Try.',
    options: [],
    examples: [],
    run: ({ ifUnanswered }) => {
      ifUnanswered('Repeat it with `--id 7`')
      return new Promise(() => {})
    },
  }
  const running = run(['try', '--json'], terminal, [command])
  await new Promise((resolve) => setImmediate(resolve))
  running.interrupt()
  const error = { code: 'interrupted', message: 'Interrupted', hint: 'Repeat it with `--id 7`' }
  expect(said.map((text) => JSON.parse(text) as unknown)).toEqual([{ error }])
})

test('with --json and --debug an error is one JSON value too', async () => {
  const { code, out, err } = await cli('budget show a --json --debug', {
    env: { MCP_BUDGET_STORE: 'sqlite:/none/at.db' },
  })
  expect([code, out]).toEqual([1, ''])
  expect(JSON.parse(err)).toMatchObject({
    error: { code: 'invalid_store', stack: expect.stringContaining(' at ') as string },
  })
})

test('a folder in place of a file is told as one that cannot be read', async () => {
  const { code, err } = await cli(['ledger', 'verify', '--file', folder, '--json'])
  expect([code, JSON.parse(err)]).toMatchObject([1, { error: { code: 'unreadable_file' } }])
})

// eslint-disable-next-line no-control-regex
const MOVES = /[\0-\x09\x0b-\x1f\x7f-\x9f\p{Cf}\p{Zl}\p{Zp}]/u

test('what stands in a journal, and in an error that is traced, moves no terminal [T38]', async () => {
  const database = join(folder, 'a.db')
  await (await SqliteBudgetEnforcer.open({ database })).shutdown()
  const journal = join(folder, 'leases.journal')
  writeFileSync(journal, `${JSON.stringify(['a\u001b[2J\u202e', 5])}\n`)
  const env = { MCP_BUDGET_STORE: `sqlite:${database}` }
  const { out } = await cli(['budget', 'reconcile', journal], { env })
  expect(out).toContain('a?[2J?: nothing.')
  expect(out).not.toMatch(MOVES)
  const { err } = await cli(['budget', 'show', 'a', '--store', 'sqlite:/none/\u001b[2J', '--debug'])
  expect(err).toContain(' at ')
  expect(err).not.toMatch(MOVES)
})
