import { VERBS, type Verb } from '../../src/testing/verbs.js'
import type { DelegatingEnforcer } from '../../src/budget/enforcer.js'

/** A store that is being opened: its verbs wait until it is. */
export function lateStore(opening: Promise<DelegatingEnforcer>): DelegatingEnforcer {
  const verbs = VERBS.map((verb: Verb) => {
    const ask = async (...args: readonly unknown[]): Promise<unknown> => {
      const store = await opening
      return ((store as unknown as Record<Verb, unknown>)[verb] as (...given: readonly unknown[]) => unknown).apply(
        store,
        args as unknown[],
      )
    }
    return [verb, ask] as const
  })
  return Object.fromEntries(verbs) as unknown as DelegatingEnforcer
}
