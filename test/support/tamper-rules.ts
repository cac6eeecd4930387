import { expect } from 'vitest'
import { FakeClock } from '../../src/testing/index.js'
import { key, keys } from './audited.js'
import {
  generateKeys,
  LedgerSealer,
  signingKey,
  verifyLedger,
  type Checkpoint,
  type ChainKind,
  type Verification,
  type VerifyOptions,
} from 'mcp-budget/audit'
import { mintChargeId } from '../../src/core/ids.js'
import { signCheckpoint } from '../../src/audit/checkpoint.js'
import { callRecord } from './array-ledger.js'
import type { SqlBudgetEnforcer } from '../../src/backends/sql/sql-budget-enforcer.js'

/** A database that a test may do with what it likes. */
export interface TamperPlace {
  open(clock: FakeClock): Promise<SqlBudgetEnforcer>
  /** A statement; names of tables are written as `:entries`. */
  sql(text: string): Promise<unknown>
}

const TABLES = ['partitions', 'budgets', 'holds', 'answers', 'entries', 'calls', 'call_budgets', 'seals']
const TABLE = { money: ':entries', call: ':calls' } as const

/**
 * A ledger of 13 calls by tokens: money 25 and calls 12 are the last that are sealed. Checkpoints cover money 11 and 21,
 * and calls 5 and 10; money 26 and 27 and call 13 are not sealed.
 */
export async function tamperable(place: TamperPlace) {
  const clock = new FakeClock()
  const store = await place.open(clock)
  const checkpoints: Checkpoint[] = []
  const { ledger, seals } = store
  const sinks = [(checkpoint: Checkpoint): void => void checkpoints.push(checkpoint)]
  const seal = (options = {}): LedgerSealer =>
    new LedgerSealer({ ledger, seals, clock, batch: 4, ...options, checkpoints: { store: 's', key, sinks } })
  const sealer = seal()
  await store.initialize('a', 1_000)
  const spend = async (calls: number): Promise<void> => {
    for (let i = 0; i < calls; i++) {
      const id = mintChargeId(clock.now())
      await store.hold({
        id,
        lines: [{ budget: 'a', amount: 5 }],
        ttlMs: 60_000,
        onExpire: 'capture',
        meta: { tool: 'search' },
      })
      await store.capture({ id: `${id}:end`, holdId: id, amount: 5, overage: 'cap' })
      await ledger.append([callRecord({ chargeId: id, at: clock.now(), tokenId: 't'.repeat(43) })])
      clock.advance(1)
    }
  }
  await spend(5)
  await sealer.checkpoint()
  await snapshot(place)
  await spend(5)
  await sealer.checkpoint()
  await spend(2)
  await sealer.seal()
  await spend(1)
  const verify = (more: Partial<VerifyOptions> = {}): Promise<Verification> =>
    verifyLedger({ ledger, seals, checkpoints, keys, balances: store, ...more })
  return { ...place, clock, store, checkpoints, spend, verify, seal }
}

type Place = Awaited<ReturnType<typeof tamperable>>

async function snapshot({ sql }: TamperPlace): Promise<void> {
  for (const table of TABLES) await sql(`CREATE TABLE :old_${table} AS SELECT * FROM :${table}`)
}

async function restore({ sql }: TamperPlace): Promise<void> {
  for (const table of TABLES) {
    await sql(`DELETE FROM :${table}`)
    await sql(`INSERT INTO :${table} SELECT * FROM :old_${table}`)
  }
}

async function shift({ sql }: TamperPlace, kind: ChainKind, from: number, by: number): Promise<void> {
  // Far away and back, so that no two have one number meanwhile.
  await sql(`UPDATE ${TABLE[kind]} SET "seq" = "seq" + 1000000 WHERE "seq" >= ${from}`)
  await sql(`UPDATE ${TABLE[kind]} SET "seq" = "seq" - 1000000 + ${by} WHERE "seq" >= 1000000`)
}

async function swap({ sql }: TamperPlace, kind: ChainKind, a: number, b: number): Promise<void> {
  for (const [from, to] of [
    [a, 0],
    [b, a],
    [0, b],
  ] as const)
    await sql(`UPDATE ${TABLE[kind]} SET "seq" = ${to} WHERE "seq" = ${from}`)
}

const MONEY = [
  'at',
  'op',
  'budget',
  'id',
  'tool',
  'counter',
  'available',
  'held',
  'spent',
  'debt',
  'in',
  'out',
  'burned',
]
const CALL = [
  ...['charge_id', 'at', 'tool', 'token_id', 'task_id', 'operation_id', 'payer', 'server', 'outcome', 'proves'],
  ...['calls', 'charged', 'reported', 'body'],
]

