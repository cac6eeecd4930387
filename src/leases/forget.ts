import { isPromise, type MaybePromise } from '../core/maybe-promise.js'
import type { ChargeId } from '../core/ids.js'
import type { LeaseJournal } from './journal.js'

/** Has the journal forget a lease. One that cannot fails nobody: its lease is given back once more, which changes nothing. */
export function forget(journal: LeaseJournal, leaseId: ChargeId): void {
  try {
    const done: MaybePromise<void> = journal.forget(leaseId)
    if (isPromise(done)) done.then(undefined, () => {})
  } catch {
    // As above.
  }
}
