import { afterAll, describe, expect, inject, test } from 'vitest'
import { BudgetError } from '../../../src/index.js'
import { newSchema, openStore, poolOf } from '../../support/servers/postgres-store.js'
import {
  PostgresBudgetEnforcer,
  type PostgresClient,
  type PostgresPool,
  type PostgresStatement,
} from '../../../src/backends/postgres/index.js'

const url = inject('postgresUrl')
const pool = poolOf(url)
afterAll(() => pool.end())

/** A pool whose connections are watched, and lost where `lose` says so: before a statement is sent, or after. */
function watched(lose: (statement: PostgresStatement) => 'before' | 'after' | undefined = () => undefined) {
  const sent: PostgresStatement[] = []
  const watchedPool: PostgresPool = {
    async connect() {
      const client = await pool.connect()
      const wrapped: PostgresClient = {
        async query(statement) {
          sent.push(statement)
          const when = lose(statement)
          const lost = (): Error => Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })
          if (when === 'before') throw lost()
          const answer = await client.query(statement)
          if (when === 'after') throw lost()
          return answer
        },
        release: (error) => client.release(error),
      }
      return wrapped
    },
  }
  return { pool: watchedPool, sent }
}

describe('the time', () => {
  test('is the server’s, where no clock is given', async () => {
    const store = await openStore(pool)
    await store.initialize('main', 10)
    const lines = [{ budget: 'main', amount: 4 }]
    await store.hold({ id: 'h', lines, ttlMs: 150, onExpire: 'release' })
    const [entry] = await store.ledger.entries({ chargeId: 'h' })
    const { rows } = await pool.query<{ at: string }>('SELECT extract(epoch FROM clock_timestamp()) * 1000 AS at')
    expect(Math.abs(Number(rows[0]?.at) - Number(entry !== undefined && 'at' in entry && entry.at))).toBeLessThan(5_000)
    await expect.poll(() => store.remaining('main')).toBe(10)
    const answer = await store.extend({ id: 'x', holdId: 'h', ttlMs: 1_000 })
    expect(answer).toMatchObject({ reason: 'hold_ended' })
  })
})

describe('a pooler in transaction mode', () => {
  test('may give every transaction to another session, which knows nothing of the one before', async () => {
    const schema = newSchema()
    const statements: string[] = []
    const fresh: PostgresPool = {
      async connect() {
        const client = await pool.connect()
        await client.query('DISCARD ALL')
        return {
          query: (statement) => {
            statements.push(statement.text)
            expect(statement.name).toBeUndefined()
            return client.query(statement)
          },
          release: (error) => client.release(error),
        }
      },
    }
    const store = await PostgresBudgetEnforcer.open({ pool: fresh, schema, named: false })
    await store.initialize('main', 10)
    const lines = [{ budget: 'main', amount: 4 }]
    expect(await store.hold({ id: 'h', lines, ttlMs: 60_000, onExpire: 'release' })).toMatchObject({ kind: 'held' })
    expect(await store.capture({ id: 'c', holdId: 'h', amount: 4, overage: 'cap' })).toMatchObject({ charged: 4 })
    const session = /\bLISTEN\b|\bSET (?!LOCAL)|pg_advisory_lock|\bPREPARE\b|TEMP(ORARY)? TABLE|DECLARE/
    // What a row is set to is no setting.
    const settings = statements.map((text) => text.replaceAll(/UPDATE SET/g, ''))
    expect(settings.filter((text) => session.test(text))).toEqual([])
  })

  test('is given statements by name otherwise, so that they are planned once', async () => {
    const { pool: named, sent } = watched()
    const store = await PostgresBudgetEnforcer.open({ pool: named, schema: newSchema() })
    await store.initialize('main', 10)
    expect(sent.filter(({ name }) => name?.startsWith('mcp-budget '))).not.toEqual([])
  })
})

describe('a connection that is lost', () => {
  test.each(['before', 'after'] as const)(
    '%s the COMMIT arrived: the same requests are made again, once [I5, I6, R1, T10]',
    async (when) => {
      let lost = 0
      const { pool: lossy } = watched(({ text }) => (text === 'COMMIT' && lost++ === 3 ? when : undefined))
      const store = await PostgresBudgetEnforcer.open({ pool: lossy, schema: newSchema() })
      await store.initialize('main', 100)
      const lines = [{ budget: 'main', amount: 10 }]
      await store.hold({ id: 'h', lines, ttlMs: 60_000, onExpire: 'release' })
      const answers = await Promise.all([
        store.capture({ id: 'c', holdId: 'h', amount: 10, overage: 'cap' }),
        store.grant({ id: 'g', budget: 'main', amount: 5 }),
        store.spend({ chargeId: 's', budget: 'main', tool: 't', cost: 1 }),
      ])
      expect(lost).toBeGreaterThan(4)
      expect(answers).toEqual([
        { kind: 'captured', charged: 10, late: false },
        { kind: 'moved', remaining: 95 },
        { allowed: true, remaining: 94 },
      ])
      expect(await store.describe('main')).toMatchObject({ available: 94, spent: 11, in: 105, held: 0 })
      expect(await store.ledger.entries()).toHaveLength(5)
    },
  )

  test('again and again is a fault that names the store, and changes nothing [I16, L-S25]', async () => {
    let isDown = false
    const { pool: lossy } = watched(() => (isDown ? 'before' : undefined))
    const store = await PostgresBudgetEnforcer.open({ pool: lossy, schema: newSchema() })
    await store.initialize('main', 100)
    isDown = true
    const grant = { id: 'g', budget: 'main', amount: 5 }
    const error: unknown = await store.grant(grant).catch((thrown: unknown) => thrown)
    expect(BudgetError.isInstance(error)).toBe(true)
    expect(error).toMatchObject({ code: 'store_unavailable' })
    isDown = false
    expect(await store.grant(grant)).toEqual({ kind: 'moved', remaining: 105 })
  })
})

