import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
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

describe('budget reconcile', () => {
  /** Forfeited leases of 100 of a budget of 1,000, but the last of them, which is open. */
  async function leases(budget: string): Promise<string[]> {
    await json(`budget grant ${budget} 1000 --create`)
    const ids = ['a', 'b', 'c'].map((name) => `${budget}-${name}`)
    await store(async (enforcer) => {
      for (const id of ids) {
        const ttlMs = id.endsWith('c') ? 60_000 : 1
        await enforcer.lease({ id, budget, instance: 'i', ttlMs, least: 100, most: 100 })
      }
      await new Promise((resolve) => setTimeout(resolve, 5))
    })
    return ids
  }

  test('gives back once what a lease has not used, by the same id with the same answer', async () => {
    await leases('one')
    expect(await json('budget show one')).toMatchObject({ spent: 200, forfeited: 200, leased: 100, leases: 1 })
    const line = 'budget reconcile --lease one-a --used 30'
    const answer = { returned: 70, leases: [{ lease: 'one-a', used: 30, returned: 70, reason: null }] }
    for (let i = 0; i < 2; i++) expect(await json(line)).toMatchObject(answer)
    expect(await json('budget show one')).toMatchObject({ available: 770, spent: 130, forfeited: 100 })
    expect((await cli('budget show one', { env })).out).toMatch(/^forfeited +100$/m)
    const again = await cli('budget reconcile --lease one-a --used 20', { env })
    expect([again.code, again.err]).toEqual([1, expect.stringContaining('settled, or reconciled before')])
    expect(await json('budget reconcile --lease one-b --used 100 --id x')).toMatchObject({ returned: 0 })
    const other = await cli('budget reconcile --lease one-b --used 99 --id x', { env })
    expect([other.code, other.err]).toEqual([1, expect.stringContaining('one that another request had')])
  })

  test.each([
    ['an open lease [I8]', 'open-c --used 5', 'lease_open', 'whose time is not up'],
    ['more than it had', 'more-a --used 101', 'amount_exceeded', 'Expected no more to be used than the lease had'],
  ])('refuses %s', async (_, line, slug, words) => {
    await leases(line.slice(0, 4))
    const { code, err } = await cli(`budget reconcile --lease ${line}`, { env })
    expect([code, err]).toEqual([1, expect.stringContaining(words)])
    const { error } = JSON.parse((await cli(`budget reconcile --lease ${line} --json`, { env })).err) as { error: object } // prettier-ignore
    expect(error).toMatchObject({ code: slug })
  })

  test('takes the journal of a process that has ended, and says what became of each lease', async () => {
    const [a, b, c] = await leases('all')
    const path = `${folder}/all.journal`
    writeFileSync(path, [`["${a}",30]`, `["${b}",50]`, `["${b}"]`, `["${c}",10]`, '["all-z",1'].join('\n'))
    const { code, out } = await cli(`budget reconcile ${path}`, { env })
    expect(code).toBe(1)
    expect(out).toContain('all-a: 70 came back, for 30 at most were used.')
    expect(out).toContain('all-c: nothing. Expected a forfeited lease, got one whose time is not up.')
    expect(out).toContain('70 credits of 2 leases came back.')
    writeFileSync(path, `["${a}",40]\n`)
    expect(await json(`budget reconcile ${path}`)).toMatchObject({ returned: 0, leases: [{ reason: 'hold_ended' }] })
    expect(await json('budget show all')).toMatchObject({ spent: 130, forfeited: 100 })
  })

  test('leaves the journal of a process that lives alone, and another file', async () => {
    const path = `${folder}/lives.journal`
    writeFileSync(path, '["x",1]\n')
    writeFileSync(`${path}.lock`, String(process.ppid))
    const lives = await cli(`budget reconcile ${path}`, { env })
    expect([lives.code, lives.err]).toEqual([2, expect.stringContaining('of one process at a time')])
    const other = await cli(`budget reconcile ${folder}/b.db`, { env })
    expect([other.code, other.err]).toEqual([2, expect.stringContaining('got another file')])
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
