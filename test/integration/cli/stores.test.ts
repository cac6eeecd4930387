import { describe, expect, inject, test } from 'vitest'
import { cliFolder, shell } from '../../support/cli-process.js'
import { newSchema } from '../../support/servers/postgres-store.js'

const folder = cliFolder()

const stores = [
  { name: 'SQLite', store: () => 'sqlite:b.db', more: '' },
  { name: 'PostgreSQL', store: () => inject('postgresUrl'), more: `--schema ${newSchema()}` },
  { name: 'Redis', store: () => inject('redisUrl'), more: `--prefix cli${process.pid}:` },
]

describe.each(stores)('the command on $name', ({ name, store, more }) => {
  const run = (script: string) => {
    const line = script.replace(/(budget|migrate)\b(.*)$/, `$1$2 ${more}`)
    return shell(`mcp-budget ${line}`, { folder, env: { MCP_BUDGET_STORE: store() } })
  }
  const json = async (script: string): Promise<unknown> => {
    const { code, out, err } = await run(`${script} --json`)
    expect([code, err]).toEqual([0, ''])
    return JSON.parse(out)
  }

  test('makes, fills, shows and closes a budget', async () => {
    if (name !== 'Redis') {
      expect((await run('budget show acme/team')).code).toBe(1)
      expect(await json('migrate')).toMatchObject({ from: 0, dryRun: false })
      expect((await run('migrate --dry-run')).out).toContain('There is nothing to do')
    }
    expect(await json('budget grant acme/team 1000 --create')).toMatchObject({ created: true })
    expect(await json('budget grant acme/team 500 --id a')).toMatchObject({ remaining: 1_500 })
    expect(await json('budget grant acme/team 500 --id a')).toMatchObject({ remaining: 1_500 })
    expect((await run('budget grant acme/team 501 --id a')).code).toBe(1)
    expect(await json('budget show acme/team')).toMatchObject({ available: 1_500, in: 1_500, state: 'open' })
    expect((await run('budget grant acme/team 1 --create')).err).toContain('leave `--create` out')
    expect((await run('budget show acme/other')).err).toContain('--create')
    expect(await json('budget close acme/team --yes')).toMatchObject({ returned: 1_500, state: 'closed' })
    expect((await run('budget grant acme/team 5')).err).toContain('one that is closed')
  })
})

describe('a store that is not there', () => {
  test.each([
    ['postgres://nobody@127.0.0.1:1/none', 'Expected a connection to PostgreSQL, got none'],
    ['redis://127.0.0.1:1', 'Expected a connection to Redis, got connect ECONNREFUSED'],
  ])('%s is told in two lines', async (store, message) => {
    const { code, out, err } = await shell('mcp-budget budget show team', { folder, env: { MCP_BUDGET_STORE: store } })
    expect([code, out]).toEqual([1, ''])
    expect(err).toContain(message)
    expect(err.trimEnd().split('\n')).toHaveLength(2)
  })

  test('may have a password in the variable, which is never shown', async () => {
    const { hostname, port } = new URL(inject('redisUrl'))
    const env = { MCP_BUDGET_STORE: `redis://:hunter2@${hostname}:${port}` }
    const { err } = await shell('mcp-budget budget show team --debug', { folder, env })
    expect(err).not.toContain('hunter2')
  })
})