describe('a connection that answers a statement with the answer of the one before', () => {
  test.each([0, 1, 2, 3, 4, 5])(
    'from its statement %i of a transaction on is given up, and the same requests are made again, once [I6, R1, R3]',
    async (at) => {
      let isOn = false
      const spoiled: boolean[] = []
      const shifted: PostgresPool = {
        async connect() {
          const client = await pool.connect()
          let count = 0
          let before: Awaited<ReturnType<PostgresClient['query']>> | undefined
          return {
            async query(statement) {
              const answer = await client.query(statement)
              const told = before ?? answer
              // As if the statement had been sent twice: its second answer is the next one's.
              if (isOn && count++ >= at) before = answer
              return told
            },
            release(error) {
              if (isOn) spoiled.push(error !== undefined)
              isOn = false
              client.release(error)
            },
          }
        },
      }
      const store = await PostgresBudgetEnforcer.open({ pool: shifted, schema: newSchema() })
      await store.initialize('main', 100)
      const lines = [{ budget: 'main', amount: 10 }]
      await store.hold({ id: 'h', lines, ttlMs: 60_000, onExpire: 'release' })
      isOn = true
      const capture = { id: 'c', holdId: 'h', amount: 10, overage: 'cap', lines } as const
      expect(await store.capture(capture)).toEqual({ kind: 'captured', charged: 10, late: false })
      expect(await store.describe('main')).toMatchObject({ available: 90, spent: 10, held: 0 })
      expect(spoiled).toEqual([at < 5])
    },
  )

  test('is not believed that a transaction was committed which was rolled back [R3]', async () => {
    let isOn = false
    const aborted: PostgresPool = {
      async connect() {
        const client = await pool.connect()
        return {
          async query(statement) {
            if (!isOn || statement.text !== 'COMMIT') return client.query(statement)
            isOn = false
            // What the server does with a transaction in which something failed that nobody was told of.
            await client.query('SELECT 1 / 0').catch(() => {})
            return client.query(statement)
          },
          release: (error) => client.release(error),
        }
      },
    }
    const store = await PostgresBudgetEnforcer.open({ pool: aborted, schema: newSchema() })
    await store.initialize('main', 100)
    isOn = true
    expect(await store.grant({ id: 'g', budget: 'main', amount: 5 })).toEqual({ kind: 'moved', remaining: 105 })
    expect(await store.remaining('main')).toBe(105)
  })
})

describe('a partition that somebody else has locked', () => {
  test('is waited for so long, and is then a fault', async () => {
    const schema = newSchema()
    const store = await PostgresBudgetEnforcer.open({ pool, schema, lockTimeoutMs: 50 })
    await store.initialize('main', 100)
    const other = await pool.connect()
    await other.query(`BEGIN; SELECT * FROM ${schema}.partitions FOR UPDATE`)
    await expect(store.remaining('main')).rejects.toMatchObject({ code: 'store_unavailable' })
    await other.query('ROLLBACK')
    other.release()
    expect(await store.remaining('main')).toBe(100)
  })
})

describe('a text that the server cannot keep', () => {
  test('fails its own request as a misuse, and none of those beside it [T38]', async () => {
    const store = await openStore(pool)
    await store.initialize('main', 100)
    const lines = [{ budget: 'main', amount: 1 }]
    const hold = (id: string, tool: string) =>
      store.hold({ id, lines, ttlMs: 60_000, onExpire: 'release', meta: { tool } })
    const answers = await Promise.allSettled([hold('a', 't'), hold('b', 'a\0b'), hold('c\0', 't'), hold('d', 't')])
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled'])
    expect(answers[1]).toMatchObject({ reason: { code: 'invalid_request' } })
    expect(await store.describe('main')).toMatchObject({ held: 2 })
  })
})

describe('the schema', () => {
  test('of a newer version is not touched', async () => {
    const schema = newSchema()
    await PostgresBudgetEnforcer.open({ pool, schema })
    await pool.query(`INSERT INTO ${schema}.schema_versions VALUES (99)`)
    await expect(PostgresBudgetEnforcer.open({ pool, schema })).rejects.toMatchObject({ code: 'invalid_store' })
  })

  test('is made once, however many open it first', async () => {
    const schema = newSchema()
    const stores = await Promise.all(Array.from({ length: 6 }, () => PostgresBudgetEnforcer.open({ pool, schema })))
    await stores[0]?.initialize('main', 7)
    expect(await stores[5]?.remaining('main')).toBe(7)
  })

  test.each(['Public', 'a b', 'x;y', '1a', '', 'a'.repeat(50)])('is refused with the name %j', async (schema) => {
    await expect(PostgresBudgetEnforcer.open({ pool, schema })).rejects.toMatchObject({ code: 'invalid_config' })
  })
})
