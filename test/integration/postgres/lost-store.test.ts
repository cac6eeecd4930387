import { afterAll, describe, expect, inject, test } from 'vitest'
import { BudgetEvents, compose, withBudget, withCostProfile, type FailMode } from '../../../src/index.js'
import { booksOf } from '../../support/kills/sql-books.js'
import { FaultProxy } from '../../support/fault-proxy.js'
import { newSchema, poolOf } from '../../support/servers/postgres-store.js'
import { PostgresBudgetEnforcer } from '../../../src/backends/postgres/index.js'
import { unlikeLedger } from '../../support/kills/books.js'
import { Random } from '../../../src/testing/random.js'

const url = inject('postgresUrl')
const pool = poolOf(url)
afterAll(() => pool.end())

const work = () => ({ content: [] })

/** An agent whose store is behind a network that can go down. */
async function setUp(failMode: FailMode) {
  const { username, pathname } = new URL(url)
  const proxy = new FaultProxy(url, new Random(1))
  await proxy.up()
  const lossy = poolOf(`postgres://${username}@127.0.0.1:${new URL(proxy.url).port}${pathname}`, 2)
  const schema = newSchema()
  const enforcer = await PostgresBudgetEnforcer.open({ pool: lossy, schema })
  const direct = await PostgresBudgetEnforcer.open({ pool, schema })
  await direct.initialize('main', 100)
  const events = new BudgetEvents()
  const heard: string[] = []
  for (const name of ['outage', 'delayed'] as const) events.on(name, () => heard.push(name))
  const options = { enforcer, budget: 'main', failMode, events, storeTimeoutMs: 2_000, awaitCapture: true }
  const agent = compose(withCostProfile({ defaultCost: 10 }), withBudget(options))
  const end = async (): Promise<void> => {
    await lossy.end()
    await proxy.down()
  }
  return { proxy, direct, agent, heard, end }
}

describe('a database that is lost', () => {
  test('refuses every call under `closed`, changes nothing, and is used again when it is back [I13, I16, L-S25]', async () => {
    const { proxy, direct, agent, heard, end } = await setUp('closed')
    expect(await agent.run({ tool: 't' }, work)).toMatchObject({ kind: 'result' })
    await proxy.down()
    const refused = await agent.run({ tool: 't' }, work)
    expect(refused).toMatchObject({ kind: 'refused', refusal: { error: 'budget_unavailable' } })
    expect(heard).toContain('outage')
    expect(await direct.describe('main')).toMatchObject({ spent: 10, held: 0 })
    await proxy.up()
    await expect.poll(async () => (await agent.run({ tool: 't' }, work)).kind).toBe('result')
    expect(await direct.describe('main')).toMatchObject({ spent: 20, held: 0 })
    expect(await unlikeLedger(booksOf(direct), 'default/main')).toEqual([])
    await end()
  })

  test('is paid later under `open`, up to the limit, and once [I13, I16, I3, R1]', async () => {
    const { proxy, direct, agent, heard, end } = await setUp({ open: { limit: 20 } })
    await proxy.down()
    const kinds: string[] = []
    for (let n = 0; n < 3; n++) kinds.push((await agent.run({ tool: 't' }, work)).kind)
    expect(kinds).toEqual(['result', 'result', 'refused'])
    await proxy.up()
    await expect.poll(async () => (await direct.describe('main')).spent).toBe(20)
    expect(await direct.describe('main')).toMatchObject({ held: 0, available: 80 })
    expect(await unlikeLedger(booksOf(direct), 'default/main')).toEqual([])
    expect(heard).toContain('outage')
    await end()
  })
})
