import { andThen, type MaybePromise } from '../core/maybe-promise.js'
import type { LeasingEnforcer, SettleResult } from '../budget/lease.js'
import type { Slice } from './slice.js'

/**
 * Asks the store to end a lease. One that was asked for and never answered may yet be on its way: it is barred from
 * coming first, or else nobody would use it until it is forfeited. A lease that is there already is no hold for
 * `release`, and is settled.
 */
export function settle(store: LeasingEnforcer, { leaseId, used, isUnheard }: Slice): MaybePromise<SettleResult> {
  const end = (): MaybePromise<SettleResult> => store.settle({ id: `${leaseId}.s`, leaseId, used })
  return isUnheard ? andThen(store.release({ id: `${leaseId}.r`, holdId: leaseId }), end) : end()
}
