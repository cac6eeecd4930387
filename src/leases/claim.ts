import { isPromise } from '../core/maybe-promise.js'
import { NO_JOURNAL, type LeaseJournal } from './journal.js'
import type { Slice } from './slice.js'

/** Has the journal note that more of a lease may be used; where nothing outlives the process, all of it may. */
export function claim(journal: LeaseJournal, slice: Slice): void {
  const { amount, claimed, limit } = slice
  if (journal === NO_JOURNAL) return void (slice.limit = slice.claimed = amount)
  // So never more than half a lease is claimed and not used.
  const upTo = Math.min(amount, claimed + Math.ceil(amount / (claimed === 0 ? 2 : 4)))
  if (claimed > limit || upTo === claimed) return
  slice.claimed = upTo
  const isNoted = (): void => void (slice.limit = upTo)
  // What cannot be noted is not used: it comes back when the lease ends.
  const isLost = (): void => void (slice.claimed = slice.limit)
  try {
    const noted = journal.claim(slice.leaseId, upTo)
    if (isPromise(noted)) noted.then(isNoted, isLost)
    else isNoted()
  } catch {
    isLost()
  }
}
