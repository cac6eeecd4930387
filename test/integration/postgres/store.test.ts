import { afterAll, describe, expect, inject, test } from 'vitest'
import { BudgetError } from '../../../src/index.js'
import { callRecord } from '../../support/array-ledger.js'
import { newSchema, openStore, poolOf, WAYS } from '../../support/servers/postgres-store.js'
import {
  PostgresBudgetEnforcer,
  type PostgresClient,
  type PostgresPool,
  type PostgresStatement,
} from '../../../src/backends/postgres/index.js'

const url = inject('postgresUrl')
const pools = [poolOf(url), poolOf(url, 8, true)] as const
const [pool] = pools
afterAll(() => Promise.all(pools.map((each) => each.end())))

type Fate = string | undefined

/**
 * A pool whose connections are watched. `fate` says what becomes of a statement: its connection is lost `before` it is
 * sent, or `after` it was answered; or the server refuses it, with a code.
 */
function watched(fate: (statement: PostgresStatement) => Fate = () => undefined, pipeline = false) {
  const sent: PostgresStatement[] = []
  const watchedPool: PostgresPool = {
    async connect() {
      const client = await pools[pipeline ? 1 : 0].connect()
      let isLost = false
      const loseIt = (): Error => {
        isLost = true
        return Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })
      }
      const wrapped: PostgresClient = {
        pipeline,
        async query(statement) {
          sent.push(statement)
          const end = isLost ? 'before' : fate(statement)
          if (end === 'before') throw loseIt()
          const isRefused = end !== undefined && end !== 'after'
          const text = `DO $$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '${end}'; END $$`
          const answer = await client.query(isRefused ? { text } : statement)
          if (end === 'after') throw loseIt()
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

/** Once, after `arm`, something happens to the first statement of a kind. */
function once(kind: RegExp, fate: Fate) {
  let state: 'idle' | 'armed' | 'done' = 'idle'
  return {
    arm: () => void (state = 'armed'),
    happened: () => state === 'done',
    fate: ({ name, text }: PostgresStatement): Fate => {
      if (state !== 'armed' || !kind.test(name ?? text)) return undefined
      state = 'done'
      return fate
    },
  }
}

/** The statements of a step, in the order in which they are sent. */
const STATEMENTS = [/^BEGIN/, / lock$/, / read /, / write /, /^COMMIT$/]
const FATES = WAYS.flatMap(([way, pipeline]) => STATEMENTS.map((kind) => ({ way, pipeline, kind })))

/** What four requests are answered, whatever happened on the way. */
async function expectOnce(store: PostgresBudgetEnforcer, arm: () => void): Promise<void> {
  await store.initialize('main', 100)
  const lines = [{ budget: 'main', amount: 10 }]
  await store.hold({ id: 'h', lines, ttlMs: 60_000, onExpire: 'release' })
  arm()
  const record = callRecord({ chargeId: 'h', budgets: ['default/main'] })
  const appends = [
    store.ledger.append([record, callRecord({ chargeId: 'f', budgets: [] })]),
    store.ledger.append([record]),
  ]
  const answers = await Promise.all([
    store.capture({ id: 'c', holdId: 'h', amount: 10, overage: 'cap' }),
    store.grant({ id: 'g', budget: 'main', amount: 5 }),
    store.spend({ chargeId: 's', budget: 'main', tool: 't', cost: 1 }),
  ])
  expect(answers).toEqual([
    { kind: 'captured', charged: 10, late: false },
    { kind: 'moved', remaining: 95 },
    { allowed: true, remaining: 94 },
  ])
  expect(await store.describe('main')).toMatchObject({ available: 94, spent: 11, in: 105, held: 0 })
  await Promise.all(appends)
  expect(await store.ledger.entries({ kind: 'money' })).toHaveLength(5)
  const calls = await store.ledger.entries({ kind: 'call' })
  expect(calls.map((each) => 'chargeId' in each && each.chargeId)).toEqual(['f', 'h', 'h'])
  const numbered = await store.ledger.numbered({ partition: 'default', kind: 'call', after: 0, limit: 9 })
  expect(numbered.map(({ seq }) => seq)).toEqual([1, 2])
}

describe.each(FATES)('connections $way: $kind', ({ pipeline, kind }) => {
  test.each(['before', 'after'] as const)(
    'is where one is lost, %s it arrived: the same requests are made again, once [I5, I6, R1, T10]',
    async (when) => {
      const { fate, arm, happened } = once(kind, when)
      const { pool: lossy } = watched(fate, pipeline)
      await expectOnce(await PostgresBudgetEnforcer.open({ pool: lossy, schema: newSchema() }), arm)
      expect(happened()).toBe(true)
    },
  )

  // Serialization, deadlock, a row that somebody else has made.
  test.each(['40001', '40P01', '23505'])(
    'is where a race is lost, as %s: the same requests are made again, once [I5, R1, T10]',
    async (code) => {
      const { fate, arm, happened } = once(kind, code)
      const { pool: refusing } = watched(fate, pipeline)
      await expectOnce(await PostgresBudgetEnforcer.open({ pool: refusing, schema: newSchema() }), arm)
      expect(happened()).toBe(true)
    },
  )

  test('is refused by the server: the error is that one, nothing is kept, and the connection is used again [R1]', async () => {
    const { fate, arm } = once(kind, 'XX001')
    const { pool: refusing } = watched(fate, pipeline)
    const store = await PostgresBudgetEnforcer.open({ pool: refusing, schema: newSchema() })
    await store.initialize('main', 100)
    arm()
    await expect(store.grant({ id: 'g', budget: 'main', amount: 5 })).rejects.toMatchObject({ code: 'XX001' })
    expect(await store.describe('main')).toMatchObject({ available: 100 })
    expect(await store.grant({ id: 'g', budget: 'main', amount: 5 })).toEqual({ kind: 'moved', remaining: 105 })
  })
})

describe('a connection that pipelines', () => {
  test('is sent a step in two parts: what is read behind its lock, and the COMMIT behind what is written', async () => {
    const parts: string[][] = []
    const { pool: counted } = watched(undefined, true)
    const schema = newSchema()
    const store = await PostgresBudgetEnforcer.open({
      schema,
      // Whose time stands still: what is old is forgotten once a second, in a step of more parts.
      clock: { now: () => 1_700_000_000_000 },
      pool: {
        async connect() {
          const client = await counted.connect()
          let waiting = 0
          const query: PostgresClient['query'] = async (statement) => {
            if (waiting++ === 0) parts.push([])
            parts.at(-1)?.push((statement.name ?? statement.text).replace(`mcp-budget ${schema} `, ''))
            return await client.query(statement).finally(() => waiting--)
          }
          return { ...client, query }
        },
      },
    })
    await store.initialize('main', 100)
    parts.length = 0
    await store.spend({ chargeId: 's', budget: 'main', tool: 't', cost: 1 })
    const kinds = parts.map((part) => part.map((each) => each.split(/[ ;]/)[0]))
    expect(kinds).toEqual([
      ['BEGIN', 'lock', 'read'],
      ['write', 'COMMIT'],
    ])
  })
})

describe('a connection that is lost', () => {
  test('before its records of calls were committed has them written once, also where others took their numbers [R1, L-P27]', async () => {
    const schema = newSchema()
    const other = await PostgresBudgetEnforcer.open({ pool, schema })
    let meanwhile: unknown
    const { fate, arm } = once(/^COMMIT$/, 'before')
    const { pool: lossy } = watched((statement) => {
      const end = fate(statement)
      if (end !== undefined) meanwhile = other.ledger.append([callRecord({ chargeId: 'other' })])
      return end
    })
    const store = await PostgresBudgetEnforcer.open({ pool: lossy, schema })
    arm()
    await store.ledger.append([callRecord({ chargeId: 'own' })])
    await meanwhile
    const calls = await store.ledger.entries({ kind: 'call' })
    expect(calls.map((each) => 'chargeId' in each && each.chargeId)).toEqual(['other', 'own'])
  })

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
  test.each([0, 1, 2, 3])(
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
  test.each(WAYS)('is waited for so long by connections %s, and is then a fault', async (_, pipeline) => {
    const schema = newSchema()
    const store = await PostgresBudgetEnforcer.open({ pool: pools[pipeline ? 1 : 0], schema, lockTimeoutMs: 50 })
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
  test('is written in another way as the name of a tool, and as an id fails its own request alone [T38]', async () => {
    const store = await openStore(pool)
    await store.initialize('main', 100)
    const lines = [{ budget: 'main', amount: 1 }]
    const hold = (id: string, tool: string) =>
      store.hold({ id, lines, ttlMs: 60_000, onExpire: 'release', meta: { tool } })
    const answers = await Promise.allSettled([hold('a', 't'), hold('b', 'a\0b'), hold('c\0', 't'), hold('d', 't')])
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled'])
    expect(answers[2]).toMatchObject({ reason: { code: 'invalid_request' } })
    expect(await store.describe('main')).toMatchObject({ held: 3 })
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
