import { andThen } from '../core/maybe-promise.js'
import { forget } from './forget.js'
import { isUnreached, reach } from '../budget/reach.js'
import type { ChargeId } from '../core/ids.js'
import type { Credits } from '../core/credits.js'
import type { LeaseJournal } from './journal.js'
import type { LeaseSettings } from './options.js'

/**
 * The leases of a process that ended without giving them back: what cannot have been used comes back when their time is
 * up, and not before, for until then nobody knows that the process has ended.
 */
export class LeftOvers {
  readonly #settings: LeaseSettings
  readonly #journal: LeaseJournal
  readonly #left: Map<ChargeId, Credits>

  constructor(settings: LeaseSettings, journal: LeaseJournal) {
    this.#settings = settings
    this.#journal = journal
    this.#left = new Map(journal.before)
  }

  /** Gives back what can be; the rest when it is asked to again. */
  giveBack(): void {
    const { store, timeoutMs, clock, events } = this.#settings
    for (const [leaseId, used] of [...this.#left]) {
      this.#left.delete(leaseId)
      void andThen(
        reach(() => store.reconcile({ id: `${leaseId}.b`, leaseId, used }), { timeoutMs, clock }),
        (answer) => {
          const isLater = isUnreached(answer) || (answer.kind === 'refused' && answer.reason === 'lease_open')
          if (isLater) return void this.#left.set(leaseId, used)
          forget(this.#journal, leaseId)
          if (answer.kind === 'reconciled')
            events.emit('reconciled', { budget: undefined, leaseId, returned: answer.returned })
        },
      )
    }
  }
}
