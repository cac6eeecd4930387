import type { BudgetId } from '../budget/budget-id.js'
import type { MaybePromise } from '../core/maybe-promise.js'
import type { BudgetEnforcer, DelegatingEnforcer, HoldingEnforcer } from '../budget/enforcer.js'
import type { LeasingEnforcer } from '../budget/lease.js'

type Verbs = DelegatingEnforcer & LeasingEnforcer

/** A method of a store: of {@link DelegatingEnforcer}, or of {@link LeasingEnforcer}. */
export type Verb = keyof Verbs

type Args<V extends Verb> = Parameters<Verbs[V]>
type Answer<V extends Verb> = Awaited<ReturnType<Verbs[V]>>

/** The budgets that a request names and expects to be there. */
const NAMED: { readonly [V in Verb]: (...args: Args<V>) => readonly BudgetId[] } = {
  check: (budget) => [budget],
  spend: ({ budget }) => [budget],
  remaining: (budget) => [budget],
  initialize: () => [],
  hold: ({ lines }) => lines.map(({ budget }) => budget),
  capture: ({ lines }) => (lines ?? []).map(({ budget }) => budget),
  release: () => [],
  extend: () => [],
  grant: ({ budget }) => [budget],
  transfer: ({ from, to, create }) => (create ? [from] : [from, to]),
  close: ({ budget }) => [budget],
  describe: (budget) => [budget],
  revoke: ({ budget }) => [budget],
  lease: ({ budget }) => [budget],
  renew: () => [],
  settle: () => [],
  reconcile: () => [],
}

/** Every method of a store; the compiler keeps the list whole. */
export const VERBS = Object.keys(NAMED) as readonly Verb[]

/** The budgets that the call of a verb expects to be there. */
export function budgetsNamed<V extends Verb>(verb: V, args: Args<V>): readonly BudgetId[] {
  return NAMED[verb](...args)
}

/** One call of an enforcer: which verb, and what it was given. */
export type EnforcerCall = { [V in Verb]: { readonly verb: V; readonly args: Args<V> } }[Verb]

type Optional = Exclude<Verb, keyof HoldingEnforcer>

/** An enforcer whose every verb answers with a value; one that judges no tokens has no `revoke`, and one that does not lease none of the verbs of leases. */
export type SyncEnforcer = { [V in keyof HoldingEnforcer]: (...args: Args<V>) => Answer<V> } & {
  [V in Optional]?: (...args: Args<V>) => Answer<V>
}

/** An enforcer whose every verb answers with a promise; what it may lack is as in {@link SyncEnforcer}. */
export type AsyncEnforcer = { [V in keyof HoldingEnforcer]: (...args: Args<V>) => Promise<Answer<V>> } & {
  [V in Optional]?: (...args: Args<V>) => Promise<Answer<V>>
}

/** What runs in place of a verb: `run` does what the enforcer would do. */
export type Interceptor = (call: EnforcerCall, run: () => MaybePromise<unknown>) => unknown

/** An enforcer with the verbs of `inner`, each call of which goes through `around`. */
export function intercept(inner: HoldingEnforcer, around: Interceptor): HoldingEnforcer
export function intercept(inner: BudgetEnforcer, around: Interceptor): BudgetEnforcer
export function intercept(inner: BudgetEnforcer, around: Interceptor): BudgetEnforcer {
  const methods = inner as unknown as Record<Verb, (...args: unknown[]) => unknown>
  const verbs = VERBS.filter((verb) => typeof methods[verb] === 'function').map((verb) => {
    const intercepted = (...args: unknown[]): unknown =>
      around({ verb, args } as unknown as EnforcerCall, () => methods[verb](...args))
    return [verb, intercepted] as const
  })
  return Object.fromEntries(verbs) as unknown as BudgetEnforcer
}
