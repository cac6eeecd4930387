import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SqliteBudgetEnforcer } from 'mcp-budget/sqlite'
import { cli, type Around } from '../../support/cli.js'

let folder: string
let env: Record<string, string>
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mcp-budget-cli-'))
  env = { MCP_BUDGET_STORE: `sqlite:${folder}/b.db` }
  await cli('migrate', { env })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function json(line: string, around: Around = {}): Promise<unknown> {
  const { code, out, err } = await cli(`${line} --json`, { env, ...around })
  expect([code, err]).toEqual([0, ''])
  return JSON.parse(out)
}

/** Work that a process of its own would do. */
async function store(work: (enforcer: SqliteBudgetEnforcer) => Promise<unknown>): Promise<void> {
  const enforcer = await SqliteBudgetEnforcer.open({ database: `${folder}/b.db` })
  await work(enforcer)
  await enforcer.shutdown()
}

describe('budget grant', () => {
  test('counts once for one id, however often it is repeated', async () => {
    await json('budget grant once 100 --create')
    for (let i = 0; i < 3; i++)
      expect(await json('budget grant once 50 --id invoice-7')).toMatchObject({ remaining: 150 })
    expect(await json('budget grant once 50')).toMatchObject({
      remaining: 200,
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    })
    const { code, err } = await cli('budget grant once 51 --id invoice-7', { env })
    expect([code, err]).toEqual([1, expect.stringContaining('one that another request had')])
  })

  test('with --create makes a budget, and never refills it', async () => {
    expect(await json('budget grant made 100 --create')).toMatchObject({ created: true, remaining: 100, id: null })
    await store((enforcer) => Promise.resolve(enforcer.spend({ chargeId: 'x', budget: 'made', tool: 't', cost: 30 })))
    expect(await json('budget grant made 100 --create')).toMatchObject({ created: false, remaining: 70 })
    expect(await json('budget grant zero 0 --create')).toMatchObject({ created: true, remaining: 0 })
  })
})

describe('budget show', () => {
  test('shows the tree and the open holds', async () => {
    await json('budget grant acme/top 1000 --create')
    await store(async (enforcer) => {
      const move = { from: 'acme/top', amount: 5, create: true }
      for (let i = 0; i < 22; i++) await enforcer.transfer({ id: `t${i}`, to: `acme/child-${i}`, ...move })
      const lines = [{ budget: 'acme/top', amount: 40 }]
      await enforcer.hold({ id: 'h1', lines, ttlMs: 600_000, onExpire: 'capture' })
    })
    const { out } = await cli('budget show acme/top', { env })
    expect(out).toMatch(/^open holds {2}1$/m)
    expect(out).toMatch(/^held +40$/m)
    expect(out).toContain('and 2 more')
    expect(await json('budget show acme/child-3')).toMatchObject({ parent: 'acme/top', available: 5, allotment: null })
  })
})

describe('budget close', () => {
  test('asks on a terminal, and does nothing without a yes', async () => {
    await json('budget grant asked 100 --create')
    const no = await cli('budget close asked', { env, answer: '' })
    expect([no.code, no.err]).toEqual([1, expect.stringContaining('Its 100 available credits are burned. [y/N]')])
    expect(await json('budget show asked')).toMatchObject({ state: 'open' })
    const yes = await cli('budget close asked', { env, answer: 'y' })
    expect([yes.code, yes.out]).toEqual([0, expect.stringContaining('Closed default/asked. 100 credits are burned')])
  })

  test('gives what is left to the budget above, and lets calls finish', async () => {
    await json('budget grant up/top 100 --create')
    await store(async (enforcer) => {
      await enforcer.transfer({ id: 'u1', from: 'up/top', to: 'up/low', amount: 60, create: true })
      await enforcer.hold({ id: 'u2', lines: [{ budget: 'up/low', amount: 10 }], ttlMs: 600_000, onExpire: 'capture' })
    })
    expect(await json('budget close up/low --yes')).toMatchObject({ returned: 50, state: 'closing', openHolds: 1 })
    expect(await json('budget show up/top')).toMatchObject({ available: 90 })
  })
})

describe('migrate', () => {
  test('says what it would do, does it once, and is needed before all else', async () => {
    const other = { env: { MCP_BUDGET_STORE: `sqlite:${folder}/m.db` } }
    const dry = await json('migrate --dry-run', other)
    expect(dry).toEqual({ from: 0, to: expect.any(Number), dryRun: true })
    expect((await cli('budget show x', other)).err).toContain('mcp-budget migrate')
    const { to } = dry as { to: number }
    expect(await json('migrate', other)).toEqual({ from: 0, to, dryRun: false })
    expect(await json('migrate', other)).toEqual({ from: to, to, dryRun: false })
    expect((await cli('budget show x', other)).err).toContain('Expected a budget that exists')
  })

  test('has nothing to do in Redis, and does not ask there', async () => {
    const { code, out } = await cli('migrate --store redis://127.0.0.1:1')
    expect([code, out]).toEqual([0, 'Redis has no tables. There is nothing to do.\n'])
  })
})
