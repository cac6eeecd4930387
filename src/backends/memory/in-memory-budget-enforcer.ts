import { assertKeys } from '../../core/settings.js'
import { Deadlines } from './deadlines.js'
import { Engine } from '../engine/engine.js'
import { MemoryHolds } from './memory-holds.js'
import { ReplayMemory } from './replay-memory.js'
import { systemClock, type Clock } from '../../core/clock.js'
import type { BudgetId } from '../../budget/budget-id.js'
import type { MoneySink } from '../engine/book.js'
import type { Records } from '../engine/records.js'

/** Settings of {@link InMemoryBudgetEnforcer}. */
export interface InMemoryBudgetEnforcerOptions {
  /** Where time comes from; the machine's clock by default. */
  readonly clock?: Clock
  /** Where money entries are written, in the same atomic step; nowhere by default. A `MemoryLedger` fits. */
  readonly ledger?: MoneySink
  /** What is judged in one atomic step: by default a budget's tenant. */
  readonly partition?: (budget: BudgetId) => string
}

/**
 * Budgets in this process's memory. Every verb answers at once, with a value, and is atomic because JavaScript runs it
 * whole. Not durable: when the process ends the budgets are gone, and calls are refused until somebody initialises
 * them. Expired holds end when anybody asks, without a timer; a million open holds cost none.
 *
 * @example
 * ```ts
 * const enforcer = new InMemoryBudgetEnforcer()
 * enforcer.initialize('agent-1', 1_000)
 * enforcer.describe('agent-1').available // 1000
 * ```
 */
export class InMemoryBudgetEnforcer extends Engine {
  constructor(options: InMemoryBudgetEnforcerOptions = {}) {
    assertKeys(options, ['ledger', 'partition', 'clock'], 'options')
    const { clock = systemClock, ledger, partition } = options
    const records: Records = {
      budgets: new Map(),
      closed: new ReplayMemory(),
      sequence: new Map(),
      deadlines: new Deadlines(clock.now()),
      holds: new MemoryHolds(),
      counters: new Map(),
      revocations: new Map(),
      spends: new ReplayMemory(),
      moves: new ReplayMemory(),
      closes: new ReplayMemory(),
      revokes: new ReplayMemory(),
    }
    super(records, { clock, ledger, partition })
  }
}
