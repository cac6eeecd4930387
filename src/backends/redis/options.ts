import { assertKeys, integer, misconfigured } from '../../core/settings.js'
import { tenantOf, type BudgetId } from '../../budget/budget-id.js'
import type { Clock } from '../../core/clock.js'
import type { RedisPort } from './redis-port.js'

/** Where a store is. */
export interface RedisPlace {
  /** The client, through `ioredisPort`, `nodeRedisPort`, `nodeRedisClusterPort` or a port of one's own. */
  readonly redis: RedisPort
  /** What all keys begin with; `mcp-budget:` by default. No braces. */
  readonly prefix?: string
  /**
   * For tests only: time is this clock's, in place of the server's. Refused unless `prefix` begins with `test:`, so that
   * nobody moves the time of real budgets.
   */
  readonly clock?: Pick<Clock, 'now'>
}

/** Settings of {@link RedisBudgetEnforcer}. */
export interface RedisBudgetEnforcerOptions extends RedisPlace {
  /**
   * What is judged in one atomic step, and lives in one hash slot: by default a budget's tenant. All processes must
   * agree on it.
   */
  readonly partition?: (budget: BudgetId) => string
  /**
   * How many money entries each partition keeps whole, the newest, and how many call records; 100,000 by default. Older
   * entries fold into one opening for each budget, older calls into counts. They fold in batches: up to 1/64 more are
   * kept, at most 1,024, and what was written in one step with them.
   */
  readonly maxEntries?: number
  /** How many ended holds and answers each partition remembers, at most ten minutes; 1,000,000 by default. */
  readonly remembered?: number
}

/** A place whose settings are all there. */
export interface Place {
  readonly redis: RedisPort
  readonly prefix: string
  readonly clock: Pick<Clock, 'now'> | undefined
}

/** The settings of {@link RedisBudgetEnforcer}, all there. */
export interface RedisSettings extends Place {
  readonly partition: (budget: BudgetId) => string
  readonly maxEntries: number
  readonly remembered: number
}

const KEYS = ['redis', 'prefix', 'partition', 'maxEntries', 'remembered', 'clock']

/** @throws BudgetError `invalid_config` */
export function readOptions(options: RedisBudgetEnforcerOptions): RedisSettings {
  assertKeys(options, KEYS, 'options')
  const { partition = tenantOf, maxEntries, remembered } = options
  return {
    ...readPlace(options),
    partition,
    maxEntries: integer(maxEntries, { least: 1, most: 100_000_000, otherwise: 100_000 }, 'maxEntries'),
    remembered: integer(remembered, { least: 1_000, most: 100_000_000, otherwise: 1_000_000 }, 'remembered'),
  }
}

/** @throws BudgetError `invalid_config` */
export function readPlace({ redis, prefix = 'mcp-budget:', clock }: RedisPlace): Place {
  if (typeof (redis as Partial<RedisPort> | undefined)?.send !== 'function')
    throw misconfigured('redis', 'a port, such as `ioredisPort(client)`', redis)
  if (typeof prefix !== 'string' || !/^[^{}]{0,128}$/.test(prefix))
    throw misconfigured('prefix', 'text of at most 128 characters without braces', prefix)
  if (clock !== undefined && !prefix.startsWith('test:'))
    throw misconfigured('clock', 'left out, but in tests, where `prefix` begins with `test:`', prefix)
  return { redis, prefix, clock }
}
