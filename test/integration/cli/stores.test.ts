import { afterAll, describe, expect, inject, test } from 'vitest'
import { callRecord } from '../../support/array-ledger.js'
import { ioredisPort, RedisBudgetEnforcer } from '../../../src/backends/redis/index.js'
import { newClient } from '../redis/store.js'
import type { Ledger, LeasingEnforcer, LedgerRecord } from 'mcp-budget'
import { cliFolder, shell } from '../../support/cli-process.js'
import { openStore } from '../../../src/cli/open-store.js'
import { storeAddress } from '../../../src/cli/store-address.js'
import { newSchema } from '../../support/servers/postgres-store.js'

const folder = cliFolder()
const client = newClient()
afterAll(() => client.disconnect())

const stores = [
  { name: 'SQLite', store: () => 'sqlite:b.db', more: '' },
  { name: 'PostgreSQL', store: () => inject('postgresUrl'), more: `--schema ${newSchema()}` },
  { name: 'Redis', store: () => inject('redisUrl'), more: `--prefix cli${process.pid}:` },
]

/** Work of a process of its own on the store that a command line would open. */
async function onStore(env: Record<string, string>, more: string, work: (enforcer: LeasingEnforcer) => Promise<void>) {
  const [, schema] = /--schema (\S+)/.exec(more) ?? []
  const [, prefix] = /--prefix (\S+)/.exec(more) ?? []
  const { enforcer, close } = await openStore(storeAddress({ schema, prefix }, env))
  await work(enforcer)
  await close()
}

describe.each(stores)('the command on $name', ({ name, store, more }) => {
  const withStore = (work: (enforcer: LeasingEnforcer) => Promise<void>): Promise<void> => {
    const address = store().replace(/^sqlite:/, `sqlite:${folder.path}/`)
    return onStore({ MCP_BUDGET_STORE: address }, more, work)
  }
  const run = (script: string) => {
    const line = script.replace(/(budget|ledger|migrate)\b(.*)$/, `$1$2 ${more}`)
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

  test('gives back what a lease has not used, and shows what is leased [I8]', async () => {
    if (name !== 'Redis') await json('migrate')
    await json('budget grant acme/leased 1000 --create')
    const lease = { budget: 'acme/leased', instance: 'i', least: 100, most: 100 }
    await withStore(async (enforcer) => {
      await enforcer.lease({ ...lease, id: `${name}-a`, ttlMs: 1 })
      await enforcer.lease({ ...lease, id: `${name}-b`, ttlMs: 60_000 })
    })
    await expect.poll(() => json('budget show acme/leased')).toMatchObject({ forfeited: 100, leased: 100, leases: 1 })
    expect((await run('budget show acme/leased')).out).toMatch(/^forfeited +100$/m)
    const line = `budget reconcile --lease ${name}-a --used 30`
    for (let i = 0; i < 2; i++) expect(await json(line)).toMatchObject({ returned: 70 })
    expect((await run(`budget reconcile --lease ${name}-b --used 30`)).err).toContain('whose time is not up')
    expect((await run('budget reconcile --lease none --used 30')).err).toContain('got none of that id')
  }, 60_000)

  test('sums up, exports and proves the ledger, and says what it cannot', async () => {
    if (name !== 'Redis') await json('migrate')
    await json('budget grant acme/told 1000 --create')
    await withStore(async (enforcer) => {
      await enforcer.spend({ chargeId: `${name}-s`, budget: 'acme/told', tool: 'search', cost: 5 })
      const { ledger } = enforcer as LeasingEnforcer & { readonly ledger: Ledger }
      await ledger.append([callRecord({ chargeId: `${name}-s`, budgets: ['acme/told'] })])
    })
    const { out } = await run('ledger report --budget acme/told')
    expect(out).toMatch(/^search +1 +0 +5 +0$/m)
    const lines = (await run('ledger export --charge ' + `${name}-s`)).out.trimEnd().split('\n')
    expect(lines.map((line) => (JSON.parse(line) as LedgerRecord).kind)).toEqual(['money', 'call'])
    expect(await json('ledger verify')).toMatchObject({ kind: 'ok', balances: true })
    const groups = await run('ledger report --by task')
    if (name !== 'Redis') return void expect([groups.code, groups.out]).toEqual([0, 'No records match.\n'])
    expect([groups.code, groups.err]).toEqual([1, expect.stringContaining('got one in redis')])
    await withStore(async (enforcer) => {
      const store = new RedisBudgetEnforcer({ redis: ioredisPort(client), prefix: `cli${process.pid}:`, maxEntries: 1 })
      await store.spend({ chargeId: 'folds', budget: 'acme/told', tool: 'search', cost: 5 })
      expect(await enforcer.remaining('acme/told')).toBe(990)
    })
    for (const line of ['ledger verify', 'ledger export --format numbered']) {
      const folded = await run(line)
      expect([folded.code, folded.err]).toEqual([1, expect.stringMatching(/folded the money records before \d+\n.*`maxEntries`/)]) // prettier-ignore
    }
    expect((await run('ledger report --budget acme/told')).out).toMatch(/^default|^acme\/told/m)
  }, 60_000)
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
