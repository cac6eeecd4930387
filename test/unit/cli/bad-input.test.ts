import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cli } from '../../support/cli.js'

const SECRET = 'Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYg'
let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mcp-budget-cli-'))
  await cli(['budget', 'grant', 'team', '1000', '--create', '--store', `sqlite:${folder}/b.db`])
  writeFileSync(join(folder, 'text.txt'), 'no database, no token, no key')
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const env = (): Record<string, string> => ({ MCP_BUDGET_STORE: `sqlite:${folder}/b.db`, SHORT_KEY: 'c2hvcnQ' })

describe('a command line that is wrong', () => {
  test.each([
    ['frobnicate', `Unknown command 'frobnicate'`],
    ['budget frobnicate', `Unknown command 'frobnicate'`],
    ['budget show', `Missing required argument 'budget'`],
    ['budget show team more', 'Too many arguments'],
    ['budget show team --colour', `Unknown option '--colour'`],
    ['budget show team --jsn', 'Did you mean --json?'],
    ['budget show team --store', `Option '--store <address>' argument missing`],
    ['budget show no/such/name', 'Expected a budget as `name` or `tenant/name`'],
    ['budget show team --store mysql://host/db', 'got `mysql:`'],
    ['budget show team --store budgets.db', 'got an address without a scheme'],
    ['budget show team --store sqlite:', 'to name a file by its path, got none'],
    ['budget show team --store sqlite::memory:', 'to name a file by its path, got none'],
    ['budget grant team 5 --create --store sqlite:file::memory:', 'to name a file by its path, got none'],
    ['migrate --store sqlite:file:x.db?mode=memory', 'to name a file by its path, got none'],
    ['budget show team --store postgres://[bad', 'got one that cannot be read'],
    ['budget show team --store postgres://u:hunter2@h/d', 'without a password, got one with it'],
    ['budget show team --store postgres://u@h/d?password=hunter2', 'without a password, got one with it'],
    ['budget show team --store redis://:hunter2@h', 'without a password, got one with it'],
    ['budget show team --schema other', 'Expected `--schema` with a store in PostgreSQL only'],
    ['budget show team --prefix x:', 'Expected `--prefix` with a store in Redis only'],
    ['budget grant team 1e3', 'got "1e3"'],
    ['budget grant team 1,000', 'got "1,000"'],
    ['budget grant team 10.5', 'got "10.5"'],
    ['budget grant team 0x10', 'got "0x10"'],
    ['budget grant team 007', 'got "007"'],
    ['budget grant team -1', 'got "-1"'],
    ['budget grant team 0', 'got "0"'],
    ['budget grant team 9007199254740992', 'got "9007199254740992"'],
    [`budget grant team ${'9'.repeat(40)}`, 'got 40 characters'],
    ['budget grant team 5 --create --id x', 'Expected `--id` without `--create`'],
    ['budget grant team 5 --id --json', 'Expected `--id` with an id, got another option'],
    ['budget close team --yes --id -x', 'Expected `--id` with an id, got another option'],
    ['budget reconcile --lease a --used 5 --id --json', 'Expected `--id` with an id, got another option'],
    ['budget close team', 'Expected `--yes`, got no terminal to ask on'],
    ['budget reconcile', 'Expected a journal, or `--lease` with `--used`, got neither'],
    ['budget reconcile --lease a', 'Expected `--used` with `--lease`, got none'],
    ['budget reconcile --lease a --used lots', 'Expected `--used` to be digits'],
    ['budget reconcile a.journal --lease a', 'Expected a journal or `--lease`, got both'],
    ['budget reconcile a.journal --used 5', 'Expected a journal or `--used`, got both'],
    ['budget reconcile a.journal --id x', 'Expected a journal or `--id`, got both'],
    ['token mint team --exp 1h', 'Expected `--key-env` or `--key-file`, got neither'],
    ['token mint team --key-env SHORT_KEY --kid k', 'Expected `--exp`, got none'],
    ['token mint team --key-env SHORT_KEY --exp 1h', 'Expected `--kid` with a key, got none'],
    ['token mint team --key-env NOT_SET --kid k --exp 1h', 'the name of a variable that is set'],
    ['token mint team --key-env A --key-file b --kid k --exp 1h', 'got both'],
    ['token mint team --kid k --exp 1h', 'Expected `--key-env` or `--key-file` with `--kid`'],
    ['token mint team --key-env SHORT_KEY --kid k --exp 25h', 'Expected `--exp` within 24 hours'],
    ['token mint team --key-env SHORT_KEY --kid k --exp soon', 'to be a time such as'],
    ['token mint team --key-env SHORT_KEY --kid k --exp 2026-11-27T10:00', 'to be a time such as'],
    ['token mint team --key-env SHORT_KEY --kid k --exp 1h --max lots', 'Expected `--max` to be digits'],
    ['token mint team --key-env SHORT_KEY --kid k --exp 1h --rate 10', 'as calls/seconds'],
    ['token mint team --key-env SHORT_KEY --kid k --exp 1h --rate 10/60/2', 'as calls/seconds'],
    ['token mint team --key-env SHORT_KEY --kid k --exp 1h --arg {oops', 'Expected `--arg` to be JSON'],
    ['token attenuate', 'Expected something to narrow the token to'],
    ['token inspect', 'Expected a token on standard input, got nothing'],
  ])('%s ends with 2 and says what was expected', async (line, message) => {
    const { code, out, err } = await cli(line, { env: env() })
    expect([code, out]).toEqual([2, ''])
    expect(err).toContain(message)
    expect(err.trimEnd().split('\n').length).toBeLessThanOrEqual(2)
    expect(err).not.toContain('hunter2')
  })

  test.each([
    ['budget show other', 'unknown_budget', 'got default/other'],
    ['budget grant other 5', 'unknown_budget', '--create'],
    ['budget grant team 5 --create', 'budget_exists', 'leave `--create` out'],
    ['budget grant team 9007199254740991', 'overflow', 'Expected a balance up to 9007199254740991'],
    ['budget reconcile --lease a --used 5', 'unknown_hold', 'got none of that id'],
    ['budget reconcile FOLDER/none', 'unreadable_file', 'got ENOENT'],
    ['budget reconcile FOLDER', 'unreadable_file', 'got EISDIR'],
    ['budget show team --store sqlite:none.db', 'invalid_store', 'Expected a file at none.db, got none'],
    ['budget show team --store sqlite:FOLDER/text.txt', 'invalid_store', 'a file of another kind'],
    ['token inspect FOLDER/none', 'unreadable_file', 'got none'],
    ['token inspect FOLDER', 'unreadable_file', 'got a folder'],
    ['token inspect FOLDER/text.txt', 'invalid_token', 'Expected a token'],
    ['token mint team --key-file FOLDER/text.txt --kid k --exp 1h', 'invalid_config', 'in hex or base64'],
  ])('%s ends with 1 and says what to do', async (line, slug, message) => {
    const asked = line.replace('FOLDER', folder)
    const { code, out, err } = await cli(asked, { env: env() })
    expect([code, out]).toEqual([1, ''])
    expect(err).toContain(message)
    expect(err.trimEnd().split('\n').length).toBeLessThanOrEqual(2)
    const { error } = JSON.parse((await cli(`${asked} --json`, { env: env() })).err) as { error: { code: string } }
    expect(error.code).toBe(slug)
  })

  test('without a store says which variable to set', async () => {
    expect(await cli('budget show team')).toEqual({
      code: 2,
      out: '',
      err: expect.stringContaining('MCP_BUDGET_STORE'),
    })
  })

  test('says with --json what is wrong, as one value', async () => {
    const { code, out, err } = await cli('budget show --json', { env: env() })
    expect([code, out]).toEqual([2, ''])
    expect(JSON.parse(err)).toEqual({
      error: { code: 'usage', message: expect.stringContaining('budget'), hint: expect.stringContaining('--help') },
    })
  })

  test('shows a stack with --debug, and only then', async () => {
    expect((await cli('budget show other', { env: env() })).err).not.toContain('    at ')
    expect((await cli('budget show other --debug', { env: env() })).err).toContain('    at ')
  })
})

