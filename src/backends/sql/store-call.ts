import type { DelegatingEnforcer } from '../../budget/enforcer.js'
import type { LeasingEnforcer } from '../../budget/lease.js'
import type { Ledger } from '../../ledger/ledger.js'
import type { CallPlace } from './written-before.js'
import type { TaskStore } from '../../tasks/task-store.js'

type Verbs = DelegatingEnforcer & LeasingEnforcer
type Args<Verb extends keyof Verbs> = Parameters<Verbs[Verb]>

/** One request for the engine: which verb, and what it was given. */
export type EngineCall = {
  [Verb in keyof Verbs]: { readonly verb: Verb; readonly args: Args<Verb> }
}[keyof Verbs]

/** One request for the ledger that writes. `places`: where the steps that were tried have put its first record. */
export interface LedgerCall {
  readonly verb: 'append'
  readonly args: Parameters<Ledger['append']>
  readonly places: CallPlace[]
}

/** One request for the tasks. */
export type TaskCall = {
  [Verb in keyof TaskStore]: { readonly verb: Verb; readonly args: Parameters<TaskStore[Verb]> }
}[keyof TaskStore]

/** One request about money. */
export type MoneyCall = EngineCall | LedgerCall

/** One request to a store. */
export type StoreCall = MoneyCall | TaskCall

const TASK_VERBS = ['begin', 'finish', 'bind', 'find', 'amend', 'end', 'due']

/** Whether a request is about tasks. */
export function isTaskCall(call: StoreCall): call is TaskCall {
  return TASK_VERBS.includes(call.verb)
}
