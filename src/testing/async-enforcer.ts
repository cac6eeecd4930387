import { intercept, type AsyncEnforcer, type EnforcerCall } from './verbs.js'
import type { HoldingEnforcer } from '../budget/enforcer.js'

/** Settings of {@link asyncEnforcer}. */
export interface AsyncEnforcerOptions {
  /** Waited for before the store acts, as for a request on its way. */
  readonly before?: (call: EnforcerCall) => PromiseLike<unknown> | undefined
  /** Waited for before the answer is given, as for an answer on its way. */
  readonly after?: (call: EnforcerCall) => PromiseLike<unknown> | undefined
}

/**
 * The same enforcer with every answer a promise, as a store on the network gives it. A throw becomes a rejection.
 *
 * @example
 * ```ts
 * const enforcer = asyncEnforcer(new InMemoryBudgetEnforcer())
 * await enforcer.initialize('agent-1', 1_000)
 * ```
 */
export function asyncEnforcer(inner: HoldingEnforcer, options: AsyncEnforcerOptions = {}): AsyncEnforcer {
  return intercept(inner, async (call, run) => {
    await options.before?.(call)
    const answer = await run()
    await options.after?.(call)
    return answer
  }) as AsyncEnforcer
}
