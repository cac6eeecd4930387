import { assertKeys, integer } from '../../core/settings.js'
import { Deadlines } from './deadlines.js'
import { systemClock, type Clock } from '../../core/clock.js'
import { TaskEngine } from '../engine/task-engine.js'
import type { TaskRecords } from '../engine/task-records.js'

/** Settings of {@link InMemoryTaskStore}. */
export interface InMemoryTaskStoreOptions {
  /** Where time comes from; the machine's clock by default. */
  readonly clock?: Clock
  /** How many tasks are kept, 100,000 by default. When there is no room for another, the oldest that ended goes. */
  readonly maxTasks?: number
}

/**
 * Tasks and attempts in this process's memory. Every verb answers at once, with a value. When the process ends they are
 * forgotten: holds end by themselves, and the next attempt is a first one.
 *
 * @example
 * ```ts
 * const tasks = new InMemoryTaskStore()
 * compose(withCostProfile({ defaultCost: 5 }), withTaskTracking({ tasks }), withBudget({ enforcer, budget: 'agent-1' }))
 * ```
 */
export class InMemoryTaskStore extends TaskEngine {
  /** @throws BudgetError `invalid_config` */
  constructor(options: InMemoryTaskStoreOptions = {}) {
    assertKeys(options, ['clock', 'maxTasks'], 'options')
    const { clock = systemClock } = options
    const maxTasks = integer(options.maxTasks, { least: 1, most: 10_000_000, otherwise: 100_000 }, 'maxTasks')
    const records: TaskRecords = {
      byName: new Map(),
      ended: new Set(),
      deadlines: new Deadlines(clock.now()),
      keys: new Map(),
      counts: new Map(),
      failures: new Map(),
      elsewhere: { tasks: 0, ended: 0, failures: 0 },
    }
    super(records, { clock, maxTasks })
  }
}
