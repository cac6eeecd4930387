import { afterAll, describe, expect, inject, test } from 'vitest'
import { audit, NO_WRONGS } from '../../support/kills/books.js'
import { booksOf } from '../../support/kills/sql-books.js'
import { FaultProxy, type Faults } from '../../support/fault-proxy.js'
import { newSchema, poolOf, WAYS } from '../../support/servers/postgres-store.js'
import { PostgresBudgetEnforcer } from '../../../src/backends/postgres/index.js'
import { Random } from '../../../src/testing/random.js'
import { spend } from '../../support/kills/spend.js'

const url = inject('postgresUrl')
const pool = poolOf(url)
afterAll(() => pool.end())

const SPEND_MS = process.env['MCP_BUDGET_LONG'] === '1' ? 20_000 : 1_000
const GRANTED = 1_000_000
const BUDGET = 'net/main'

/** Two stores behind a network with faults, and one that looks on. */
async function setUp(seed: number, pipeline: boolean) {
  const { username, pathname } = new URL(url)
  const proxy = new FaultProxy(url, new Random(seed))
  await proxy.up()
  const lossy = poolOf(`postgres://${username}@127.0.0.1:${new URL(proxy.url).port}${pathname}`, 4, pipeline)
  const schema = newSchema()
  const direct = await PostgresBudgetEnforcer.open({ pool, schema })
  await direct.initialize(BUDGET, GRANTED)
  const stores = await Promise.all([1, 2].map(() => PostgresBudgetEnforcer.open({ pool: lossy, schema })))
  const end = async (): Promise<void> => {
    await lossy.end()
    await proxy.down()
  }
  return { proxy, stores, books: booksOf(direct), end }
}

describe.each(WAYS)('before connections %s, a network that', (_, pipeline) => {
  const networks: Record<string, Faults> = {
    'cuts connections before a request': { loseRequest: 0.02 },
    'cuts connections in place of an answer': { loseAnswer: 0.02 },
    'delays what it carries': { delay: 0.3, delayMs: 10 },
    'sends requests twice': { repeat: 0.05 },
    'does all of this': { loseRequest: 0.01, loseAnswer: 0.01, delay: 0.1, delayMs: 5, repeat: 0.02 },
  }

  test.each(Object.entries(networks))(
    '%s makes no charge twice, loses none, and leaves nothing held [I5, I6, I13, R1, R2, R3, T10]',
    async (name, faults) => {
      const { proxy, stores, books, end } = await setUp(11, pipeline)
      const told: string[] = []
      proxy.faults = faults
      const options = { budget: BUDGET, inFlight: 8, ttlMs: 60_000, told: (id: string) => told.push(id) }
      const spending = stores.map((store) => spend(store, options))
      await new Promise((resolve) => setTimeout(resolve, SPEND_MS))
      await expect.poll(() => Math.min(proxy.count, told.length)).toBeGreaterThan(5)
      proxy.faults = {}
      await Promise.all(spending.map((each) => each.stop()))
      await end()
      const { wrongs, charges } = await audit(books, { budget: BUDGET, granted: GRANTED, told, isDue: true })
      console.log(`${name}: ${proxy.count} faults, ${told.length} of ${charges.size} charges acknowledged`)
      expect(wrongs).toEqual(NO_WRONGS)
    },
  )

  test('pauses is one that gives no answer yet, and what was asked meanwhile counts once [I6, I16, R1]', async () => {
    const { proxy, stores, books, end } = await setUp(12, pipeline)
    const told: string[] = []
    const options = { budget: BUDGET, inFlight: 8, ttlMs: 60_000, told: (id: string) => told.push(id) }
    const spending = stores.map((store) => spend(store, options))
    for (let n = 0; n < 4; n++) {
      const before = told.length
      await expect.poll(() => told.length).toBeGreaterThan(before)
      proxy.pause()
      await new Promise((resolve) => setTimeout(resolve, 150))
      const during = told.length
      await new Promise((resolve) => setTimeout(resolve, 100))
      expect(told, 'nobody answers').toHaveLength(during)
      proxy.goOn()
    }
    await Promise.all(spending.map((each) => each.stop()))
    await end()
    const { wrongs } = await audit(books, { budget: BUDGET, granted: GRANTED, told, isDue: true })
    expect(wrongs).toEqual(NO_WRONGS)
  })
})
