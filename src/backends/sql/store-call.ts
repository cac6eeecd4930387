import type { DelegatingEnforcer } from '../../budget/enforcer.js'
import type { Ledger, LedgerQuery } from '../../ledger/ledger.js'

type Args<Verb extends keyof DelegatingEnforcer> = Parameters<DelegatingEnforcer[Verb]>

/** One request for the engine: which verb, and what it was given. */
export type EngineCall = {
  [Verb in keyof DelegatingEnforcer]: { readonly verb: Verb; readonly args: Args<Verb> }
}[keyof DelegatingEnforcer]

/** One request for the ledger. */
export type LedgerCall =
  | { readonly verb: 'append'; readonly args: Parameters<Ledger['append']> }
  | { readonly verb: 'entries'; readonly args: readonly [query: LedgerQuery] }

/** One request to a store. */
export type StoreCall = EngineCall | LedgerCall
