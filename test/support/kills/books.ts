import { CALL } from './spend.js'
import { replay } from '../../../src/ledger/replay.js'
import type { BudgetView } from '../../../src/budget/enforcer.js'
import type { MaybePromise } from '../../../src/core/maybe-promise.js'
import type { MoneyEntry } from '../../../src/ledger/entry.js'

/** A store as an auditor sees it. Budgets are named with their tenant. */
export interface Books {
  initialize(budget: string, credits: number): MaybePromise<void>
  describe(budget: string): MaybePromise<BudgetView>
  /** All money entries of the budget. */
  entriesOf(budget: string): MaybePromise<readonly MoneyEntry[]>
}

/** What is wrong with a budget. Nothing is, where all is zero. */
export interface Wrongs {
  /** Charges that somebody was told of, and that are not there. */
  readonly lost: number
  /** Charges that are there more than once. */
  readonly doubled: number
  /** Credits that were charged or are owed beyond what was granted. */
  readonly overspent: number
  /** Credits that are neither available nor charged; nor held, where a deadline may still be to come. */
  readonly phantom: number
  /** Columns of the balance of which the ledger alone says something else. */
  readonly unlike: number
}

/** The wrongs of a budget without any. */
export const NO_WRONGS: Wrongs = { lost: 0, doubled: 0, overspent: 0, phantom: 0, unlike: 0 }

/** What was asked of a budget. */
export interface Asked {
  readonly budget: string
  readonly granted: number
  /** The charges that somebody was told of. */
  readonly told: readonly string[]
  /** Whether the deadline of each hold is over. */
  readonly isDue: boolean
}

/** What a budget says and what its ledger says, held against what was asked of it. */
export async function audit(books: Books, asked: Asked): Promise<{ wrongs: Wrongs; charges: ReadonlySet<string> }> {
  const { view, entries } = await readAtRest(books, asked.budget)
  const charged = entries.filter(({ op }) => op === 'capture' || op === 'late').map(({ id }) => id)
  const charges = new Set(charged)
  const { available, held, spent, debt } = view
  const stillHeld = asked.isDue ? 0 : held
  const wrongs = {
    lost: asked.told.filter((id) => !charges.has(id)).length,
    doubled: charged.length - charges.size + Math.abs(spent - CALL.charged * charges.size),
    overspent: Math.max(0, spent - asked.granted) + debt,
    phantom: Math.abs(asked.granted - (available + stillHeld + spent - debt)),
    unlike: unlike(view, entries).length,
  }
  return { wrongs, charges }
}

/** The columns of a budget's balance of which its ledger alone says something else. */
export async function unlikeLedger(books: Books, budget: string): Promise<readonly string[]> {
  const { view, entries } = await readAtRest(books, budget)
  return unlike(view, entries)
}

function unlike(view: BudgetView, entries: readonly MoneyEntry[]): readonly string[] {
  const replayed = Object.entries(replay(entries).get(view.budget) ?? { entries: 'none' })
  return replayed.filter(([column, amount]) => view[column as keyof BudgetView] !== amount).map(([column]) => column)
}

/** A request of a client that is dead may still be on its way: read until nothing changes while one reads. */
async function readAtRest(books: Books, budget: string) {
  for (let before = await books.describe(budget); ;) {
    const entries = await books.entriesOf(budget)
    const view = await books.describe(budget)
    if (JSON.stringify(view) === JSON.stringify(before)) return { view, entries }
    before = view
  }
}

/** What a run of kills came to, for people. */
export class Tally {
  #cycles = 0
  #told = 0
  #charges = 0
  #allowed = 0
  #wrongs: Wrongs = NO_WRONGS

  /** One cycle more, with what was found right after it. */
  add(told: number, charges: number): void {
    this.#cycles++
    this.#told += told
    this.#charges += charges
  }

  /** Losses that the store had warned of. */
  allow(lost: number): void {
    this.#allowed += lost
  }

  find(wrongs: Wrongs): void {
    const sums = Object.entries(wrongs).map(([name, count]: [string, number]) => [
      name,
      this.#wrongs[name as keyof Wrongs] + count,
    ])
    this.#wrongs = Object.fromEntries(sums) as Wrongs
  }

  /** One line. */
  say(what: string): string {
    const { lost, doubled, overspent, phantom, unlike } = this.#wrongs
    const losses = this.#allowed > 0 ? `${lost} lost, ${this.#allowed} more as announced` : `${lost} lost`
    const found = `${losses}, ${doubled} doubled, ${overspent} overspent, ${phantom} phantom, ${unlike} unlike the ledger`
    return `${what}: ${this.#cycles} kills, ${this.#told} acknowledged charges of ${this.#charges}: ${found}`
  }
}
