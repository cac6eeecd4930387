import { holdOf, holdRow } from './hold-rows.js'
import type { BudgetId } from '../../budget/budget-id.js'
import type { BudgetRecord } from '../engine/budget-record.js'
import type { HoldLine } from '../../budget/enforcer.js'
import type { HoldRecord } from '../engine/hold-record.js'
import type { HoldRow } from './rows.js'
import type { HoldTable } from '../engine/records.js'

/** The partition of what has none: calls without a budget, and holds that were released before they came. */
export const NOWHERE = ''

/** The holds that the requests of one step touch, and what becomes of them. */
export class LoadedHolds implements HoldTable {
  readonly #byId = new Map<string, HoldRecord>()
  readonly #rows = new Map<string, HoldRow>()
  readonly #endedAt = new Map<HoldRecord, number>()
  readonly #forgotten: (partition: string) => number
  readonly #partitionOf: (budget: BudgetId) => string
  /** Up to when holds were forgotten that had no partition. */
  nowhere = 0

  constructor(forgotten: (partition: string) => number, partitionOf: (budget: BudgetId) => string) {
    this.#forgotten = forgotten
    this.#partitionOf = partitionOf
  }

  /** Puts in what was loaded. A hold on a budget that was forgotten is forgotten too. */
  load(row: HoldRow, budgets: ReadonlyMap<BudgetId, BudgetRecord>): HoldRecord | undefined {
    const known = this.#byId.get(row.id)
    if (known !== undefined) return known
    const hold = holdOf(row, budgets)
    if (hold === undefined) return undefined
    this.#byId.set(row.id, hold)
    this.#rows.set(row.id, row)
    return hold
  }

  isForgotten(minted: number, lines: readonly HoldLine[] | undefined): boolean {
    const budget = lines?.[0]?.budget
    const upTo = Math.max(this.nowhere, budget === undefined ? 0 : this.#forgotten(this.#partitionOf(budget)))
    return minted <= upTo
  }

  find(id: string): HoldRecord | undefined {
    return this.#byId.get(id)
  }

  place(hold: HoldRecord): void {
    this.#byId.set(hold.id, hold)
  }

  end(hold: HoldRecord, now: number): void {
    this.#byId.set(hold.id, hold)
    this.#endedAt.set(hold, now)
  }

  /** The rows of what has changed, and of what is new: two steps may bring the same hold to two partitions. */
  changes(): { readonly holds: HoldRow[]; readonly newHolds: HoldRow[] } {
    const holds: HoldRow[] = []
    const newHolds: HoldRow[] = []
    for (const [id, hold] of this.#byId) {
      const old = this.#rows.get(id)
      const row = holdRow(hold, old?.partition ?? this.#homeOf(hold), this.#endedAt.get(hold) ?? old?.ended_at ?? null)
      const isSame =
        old?.state === row.state &&
        old.deadline === row.deadline &&
        old.ended_at === row.ended_at &&
        old.body === row.body
      if (!isSame) (old === undefined ? newHolds : holds).push(row)
    }
    return { holds, newHolds }
  }

  #homeOf({ lines, refused }: HoldRecord): string {
    const [line] = lines
    if (line !== undefined) return line.budget.partition
    const [asked] = refused?.lines ?? []
    return asked === undefined ? NOWHERE : this.#partitionOf(asked.budget)
  }
}
