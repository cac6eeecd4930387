import type { MaybePromise } from '../../core/maybe-promise.js'
import type { LedgerReader } from './sql-ledger.js'
import type { Seal } from '../../ledger/seal.js'
import type { TaskChanges, TasksFound } from './task-set.js'
import type { BanRow, CountRow, HoldRow, NewEntryRow, PartitionRow, Rows, TableName } from './rows.js'

/** What is locked: partitions by name, and those of holds that are known. */
export interface LockWanted {
  readonly partitions: readonly string[]
  readonly holds: readonly string[]
}

/** What was locked, and which of the holds are known. */
export interface Locked {
  readonly partitions: readonly PartitionRow[]
  readonly known: readonly string[]
  readonly now: number | undefined
}

/** All that the requests of a step touch. */
export interface Wanted {
  readonly holds: readonly string[]
  readonly partitions: readonly string[]
  /** The time; where a partition's is later, that is taken. */
  readonly now: number
  /** How many holds, and how many budgets, that are due. */
  readonly most: number
  /** With all above them. */
  readonly budgets: readonly string[]
  /** With all below them that is not closed. */
  readonly trees: readonly string[]
  /** With their children. */
  readonly parents: readonly string[]
  /** Budgets that were delegated by these, and all below them. */
  readonly prefixes: readonly string[]
  readonly nonces: readonly string[]
  /** The verbs and the ids of requests; what another of these verbs has answered to an id is found too. */
  readonly verbs: readonly string[]
  readonly answers: readonly string[]
  readonly counters: ReadonlyArray<readonly [root: string, prefix: string]>
  /** Roots whose counters are all wanted. */
  readonly full: readonly string[]
  readonly roots: readonly string[]
  readonly bans: ReadonlyArray<readonly [partition: string, id: string]>
  /** Partitions whose bans are counted. */
  readonly banned: readonly string[]
}

/** The rows that are found by {@link Wanted}. */
export interface FoundRows {
  readonly holds: readonly HoldRow[]
  /** Open holds whose time is up, oldest first. */
  readonly due: readonly HoldRow[]
  /** Budgets whose time is up, oldest first. */
  readonly ending: ReadonlyArray<{ readonly id: string; readonly ends_at: number }>
  /** Up to when holds were forgotten that had no partition. */
  readonly nowhere: ReadonlyArray<Pick<PartitionRow, 'forgotten'>>
  readonly budgets: ReadonlyArray<Rows['budgets']>
  /** What is above or below budgets; some of them may be among those too. */
  readonly families: ReadonlyArray<Rows['budgets']>
  readonly answers: ReadonlyArray<Rows['answers']>
  readonly counters: ReadonlyArray<Rows['counters']>
  readonly counts: readonly CountRow[]
  readonly bans: readonly BanRow[]
  readonly banCounts: ReadonlyArray<{ readonly partition: string; readonly size: number }>
}

/** What is found by {@link Wanted}, and at what time. */
export interface Found extends FoundRows {
  readonly now: number
}

/** Rows to write, and counters to take away. */
export type Changes = { readonly [Name in Exclude<TableName, 'entries'>]: ReadonlyArray<Rows[Name]> } & {
  readonly entries: readonly NewEntryRow[]
  /** Holds that are new: one that is there by now means that the step was decided on something else. */
  readonly newHolds: readonly HoldRow[]
  readonly uncounted: ReadonlyArray<readonly [root: string, prefix: string]>
}

/** What requests touch of tasks. Numbers bound what is looked at. */
export interface TasksWanted {
  readonly names: readonly string[]
  readonly keys: ReadonlyArray<readonly [principal: string, key: string]>
  readonly principals: readonly string[]
  readonly operations: readonly string[]
  readonly now: number
  readonly due: number
  /** Of those that ended first. */
  readonly over: number
  /** Of old keys and failures. */
  readonly old: number
  readonly keysBefore: number
}

/** One transaction of a database. What it reads was committed, and stays as it is until it ends. */
export interface Transaction extends LedgerReader {
  /**
   * Locks partitions, and those of holds that are known, in the order of their names; makes those that are missing.
   * Answers with the time, where the database has one.
   */
  lock(wanted: LockWanted): MaybePromise<Locked>
  /** Locks, and then reads, at the database's own time where it has one; without waiting in between, if it can. */
  open(locks: LockWanted, wanted: Wanted): MaybePromise<{ readonly locked: Locked; readonly found: Found }>
  /** Reads what was committed, in partitions that are locked. */
  read(wanted: Wanted): MaybePromise<Found>
  /** Forgets what ended before a time, up to a bound; answers with the holds that it forgot. */
  forget(wanted: {
    readonly partitions: readonly string[]
    readonly before: number
  }): MaybePromise<ReadonlyArray<Pick<HoldRow, 'id' | 'partition'>>>
  /** Forgets bans whose time is over. */
  forgetBans(wanted: { readonly partitions: readonly string[]; readonly before: number }): MaybePromise<void>
  /** Its error may come with the next answer, or with the end of the transaction. */
  write(changes: Changes): MaybePromise<void>
  tasks(wanted: TasksWanted): MaybePromise<TasksFound>
  writeTasks(changes: TaskChanges, partitions: readonly PartitionRow[]): MaybePromise<void>
  /** Adds a seal unless there is one after the same record. */
  addSeal(seal: Seal): MaybePromise<boolean>
}
