import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { BudgetError } from '../../../../src/index.js'
import { FakeClock } from '../../../../src/testing/index.js'
import { openHandle } from '../../../../src/backends/sqlite/open-handle.js'
import { SqliteBudgetEnforcer, type SqliteHandle } from '../../../../src/backends/sqlite/index.js'

const folder = mkdtempSync(join(tmpdir(), 'mcp-budget-faults-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let count = 0
const newFile = (): string => join(folder, `${count++}.db`)

async function errorOf(work: () => Promise<unknown>): Promise<BudgetError> {
  const error: unknown = await work().then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(BudgetError.isInstance(error), String(error)).toBe(true)
  return error as BudgetError
}

describe('a file that cannot be used', () => {
  test('is told apart when it is no database', async () => {
    const database = newFile()
    writeFileSync(database, 'budget: agent-1, credits: 1000\n'.repeat(100))
    const error = await errorOf(() => SqliteBudgetEnforcer.open({ database }))
    expect(error).toMatchObject({ code: 'invalid_store' })
    expect(error.message).toContain('a file of another kind')
  })

  test('is told apart when other tables are in it, and is not changed', async () => {
    const database = newFile()
    const handle = await openHandle(database)
    handle.exec('CREATE TABLE customers (name TEXT)')
    const error = await errorOf(() => SqliteBudgetEnforcer.open({ database }))
    expect(error).toMatchObject({ code: 'invalid_store' })
    expect(error.message).toContain('other tables')
    expect(handle.prepare('SELECT name FROM sqlite_schema').all()).toMatchObject([{ name: 'customers' }])
    handle.close()
  })

  test('is told apart when a newer version has made it', async () => {
    const database = newFile()
    await (await SqliteBudgetEnforcer.open({ database })).shutdown()
    const handle = await openHandle(database)
    handle.exec('INSERT INTO mcp_budget_schema VALUES (99)')
    handle.close()
    const error = await errorOf(() => SqliteBudgetEnforcer.open({ database }))
    expect(error).toMatchObject({ code: 'invalid_store' })
    expect(error.message).toContain('got 99')
  })

  test('is told apart when its folder is not there', async () => {
    const error = await errorOf(() => SqliteBudgetEnforcer.open({ database: join(folder, 'nowhere', 'a.db') }))
    expect(error).toMatchObject({ code: 'invalid_store' })
    expect(error.message).toContain('a folder that exists')
  })

  test('is told apart when it can only be read', async () => {
    const place = join(folder, `readonly-${count++}`)
    mkdirSync(place)
    const database = join(place, 'a.db')
    await (await SqliteBudgetEnforcer.open({ database })).shutdown()
    const handle = await openHandle(database)
    // Root may write to whatever it wants: SQLite is told instead.
    handle.exec('PRAGMA query_only = 1')
    chmodSync(database, 0o444)
    const error = await errorOf(() =>
      SqliteBudgetEnforcer.open({ database: handle, clock: new FakeClock() }).then((s) => s.initialize('a', 1)),
    )
    expect(error).toMatchObject({ code: 'invalid_store' })
    expect(error.message).toContain('can only be read')
    handle.close()
  })

  test.each([
    ['no path', { database: '' }],
    ['a number', { database: 7 }],
    ['half a handle', { database: { exec() {} } }],
    ['an unknown option', { database: ':memory:', wal: true }],
    ['an unknown durability', { database: ':memory:', synchronous: 'off' }],
    ['a time limit below 0', { database: ':memory:', busyTimeoutMs: -1 }],
  ])('is a mistake in the settings when it is %s', async (_, options) => {
    expect(await errorOf(() => SqliteBudgetEnforcer.open(options as never))).toMatchObject({ code: 'invalid_config' })
  })
})

describe('a lock that another process holds', () => {
  test('is waited for, and the event loop goes on meanwhile', async () => {
    const database = newFile()
    const store = await SqliteBudgetEnforcer.open({ database })
    await store.initialize('main', 10)
    const other = await openHandle(database)
    other.exec('BEGIN IMMEDIATE')
    const asked = store.remaining('main')
    await new Promise((resolve) => setTimeout(resolve, 30))
    other.exec('COMMIT')
    expect(await asked).toBe(10)
    other.close()
    await store.shutdown()
  })

  test('is a fault when it does not come in time: nothing has changed, and the same request is made later [I16, L-S25]', async () => {
    const database = newFile()
    const store = await SqliteBudgetEnforcer.open({ database, busyTimeoutMs: 20 })
    await store.initialize('main', 10)
    const other = await openHandle(database)
    other.exec('BEGIN IMMEDIATE')
    const grant = { id: 'g', budget: 'main', amount: 5 }
    expect(await errorOf(() => store.grant(grant))).toMatchObject({ code: 'store_unavailable' })
    other.exec('COMMIT')
    expect(await store.grant(grant)).toEqual({ kind: 'moved', remaining: 15 })
    other.close()
    await store.shutdown()
  })
})

/** A handle whose statements fail when they are told to. */
async function failing(database: string) {
  const inner = await openHandle(database)
  let failsAt: RegExp | undefined
  const handle: SqliteHandle = {
    exec: (sql) => inner.exec(sql),
    close: () => inner.close(),
    prepare(sql) {
      const statement = inner.prepare(sql)
      const checked =
        (verb: 'all' | 'run') =>
        (...values: ReadonlyArray<string | number>): any => {
          if (failsAt?.test(sql) === true) throw Object.assign(new Error('disk I/O error'), { code: 'SQLITE_IOERR' })
          return statement[verb](...values)
        }
      return { all: checked('all'), run: checked('run') }
    },
  }
  return { handle, failAt: (at: RegExp | undefined) => (failsAt = at) }
}

describe('a database that fails', () => {
  test.each(['COMMIT', 'INSERT INTO entries', 'INSERT INTO budgets', 'INSERT INTO answers', 'BEGIN'])(
    'at %s has changed nothing, and the same request is made later [I4, I16, L-S26]',
    async (sql) => {
      const { handle, failAt } = await failing(newFile())
      const store = await SqliteBudgetEnforcer.open({ database: handle })
      await store.initialize('main', 10)
      const before = [await store.describe('main'), await store.ledger.entries()]
      failAt(new RegExp(`^${sql}`))
      const grant = { id: 'g', budget: 'main', amount: 5 }
      await expect(store.grant(grant)).rejects.toThrow('disk I/O error')
      failAt(undefined)
      expect([await store.describe('main'), await store.ledger.entries()]).toEqual(before)
      expect(await store.grant(grant)).toEqual({ kind: 'moved', remaining: 15 })
      expect(await store.ledger.entries()).toHaveLength(2)
      await store.shutdown()
    },
  )

  test('in one request of several fails that one only', async () => {
    const { handle } = await failing(newFile())
    const store = await SqliteBudgetEnforcer.open({ database: handle })
    await store.initialize('main', 10)
    handle.exec(`CREATE TRIGGER no BEFORE INSERT ON entries WHEN new.id = 'bad' BEGIN SELECT raise(ABORT, 'no'); END`)
    const answers = await Promise.allSettled(
      ['a', 'bad', 'b'].map((id) => store.grant({ id, budget: 'main', amount: 1 })),
    )
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(await store.describe('main')).toMatchObject({ available: 12 })
    await store.shutdown()
  })
})

describe('a store that was shut down', () => {
  test('has answered what was asked before, and refuses what is asked later', async () => {
    const store = await SqliteBudgetEnforcer.open({ database: newFile() })
    const asked = store.initialize('main', 10)
    await Promise.all([store.shutdown(), store.shutdown()])
    await asked
    expect(await errorOf(() => store.remaining('main'))).toMatchObject({ code: 'store_unavailable' })
  })
})
