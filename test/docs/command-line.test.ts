import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { agentAtWork, agentKilled } from '../support/cli-ledger.js'
import { cli } from '../support/cli.js'
import { COMMANDS } from '../../src/cli/commands.js'
import { COMMON_OPTIONS, STORE_OPTIONS } from '../../src/cli/command.js'
import { EXIT } from '../../src/cli/exit-code.js'
import { programOf } from '../../src/cli/program.js'
import type { Command } from 'commander'

const PAGE = readFileSync('docs/reference/command-line.md', 'utf8')

/** What stands under a heading, up to the next one. */
function section(heading: string): string {
  const [, text = ''] = PAGE.split(new RegExp(`^#{2,3} ${heading.replace(/[[\]]/g, '\\$&')}$`, 'm'))
  return text.split(/^#{2,3} /m)[0] ?? ''
}

/** The first table under a heading: each row its first cell, without marks, and the rest as it stands. */
function table(heading: string): string[][] {
  const rows = /^\|.*\n\|[-|]+\|\n((?:\|.*\n?)*)/m.exec(section(heading))?.[1] ?? ''
  return rows
    .split('\n')
    .filter((row) => row !== '')
    .map((row) => row.split(/(?<!\\)\|/).slice(1, -1))
    .map(([first = '', ...rest]) => [first.trim().replaceAll('`', ''), ...rest.map((cell) => cell.trim())])
    .map((row) => row.map((cell) => cell.replaceAll('\\|', '|')))
}

/** A command as the parser has it. */
function parsed(name: string): Command {
  const found = name.split(' ').reduce((at: Command | undefined, word) => at?.commands.find((each) => each.name() === word), programOf(COMMANDS)) // prettier-ignore
  if (found === undefined) throw new Error(`no command ${name}`)
  return found
}

describe('docs/reference/command-line.md', () => {
  test('has a heading for each command, in the order of the help', () => {
    const headings = Array.from(PAGE.matchAll(/^### `(.+)`$/gm), ([, heading]) => heading)
    const usage = COMMANDS.map(({ name }) => `${name} ${parsed(name).usage().replace('[options]', '').trim()}`.trim())
    expect(headings).toEqual(usage)
  })

  test.each(COMMANDS)('says of $name what its help says', ({ name, summary, takes = [], options }) => {
    const heading = `\`${[name, ...takes.map(([each]) => each)].join(' ')}\``
    const { options: helped } = parsed(name)
    const common = COMMON_OPTIONS.map(({ flags }) => flags)
    const stored = STORE_OPTIONS.map(({ flags }) => flags)
    const own = helped.filter(({ flags }) => !common.includes(flags) && !stored.includes(flags))
    expect(table(heading)).toEqual([...takes.map((each) => [...each]), ...own.map((each) => [each.flags, each.description])]) // prettier-ignore
    const hasStore = options.some(({ flags }) => stored.includes(flags))
    expect(section(heading)).toContain(summary)
    expect(section(heading).includes('(#options-of-the-store)')).toBe(hasStore)
  })

  test('lists the options that many commands have', () => {
    const rows = (options: typeof COMMON_OPTIONS) => options.map(({ flags, meaning }) => [flags, meaning])
    expect(table('Options of every command')).toEqual(rows(COMMON_OPTIONS))
    expect(table('Options of the store')).toEqual(rows(STORE_OPTIONS))
  })

  test('lists the exit codes', () => {
    expect(table('Exit codes').map(([code]) => Number(code))).toEqual(Object.values(EXIT))
  })

  describe('shows JSON with the keys that come', () => {
    let folder: string
    let lease = ''
    const env: Record<string, string> = { BUDGET_KEY: randomBytes(32).toString('hex') }
    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'mcp-budget-cli-'))
      env['MCP_BUDGET_STORE'] = `sqlite:${folder}/b.db`
      await cli('budget grant agent-1 1000 --create', { env })
      await agentAtWork(folder, 'b.db')
      lease = await agentKilled(folder, 'b.db')
    })
    afterAll(() => rmSync(folder, { recursive: true, force: true }))

    const MINT = 'token mint acme/bot --key-env BUDGET_KEY --kid k --exp 1h'
    test.each([
      ['migrate', 'migrate'],
      ['budget grant <budget> <amount>', 'budget grant acme/team 5 --create'],
      ['budget show <budget>', 'budget show acme/team'],
      ['budget reconcile [journal]', 'budget reconcile --lease LEASE --used 30'],
      ['ledger verify', 'ledger verify'],
      ['ledger report', 'ledger report'],
      ['budget close <budget>', 'budget close acme/team --yes'],
      ['token mint <budget>', MINT],
      ['token attenuate [file]', 'token attenuate --max 5'],
      ['token inspect [file]', 'token inspect --key-env BUDGET_KEY --kid k'],
    ])('of %s', async (heading, line) => {
      const input = line.startsWith('token') && line !== MINT ? (await cli(MINT, { env })).out : ''
      const { code, out, err } = await cli(`${line.replace('LEASE', lease)} --json`, { env, input })
      expect([code, err]).toEqual([0, ''])
      const [, json = ''] = /^```json\n([\s\S]*?)^```$/m.exec(section(`\`${heading}\``)) ?? []
      expect(keysOf(JSON.parse(out))).toEqual(keysOf(JSON.parse(json)))
    })
  })
})

/** The keys of a value, and of the first item of each list. */
function keysOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? 'list' : keysOf(value[0])
  if (typeof value !== 'object' || value === null) return 'value'
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, Array.isArray(each) && typeof each[0] !== 'object' ? 'list' : keysOf(each)])) // prettier-ignore
}
