import { isCredits } from '../../core/credits.js'
import { expectMatch, expectSame, expectThat } from './check.js'
import { replay } from '../../ledger/replay.js'
import type { Balance } from '../../budget/hold.js'
import type { LedgerRecord } from '../../ledger/entry.js'
import type { Subject } from './subject.js'

/** The columns of a balance. */
export const COLUMNS = ['available', 'held', 'spent', 'debt', 'in', 'out', 'burned'] as const

/** Whether `in + debt = available + held + spent + out + burned`, computed without leaving 2^53. */
export function isBalanced({ available, held, spent, debt, in: came, out, burned }: Readonly<Balance>): boolean {
  // Both sides are at most 2^53−1, and so is every sum on the way to the right side.
  return came + debt - available - held - spent - out - burned === 0
}

/** What must be true of every store after every case. */
export async function expectInvariants(subject: Subject, entries: readonly LedgerRecord[] | undefined): Promise<void> {
  const views = await subject.views()
  for (const [budget, view] of Object.entries(views)) {
    for (const column of COLUMNS) expectThat(isCredits(view[column]), `${budget}: ${column} is ${view[column]}`)
    expectThat(isBalanced(view), `${budget}: in + debt is not available + held + spent + out + burned`)
    expectThat(view.openHolds > 0 || view.held === 0, `${budget}: ${view.held} held by no open hold`)
    expectThat(view.debt === 0 || view.available === 0, `${budget}: owes ${view.debt} and has ${view.available}`)
  }
  if (entries === undefined) return
  const replayed = replay(entries)
  for (const [budget, view] of Object.entries(views)) {
    const balance = replayed.get(budget) ?? Object.fromEntries(COLUMNS.map((column) => [column, 0]))
    expectMatch(view, balance, `${budget}: its balances, by its ledger entries`)
  }
  expectGapless(entries)
}

/** Expects the sequence of every partition to count 1, 2, 3 … */
export function expectGapless(entries: readonly LedgerRecord[]): void {
  const next = new Map<string, number>()
  for (const entry of entries) {
    if (entry.kind !== 'money') continue
    const seq = (next.get(entry.partition) ?? 0) + 1
    expectSame(entry.seq, seq, `the sequence of partition ${entry.partition}`)
    next.set(entry.partition, seq)
  }
}
