import type { ChargeId } from '../core/ids.js'
import type { Credits } from '../core/credits.js'

/**
 * The leases that a process has left in its journal, and how much of each may have been used: what `reconcile` of the
 * store wants to know. The file stays as it is, and the next process that opens it gives back by the same ids,
 * `<lease>.b`, so nothing comes back twice. Needs Node.
 *
 * @throws BudgetError `invalid_config` for a journal that a process uses, which gives back itself, and for another file
 * @example
 * ```ts
 * for (const [leaseId, used] of await readJournal('leases.journal'))
 *   await store.reconcile({ id: `${leaseId}.b`, leaseId, used })
 * ```
 */
export async function readJournal(path: string): Promise<ReadonlyMap<ChargeId, Credits>> {
  const { readClaims } = await import('./file-journal.js')
  return await readClaims(path)
}