describe('a secret in the wrong place', () => {
  test.each([
    ['a token as an argument', ['token', 'inspect', `mcpb_${SECRET}`]],
    ['a token as the value of an option', ['token', 'attenuate', '--max', `mcpb_${SECRET}`]],
    ['a token that is joined to an option', ['token', 'attenuate', `--token=mcpb_${SECRET}`]],
    [
      'a key in place of the name of a variable',
      ['token', 'mint', 'a', '--key-env', SECRET, '--kid', 'k', '--exp', '1h'],
    ],
    ['a key behind an option that there is not', ['token', 'mint', 'a', `--key=${SECRET}`]],
    ['a key as a command', ['token', SECRET]],
  ])('is refused, and not repeated: %s', async (_, argv) => {
    const { code, out, err } = await cli(argv)
    expect([code, out]).toEqual([2, ''])
    expect(err).not.toContain(SECRET)
  })

  test('is not repeated from a file of a key', async () => {
    const path = join(folder, 'short.key')
    writeFileSync(path, SECRET.slice(0, 20))
    const { code, err } = await cli(['token', 'mint', 'a', '--key-file', path, '--kid', 'k', '--exp', '1h', '--debug'])
    expect(code).toBe(1)
    expect(err).not.toContain(SECRET.slice(0, 20))
  })
})

describe('help', () => {
  test.each(['--help', 'budget --help', 'budget grant --help', 'token mint -h', 'migrate --help'])(
    '%s is an answer',
    async (line) => {
      expect(await cli(line)).toEqual({ code: 0, out: expect.stringContaining('Usage: mcp-budget'), err: '' })
    },
  )

  test.each(['', 'budget', 'token'])('is told where a command is missing: "%s"', async (line) => {
    expect(await cli(line)).toEqual({ code: 2, out: '', err: expect.stringContaining('Usage: mcp-budget') })
  })

  test('says the version', async () => {
    expect(await cli('--version')).toEqual({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/), err: '' })
  })
})
