import type { DelegatingEnforcer } from '../../budget/enforcer.js'

type Args<Verb extends keyof DelegatingEnforcer> = Parameters<DelegatingEnforcer[Verb]>

/** One request to a store: which verb, and what it was given. */
export type StoreCall = {
  [Verb in keyof DelegatingEnforcer]: { readonly verb: Verb; readonly args: Args<Verb> }
}[keyof DelegatingEnforcer]
