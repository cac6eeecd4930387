import { Redis, type RedisOptions } from 'ioredis'
import { inject } from 'vitest'
import { ioredisPort, RedisBudgetEnforcer, type RedisBudgetEnforcerOptions } from '../../../src/backends/redis/index.js'
import type { Books } from '../../support/kills/books.js'
import type { MoneyEntry } from '../../../src/ledger/entry.js'

let count = 0

/** A prefix of keys that no other test uses. */
export function freshPrefix(): string {
  return `test:${process.pid}-${Date.now().toString(36)}-${++count}:`
}

/** A client that a test must end with `disconnect`. */
export function newClient(
  url = inject('redisUrl'),
  options: Pick<RedisOptions, 'enableReadyCheck' | 'retryStrategy'> = {},
): Redis {
  return new Redis(url, { maxRetriesPerRequest: 1, ...options })
}

/** A store on keys of its own. */
export function newStore(client: Redis, options: Partial<RedisBudgetEnforcerOptions> = {}): RedisBudgetEnforcer {
  return new RedisBudgetEnforcer({ redis: ioredisPort(client), prefix: freshPrefix(), ...options })
}

/** All money entries of a store: openings too, where some are folded. */
export async function allEntries(store: RedisBudgetEnforcer): Promise<readonly MoneyEntry[]> {
  return (await store.ledger.entries()).filter((record) => record.kind === 'money')
}

/** The books of a store that keeps all entries. A budget is alone in its partition. */
export function booksOf(store: RedisBudgetEnforcer): Books {
  return {
    initialize: (budget, credits) => store.initialize(budget, credits),
    describe: (budget) => store.describe(budget),
    entriesOf: async (budget) => (await store.ledger.entries({ kind: 'money', budget })) as readonly MoneyEntry[],
  }
}