async function insert(place: TamperPlace, kind: ChainKind, seq: number): Promise<void> {
  await shift(place, kind, seq, 1)
  const columns = (kind === 'money' ? MONEY : CALL).map((name) => `"${name}"`).join(', ')
  const table = TABLE[kind]
  await place.sql(
    `INSERT INTO ${table} ("partition", "seq", ${columns}) SELECT "partition", ${seq}, ${columns} FROM ${table} WHERE "seq" = ${seq - 1}`,
  )
}

/** What somebody does who can write the database, and what is found. */
interface Tampering {
  readonly name: string
  readonly tamper: (place: Place) => Promise<unknown>
  readonly found: object
  readonly options?: (place: Place) => Partial<VerifyOptions>
}

const money = (seq: number, why: string) => ({ kind: 'broken', partition: 'default', record: 'money', seq, why })
const call = (seq: number, why: string) => ({ kind: 'broken', partition: 'default', record: 'call', seq, why })
const other = signingKey(generateKeys().privatePem)

export const TAMPERINGS: readonly Tampering[] = [
  {
    name: 'nothing: what is not sealed is told [T40]',
    tamper: async () => {},
    found: {
      kind: 'ok',
      unsealed: 3,
      checkpoints: 4,
      chains: [
        { partition: 'default', record: 'money', last: 27, sealed: 25, checkpoint: 21 },
        { partition: 'default', record: 'call', last: 13, sealed: 12, checkpoint: 10 },
      ],
    },
  },
  {
    name: 'an amount of money [T40]',
    tamper: ({ sql }) => sql(`UPDATE :entries SET "available" = -4, "spent" = 4 WHERE "seq" = 7`),
    found: money(7, 'changed'),
  },
  {
    name: 'a tool of money [T40]',
    tamper: ({ sql }) => sql(`UPDATE :entries SET "tool" = 'other' WHERE "seq" = 6`),
    found: money(6, 'changed'),
  },
  {
    name: 'a budget of money [T40]',
    tamper: ({ sql }) => sql(`UPDATE :entries SET "budget" = 'default/b' WHERE "seq" = 6`),
    found: money(6, 'changed'),
  },
  {
    name: 'the tool of a call [T40]',
    tamper: ({ sql }) =>
      sql(`UPDATE :calls SET "tool" = 'other', "body" = replace("body", 'search', 'other') WHERE "seq" = 3`),
    found: call(3, 'changed'),
  },
  {
    name: 'the token of a call [T40]',
    tamper: ({ sql }) =>
      sql(
        `UPDATE :calls SET "token_id" = replace("token_id", 't', 'u'), "body" = replace("body", 'ttt', 'uuu') WHERE "seq" = 3`,
      ),
    found: call(3, 'changed'),
  },
  {
    name: 'the token of a call, where only queries look [T40]',
    tamper: ({ sql }) => sql(`UPDATE :calls SET "token_id" = 'u' WHERE "seq" = 3`),
    found: call(3, 'changed'),
  },
  {
    name: 'the charge of a call, where only sums look [T40]',
    tamper: ({ sql }) => sql(`UPDATE :calls SET "charged" = 0 WHERE "seq" = 12`),
    found: call(12, 'changed'),
  },
  {
    name: 'the budgets of a call away, where only queries look [T40]',
    tamper: ({ sql }) => sql(`DELETE FROM :call_budgets WHERE "seq" = 3`),
    found: call(3, 'changed'),
  },
  {
    name: 'the budgets of a call to another, where only queries look [T40]',
    tamper: ({ sql }) => sql(`UPDATE :call_budgets SET "budget" = 'default/b' WHERE "seq" = 13`),
    found: call(13, 'changed'),
  },
  {
    name: 'a tool of money into the same in another form, which no query finds [T40]',
    tamper: ({ sql }) => sql(`UPDATE :entries SET "tool" = '\uFFFF"search"' WHERE "seq" = 6`),
    found: money(6, 'changed'),
  },
  {
    name: 'the tool of a call whose name no column can hold, where only queries look [T40]',
    tamper: async ({ sql, store, clock, seal }) => {
      await store.ledger.append([callRecord({ tool: 'a\0b \uD83D', at: clock.now() })])
      await seal().seal()
      expect(await verifyLedger({ ledger: store.ledger, seals: store.seals })).toMatchObject({ kind: 'ok' })
      await sql(`UPDATE :calls SET "tool" = 'search' WHERE "seq" = 14`)
    },
    found: call(14, 'changed'),
  },
  {
    name: 'a number into the record of a call, which the hash does not see [T40]',
    tamper: ({ sql }) =>
      sql(`UPDATE :calls SET "body" = substr("body", 1, length("body") - 1) || ',"seq":9}' WHERE "seq" = 7`),
    found: call(7, 'order'),
  },
  {
    name: 'a budget away that owes, and has nothing else [T40]',
    tamper: async ({ sql, store }) => {
      await store.initialize('poor', 3)
      await store.hold({ id: 'p', lines: [{ budget: 'poor', amount: 3 }], ttlMs: 1_000, onExpire: 'capture' })
      await store.capture({ id: 'p:end', holdId: 'p', amount: 10, overage: 'debt' })
      await sql(`DELETE FROM :budgets WHERE "id" = 'default/poor'`)
    },
    found: { kind: 'equation', why: 'balance', budget: 'default/poor', got: 0 },
  },
  {
    name: 'a call into what cannot be read [T40]',
    tamper: ({ sql }) => sql(`UPDATE :calls SET "body" = 'x' WHERE "seq" = 4`),
    found: call(4, 'changed'),
  },
  {
    name: 'an entry away [T40]',
    tamper: ({ sql }) => sql(`DELETE FROM :entries WHERE "seq" = 7`),
    found: money(7, 'missing'),
  },
  {
    name: 'a call away [T40]',
    tamper: ({ sql }) => sql(`DELETE FROM :calls WHERE "seq" = 7`),
    found: call(7, 'missing'),
  },
  {
    name: 'an entry away, and the others closer [T40]',
    tamper: async (place) => {
      await place.sql(`DELETE FROM :entries WHERE "seq" = 7`)
      await shift(place, 'money', 7, -1)
    },
    found: money(7, 'changed'),
  },
  { name: 'two entries around [T40]', tamper: (place) => swap(place, 'money', 8, 9), found: money(8, 'changed') },
  { name: 'two calls around [T40]', tamper: (place) => swap(place, 'call', 8, 9), found: call(8, 'changed') },
  { name: 'an entry in between [T40]', tamper: (place) => insert(place, 'money', 8), found: money(8, 'changed') },
  { name: 'a call in between [T40]', tamper: (place) => insert(place, 'call', 8), found: call(8, 'changed') },
  {
    name: 'the last entries away [T40]',
    tamper: ({ sql }) => sql(`DELETE FROM :entries WHERE "seq" > 15`),
    found: { kind: 'truncated', record: 'money', last: 15, expected: 21, by: 'checkpoint' },
  },
  {
    name: 'the last entries away, without checkpoints [T40]',
    tamper: ({ sql }) => sql(`DELETE FROM :entries WHERE "seq" > 22`),
    found: { kind: 'truncated', record: 'money', last: 22, expected: 25, by: 'seal' },
    options: () => ({ checkpoints: [] }),
  },
  {
    name: 'the last calls away [T40]',
    tamper: ({ sql }) => sql(`DELETE FROM :calls WHERE "seq" > 11`),
    found: { kind: 'truncated', record: 'call', last: 11, expected: 12, by: 'seal' },
  },
  {
    name: 'the last entries and seals away [T40]',
    tamper: async ({ sql }) => {
      await sql(`DELETE FROM :entries WHERE "seq" > 11`)
      await sql(`DELETE FROM :seals WHERE "seq" > 11`)
    },
    found: { kind: 'truncated', record: 'money', last: 11, expected: 21, by: 'checkpoint' },
  },
  {
    name: 'entries away that are not sealed yet [T40]',
    tamper: ({ sql }) => sql(`DELETE FROM :entries WHERE "seq" > 25`),
    found: { kind: 'truncated', record: 'money', last: 25, expected: 27, by: 'store' },
  },
  {
    name: 'entries away that are not sealed yet, and the count of them [T40]',
    tamper: async ({ sql }) => {
      await sql(`DELETE FROM :entries WHERE "seq" > 25`)
      await sql(`UPDATE :partitions SET "seq" = 25`)
    },
    found: { kind: 'equation', why: 'balance', seq: 25, budget: 'default/a' },
  },
  {
    name: 'a whole partition away [T40]',
    tamper: async ({ sql }) => {
      for (const table of ['entries', 'calls', 'partitions', 'seals']) await sql(`DELETE FROM :${table}`)
    },
    found: { kind: 'truncated', record: 'money', last: 0, expected: 21, by: 'checkpoint' },
  },
  {
    name: 'the row that says that there is a partition [T40]',
    tamper: async ({ sql }) => {
      await sql(`DELETE FROM :partitions`)
      await sql(`UPDATE :entries SET "tool" = 'other' WHERE "seq" = 6`)
    },
    found: money(6, 'changed'),
    options: () => ({ checkpoints: [] }),
  },
  {
    name: 'seals away [T40]',
    tamper: ({ sql }) => sql(`DELETE FROM :seals WHERE "seq" < 9`),
    found: money(1, 'unsealed'),
  },
  {
    name: 'a seal [T40]',
    tamper: ({ sql }) => sql(`UPDATE :seals SET "hash" = "marks" WHERE "seq" = 8 AND "kind" = 'money'`),
    found: money(8, 'changed'),
  },
  {
    name: 'all that follows, and seals it again [T40]',
    tamper: rewritten,
    found: { ...money(21, 'rewritten'), after: 11 },
  },
  {
    name: 'all that follows, and seals it again, which needs checkpoints to be found',
    tamper: rewritten,
    found: { kind: 'ok' },
    options: () => ({ checkpoints: [] }),
  },
  {
    name: 'a checkpoint [T40]',
    tamper: async () => {},
    found: { kind: 'checkpoint', line: 3, why: 'signature', seq: 20 },
    options: ({ checkpoints }) => ({ checkpoints: checkpoints.with(2, { ...checkpoints[2]!, seq: 20 }) }),
  },
  {
    name: 'a checkpoint away [T40]',
    tamper: async () => {},
    found: { kind: 'checkpoint', line: 2, why: 'previous', record: 'money', seq: 21 },
    options: ({ checkpoints }) => ({ checkpoints: checkpoints.slice(1) }),
  },
  {
    name: 'checkpoints around [T40]',
    tamper: async () => {},
    found: { kind: 'checkpoint', line: 1, why: 'previous' },
    options: ({ checkpoints }) => ({ checkpoints: checkpoints.toReversed() }),
  },
  {
    name: 'a checkpoint, signed with another key [T40]',
    tamper: async () => {},
    found: { kind: 'checkpoint', line: 3, why: 'unknown_key' },
    options: ({ checkpoints }) => ({
      checkpoints: checkpoints.with(2, signCheckpoint(bodyOf(checkpoints[2]!), other)),
    }),
  },
  {
    name: 'a checkpoint, signed with another key under the name of ours [T40]',
    tamper: async () => {},
    found: { kind: 'checkpoint', line: 3, why: 'signature' },
    options: ({ checkpoints }) => ({
      checkpoints: checkpoints.with(2, signCheckpoint(bodyOf(checkpoints[2]!), { ...other, id: key.id })),
    }),
  },
  {
    name: 'a field more into a checkpoint [T40]',
    tamper: async () => {},
    found: { kind: 'checkpoint', line: 1, why: 'format' },
    options: ({ checkpoints }) => ({ checkpoints: checkpoints.map((each) => ({ ...each, more: 1 })) }),
  },
  {
    name: 'checkpoints for those of another store [T40]',
    tamper: async () => {},
    found: { kind: 'checkpoint', line: 1, why: 'store' },
    options: () => ({ store: 'other' }),
  },
  {
    name: 'a balance [T40]',
    tamper: ({ sql }) => sql(`UPDATE :budgets SET "available" = "available" + 100, "in" = "in" + 100`),
    found: { kind: 'equation', why: 'balance', budget: 'default/a', column: 'available', expected: 935, got: 1_035 },
  },
  {
    name: 'the database to an older copy [T40]',
    tamper: restore,
    found: { kind: 'truncated', record: 'money', last: 11, expected: 21, by: 'checkpoint' },
  },
  {
    name: 'the database to an older copy, and goes on [T40]',
    tamper: async (place) => {
      await restore(place)
      await place.spend(6)
      await place.seal().seal()
    },
    found: { ...money(21, 'rewritten'), after: 11 },
  },
]

function bodyOf({ v: _v, key: _key, signature: _signature, ...body }: Checkpoint) {
  return body
}

async function rewritten({ sql, seal }: Place): Promise<void> {
  await sql(`UPDATE :entries SET "tool" = 'other' WHERE "seq" = 18`)
  await sql(`DELETE FROM :seals WHERE "kind" = 'money' AND "seq" > 11`)
  await seal().seal()
}

/** Does it, and looks what is found. */
export async function tamper(place: TamperPlace, { tamper: doIt, found, options }: Tampering): Promise<void> {
  const made = await tamperable(place)
  expect(await made.verify()).toMatchObject({ kind: 'ok', balances: true })
  await doIt(made)
  expect(await made.verify(options?.(made))).toMatchObject(found)
  await made.store.shutdown()
}
