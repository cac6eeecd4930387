import type { Credits } from '../core/credits.js'
import type { ChargeId } from '../core/ids.js'
import type { MaybePromise } from '../core/maybe-promise.js'

/** How much of which leases may have been used: what outlives a process, so that the next gives back the rest. */
export interface LeaseJournal {
  /** The leases of the process before, and how much of each may have been used. */
  readonly before: ReadonlyMap<ChargeId, Credits>
  /**
   * Notes that so much of a lease may be used from now on. When the answer is there it outlives this process. Where it
   * throws or rejects no call fails: that much is not used, and it is asked again later.
   */
  claim(leaseId: ChargeId, upTo: Credits): MaybePromise<void>
  /** Nothing is to be given back of it any more. Where it throws or rejects no call fails. */
  forget(leaseId: ChargeId): MaybePromise<void>
  /** Ends it, when all that was noted is kept: then another process may use it. */
  close(): MaybePromise<void>
}

/** Nothing outlives the process. */
export const NO_JOURNAL: LeaseJournal = { before: new Map(), claim() {}, forget() {}, close() {} }
