import { afterAll, inject } from 'vitest'
import { Redis } from 'ioredis'
import { InMemoryBudgetEnforcer, MemoryLedger } from '../../../src/index.js'
import { ioredisPort, RedisBudgetEnforcer } from '../../../src/backends/redis/index.js'
import { newSchema, poolOf } from '../../support/servers/postgres-store.js'
import { PostgresBudgetEnforcer } from '../../../src/backends/postgres/index.js'
import { SqliteBudgetEnforcer } from '../../../src/backends/sqlite/index.js'
import type { BudgetView, DelegatingEnforcer } from '../../../src/budget/enforcer.js'
import type { Clock } from '../../../src/core/clock.js'
import type { MoneyEntry } from '../../../src/ledger/entry.js'

/** A store whose budgets are empty, and its books. */
export interface OpenStore {
  readonly store: DelegatingEnforcer
  entries(): Promise<readonly MoneyEntry[]>
  end(): Promise<void>
}

/** One of our stores. */
export interface StoreKind {
  readonly name: string
  open(clock: Clock): Promise<OpenStore>
}

let count = 0

/** All stores of ours, the one in memory first. What they need ends with the tests of the file. */
export function allStores(): readonly StoreKind[] {
  const redis = new Redis(inject('redisUrl'))
  const pool = poolOf(inject('postgresUrl'), 2)
  const schema = newSchema()
  afterAll(async () => {
    redis.disconnect()
    await pool.end()
  })
  return [
    {
      name: 'memory',
      async open(clock) {
        const ledger = new MemoryLedger()
        const entries = async () => moneyOf(ledger.entries())
        return { store: new InMemoryBudgetEnforcer({ clock, ledger }), entries, end: async () => {} }
      },
    },
    {
      name: 'SQLite',
      async open(clock) {
        const store = await SqliteBudgetEnforcer.open({ database: ':memory:', clock })
        return { store, entries: async () => moneyOf(await store.ledger.entries()), end: () => store.shutdown() }
      },
    },
    {
      name: 'PostgreSQL',
      async open(clock) {
        const store = await PostgresBudgetEnforcer.open({ pool, schema, clock })
        const tables = 'partitions, budgets, prefixes, holds, answers, counters, counts, bans, entries, calls'
        // One schema for all: to make one takes longer than a history.
        await pool.query(`TRUNCATE ${tables.replace(/\w+/g, (table) => `${schema}.${table}`)}`)
        return { store, entries: async () => moneyOf(await store.ledger.entries()), end: async () => {} }
      },
    },
    {
      name: 'Redis',
      async open(clock) {
        const prefix = `test:all-${process.pid}-${Date.now().toString(36)}-${++count}:`
        const store = new RedisBudgetEnforcer({ redis: ioredisPort(redis), prefix, clock, maxEntries: 20 })
        return { store, entries: async () => moneyOf(await store.ledger.entries()), end: async () => {} }
      },
    },
  ]
}

function moneyOf(records: readonly object[]): readonly MoneyEntry[] {
  return records.filter((record): record is MoneyEntry => 'op' in record)
}

/** What a store says to one request: its answer, or the code of what it throws; `fault` for another error. */
export async function answerOf(store: DelegatingEnforcer, verb: string, args: readonly unknown[]): Promise<unknown> {
  try {
    const ask = store[verb as keyof DelegatingEnforcer] as (...args: unknown[]) => unknown
    return inNameOrder(await Reflect.apply(ask, store, args))
  } catch (error) {
    return { throws: (error as { readonly code?: unknown }).code ?? 'fault' }
  }
}

// In which order a store tells the children of a budget is its own business.
function inNameOrder(answer: unknown): unknown {
  const { children } = (answer ?? {}) as Partial<BudgetView>
  return children === undefined ? answer : { ...(answer as BudgetView), children: children.toSorted() }
}
