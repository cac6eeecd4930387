import { asyncEnforcer } from './async-enforcer.js'
import { BudgetError } from '../core/errors.js'
import { assertKeys, credits } from '../core/settings.js'
import { budgetsNamed, intercept, type AsyncEnforcer, type EnforcerCall, type SyncEnforcer } from './verbs.js'
import { InMemoryBudgetEnforcer } from '../backends/memory/in-memory-budget-enforcer.js'
import type { BudgetId } from '../budget/budget-id.js'
import type { Clock } from '../core/clock.js'
import type { Credits } from '../core/credits.js'

/** Settings of {@link fakeEnforcer}. */
export interface FakeEnforcerOptions {
  /** What every budget begins with that nobody initialised. */
  readonly remaining: Credits
  /** Answer with promises, as a store on the network does. */
  readonly async?: boolean
  /** Where time comes from; the machine's clock by default. */
  readonly clock?: Clock
}

/** What a {@link fakeEnforcer} was asked, in order. */
export interface Recorded {
  readonly calls: readonly EnforcerCall[]
}

/**
 * An enforcer for a test: any budget id is there, with `remaining` credits in it. The arithmetic is that of
 * `InMemoryBudgetEnforcer`, so what passes here is what a store does.
 *
 * @throws BudgetError `invalid_config`, `invalid_credits` for settings that make no sense
 * @example
 * ```ts
 * const enforcer = fakeEnforcer({ remaining: 10 })
 * const meter = compose(withCostProfile({ defaultCost: 7 }), withBudget({ enforcer, budget: 'anyone' }))
 * await meter.run({ tool: 'search' }, () => ({ content: [] }))
 * console.log(enforcer.remaining('anyone'), enforcer.calls.map((call) => call.verb))
 * ```
 */
export function fakeEnforcer(options: FakeEnforcerOptions & { readonly async: true }): AsyncEnforcer & Recorded
export function fakeEnforcer(options: FakeEnforcerOptions & { readonly async?: false }): SyncEnforcer & Recorded
export function fakeEnforcer(options: FakeEnforcerOptions): (SyncEnforcer | AsyncEnforcer) & Recorded {
  assertKeys(options, ['remaining', 'async', 'clock'], 'options')
  const { clock } = options
  const remaining = credits(options.remaining, 'remaining')
  const store = new InMemoryBudgetEnforcer(clock === undefined ? {} : { clock })
  const calls: EnforcerCall[] = []
  const fake = intercept(store, (call, run) => {
    calls.push(call)
    for (const budget of budgetsNamed(call.verb, call.args as never)) provide(budget)
    return run()
  }) as SyncEnforcer

  function provide(budget: BudgetId): void {
    try {
      store.describe(budget)
    } catch (error) {
      if (!BudgetError.isInstance(error) || error.code !== 'unknown_budget') throw error
      store.initialize(budget, remaining)
    }
  }

  return Object.assign(options.async === true ? asyncEnforcer(fake) : fake, { calls })
}
