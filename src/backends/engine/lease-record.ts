import type { HoldRecord, HoldEndRecord, Lease } from './hold-record.js'
import type { MoneyOp } from '../../ledger/entry.js'

/** What the ledger calls the end of a hold that is a lease. */
const OPS: Partial<Record<HoldEndRecord['by'], MoneyOp>> = { capture: 'settle', expire: 'forfeit' }

/** What the ledger calls the end of a hold. */
export function opOf({ lease }: HoldRecord, by: HoldEndRecord['by']): MoneyOp {
  return (lease && OPS[by]) ?? by
}

/** What a lease has. */
export function leaseAmount({ lines, refused }: HoldRecord): number {
  return lines[0]?.amount ?? refused?.lines[0]?.amount ?? 0
}

/** Counts a lease that was just placed in its budget. */
export function lend(hold: HoldRecord, lease: Lease): void {
  hold.lease = lease
  for (const { budget, amount } of hold.lines) {
    budget.leases++
    budget.leased += amount
  }
}

/** Counts a lease no more that has just ended: what was not reported is forfeited if its time was up. */
export function takeBack({ lines, state }: HoldRecord, { used }: Lease): void {
  for (const { budget, amount } of lines) {
    budget.leases--
    budget.leased -= amount
    if (state === 'expired') budget.forfeited += amount - used
  }
}
