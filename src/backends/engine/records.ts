import type { BudgetId } from '../../budget/budget-id.js'
import type { BudgetResult, CloseResult, HoldLine, MoveResult } from '../../budget/enforcer.js'
import type { RevokeResult } from '../../budget/moves.js'
import type { BudgetRecord } from './budget-record.js'
import type { Counters } from './counters.js'
import type { HoldRecord } from './hold-record.js'
import type { Revocations } from './revocations.js'
import type { Timed } from './timed.js'

/** What the engine decides on: all that a store keeps, or as much of it as the requests of one step touch. */
export interface Records {
  readonly budgets: Map<BudgetId, BudgetRecord>
  readonly closed: ClosedTable
  /** By partition: the number of the last money entry. */
  readonly sequence: Map<string, number>
  readonly deadlines: DeadlineTable
  readonly holds: HoldTable
  /** By root budget. */
  readonly counters: Map<BudgetId, Counters>
  /** By partition. */
  readonly revocations: Map<string, Revocations>
  readonly spends: AnswerTable<BudgetResult>
  readonly moves: AnswerTable<MoveResult>
  readonly closes: AnswerTable<CloseResult>
  readonly revokes: AnswerTable<RevokeResult>
}

/** Delegated budgets that are closed, as long as they are remembered. */
export interface ClosedTable {
  /** Remembers one; answers with those that are forgotten for it. */
  set(id: BudgetId, budget: BudgetRecord, now: number): Iterable<BudgetRecord>
}

/** What has a deadline. */
export interface DeadlineTable {
  readonly size: number
  add(item: Timed): void
  remove(item: Timed): void
  /** Takes out all that is due and hands it to `expire`, in the order of the deadlines. After a throw the rest stays due. */
  turn(now: number, expire: (item: Timed) => void): void
}

/** Holds that are open, and the memory of those that ended or were refused. */
export interface HoldTable {
  /** Whether charges minted then, on these lines, may have been forgotten: by the clock of whoever minted them. */
  isForgotten(minted: number, lines: readonly HoldLine[] | undefined): boolean
  find(id: string): HoldRecord | undefined
  place(hold: HoldRecord, now: number): void
  /** Remembers one that ended or was refused. */
  end(hold: HoldRecord, now: number): void
}

/** The answers that were given, by the id of the request, and to what. */
export interface AnswerTable<Answer> {
  get(id: string): Answered<Answer> | undefined
  set(id: string, answered: Answered<Answer>, now: number): unknown
}

/** An answer, and the request that got it, as one text. */
export interface Answered<Answer> {
  readonly payload: string
  readonly answer: Answer
}
