import type { BalanceChange } from '../../budget/hold.js'
import type { MoneyEntry } from '../../ledger/entry.js'

/** A partition: what is locked while a step decides on it. */
export interface PartitionRow {
  readonly id: string
  /** The number of its last money entry. */
  readonly seq: number
  /** How many budgets were made in it. */
  readonly born: number
  /** The store's time when it was last changed. */
  readonly now: number
  /** No charge minted after this time was forgotten. */
  readonly forgotten: number
  /** The number of its last record of a call. */
  readonly calls: number
}

/** A budget. `delegated` is JSON. */
export interface BudgetRow {
  readonly id: string
  readonly partition: string
  readonly parent: string | null
  readonly state: string
  readonly available: number
  readonly held: number
  readonly spent: number
  readonly debt: number
  readonly in: number
  readonly out: number
  readonly burned: number
  readonly open_holds: number
  readonly leases: number
  readonly leased: number
  readonly forfeited: number
  readonly live_children: number
  /** 1 for one that has, or had, children. */
  readonly is_parent: number
  readonly initial: number | null
  readonly window_start: number | null
  readonly window_end: number | null
  readonly delegated: string | null
  /** Of the minted token that it was delegated with. */
  readonly nonce: string | null
  /** When it ends by itself, if that is before its parent does. */
  readonly ends_at: number | null
  readonly closed_at: number | null
  /** Parents come before their children. */
  readonly born: number
}

/** By which prefixes a budget was delegated: to find it when one of them is revoked. */
export interface PrefixRow {
  readonly prefix: string
  readonly budget: string
}

/** A hold, or the memory of one. `body` is JSON: see hold-rows.ts. */
export interface HoldRow {
  readonly id: string
  readonly partition: string
  readonly state: string
  readonly deadline: number
  /** When it ended or was refused: it is remembered from then on. */
  readonly ended_at: number | null
  readonly body: string
}

/** The answer to a request. `payload` and `answer` are JSON. */
export interface AnswerRow {
  readonly verb: string
  readonly id: string
  readonly at: number
  readonly payload: string
  readonly answer: string
}

/** What was counted under a prefix. `limit_of` is JSON. */
export interface CounterRow {
  readonly root: string
  readonly prefix: string
  readonly used: number
  readonly at: number
  readonly limit_of: string
}

/** How many prefixes are counted under a root budget, and when they were last searched for what has ended. */
export interface CountRow {
  readonly root: string
  readonly size: number
  readonly searched_at: number | null
}

/** A ban. `value`: when it may be forgotten; for a cutoff, the second before which tokens must not have been minted. */
export interface BanRow {
  readonly partition: string
  readonly id: string
  readonly kind: string
  readonly value: number | null
}

/** A money entry; its tool is as `keptText` has it. */
export type EntryRow = Omit<MoneyEntry, 'kind' | 'tool' | 'counter'> & {
  readonly tool: string | null
  readonly counter: string | null
}

/** An entry as it is written: what is 0, or `null`, is left out, for half of what a step writes is that. */
export type NewEntryRow = {
  readonly [Name in keyof EntryRow]: Name extends keyof BalanceChange | 'tool' | 'counter'
    ? NonNullable<EntryRow[Name]> | undefined
    : EntryRow[Name]
}

/** The record of a call, or of calls that were folded away. `body` is it, as JSON; texts are as `keptText` has them. */
export interface CallRow {
  readonly partition: string
  readonly seq: number
  readonly charge_id: string | null
  /** -1 for what was folded away: it comes first. */
  readonly at: number
  readonly tool: string
  readonly token_id: string | null
  readonly task_id: string | null
  readonly operation_id: string | null
  /** Its first budget, or ''. */
  readonly payer: string
  /** Or ''. */
  readonly server: string
  readonly outcome: string
  readonly proves: string
  /** What it adds to sums. */
  readonly calls: number
  readonly charged: number
  readonly reported: number
  readonly body: string
}

/** A budget of a call. */
export interface CallBudgetRow {
  readonly budget: string
  readonly at: number
  readonly partition: string
  readonly seq: number
}

/** What each table has. */
export interface Rows {
  readonly partitions: PartitionRow
  readonly budgets: BudgetRow
  readonly prefixes: PrefixRow
  readonly holds: HoldRow
  readonly answers: AnswerRow
  readonly counters: CounterRow
  readonly counts: CountRow
  readonly bans: BanRow
  readonly entries: EntryRow
  readonly calls: CallRow
  readonly call_budgets: CallBudgetRow
}

/** The name of a table. */
export type TableName = keyof Rows

/** The columns of a table. */
export interface Columns<Column> {
  readonly key: readonly Column[]
  readonly rest: readonly Column[]
}

/** The key of each table, and its other columns. */
export const TABLES: { readonly [Name in TableName]: Columns<keyof Rows[Name]> } = {
  partitions: { key: ['id'], rest: ['seq', 'born', 'now', 'forgotten', 'calls'] },
  budgets: {
    key: ['id'],
    rest: [
      'partition',
      'parent',
      'state',
      'available',
      'held',
      'spent',
      'debt',
      'in',
      'out',
      'burned',
      'open_holds',
      'leases',
      'leased',
      'forfeited',
      'live_children',
      'is_parent',
      'initial',
      'window_start',
      'window_end',
      'delegated',
      'nonce',
      'ends_at',
      'closed_at',
      'born',
    ],
  },
  prefixes: { key: ['prefix', 'budget'], rest: [] },
  holds: { key: ['id'], rest: ['partition', 'state', 'deadline', 'ended_at', 'body'] },
  answers: { key: ['verb', 'id'], rest: ['at', 'payload', 'answer'] },
  counters: { key: ['root', 'prefix'], rest: ['used', 'at', 'limit_of'] },
  counts: { key: ['root'], rest: ['size', 'searched_at'] },
  bans: { key: ['partition', 'id', 'kind'], rest: ['value'] },
  entries: {
    key: ['partition', 'seq'],
    rest: ['at', 'op', 'budget', 'id', 'tool', 'counter', 'available', 'held', 'spent', 'debt', 'in', 'out', 'burned'],
  },
  calls: {
    key: ['partition', 'seq'],
    rest: [
      'charge_id',
      'at',
      'tool',
      'token_id',
      'task_id',
      'operation_id',
      'payer',
      'server',
      'outcome',
      'proves',
      'calls',
      'charged',
      'reported',
      'body',
    ],
  },
  call_budgets: { key: ['budget', 'at', 'partition', 'seq'], rest: [] },
}
