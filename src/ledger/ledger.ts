import type { AttemptReport, OperationReport } from './operations.js'
import type { LedgerRecord } from './entry.js'
import type { BudgetId } from '../budget/budget-id.js'
import type { MaybePromise } from '../core/maybe-promise.js'
import type { ReportSums } from './report.js'

/**
 * Which records; all of what is given must hold. Token, task and operation are a call's, by its charge id: they find
 * each record of a charge that some call record names them for, and its money entries.
 */
export interface LedgerQuery {
  readonly kind?: LedgerRecord['kind']
  /** What was decided in this partition. That of a call is the one of its first budget, `''` where it has none. */
  readonly partition?: string
  readonly budget?: BudgetId
  /** Any budget of this tenant. */
  readonly tenant?: string
  /** The id of a token, or its first twelve characters, which people are shown. */
  readonly tokenId?: string
  readonly tool?: string
  readonly taskId?: string
  readonly operationId?: string
  readonly chargeId?: string
  /** From this time on, milliseconds since 1970. */
  readonly since?: number
  /** Before this time. */
  readonly until?: number
}

/** An append-only record of money and calls. What was appended never changes. */
export interface Ledger {
  /** Adds records, in order, all or none. */
  append(records: readonly LedgerRecord[]): MaybePromise<void>
  /** The records that match, oldest first. */
  entries(query?: LedgerQuery): MaybePromise<readonly LedgerRecord[]>
}

/** Where to go on, and with how many. */
export interface PageRequest {
  /** `next` of the page before; without it, from the beginning. */
  readonly cursor?: string
  /** How many at most, 1,000 by default, 10,000 at most. */
  readonly limit?: number
}

/** Some of what matches, and the `cursor` of the page after it, `undefined` where there is none. */
export interface LedgerPage<Item = LedgerRecord> {
  readonly records: readonly Item[]
  readonly next: string | undefined
}

/** A ledger that may be too long to be read at once. */
export interface PagedLedger extends Ledger {
  /**
   * The records that match, in order of time; of one time, money first. No record comes twice, and none is left out
   * that was there when the first page was read. One that comes later with an earlier time than a cursor has passed is
   * not seen by it.
   *
   * @throws BudgetError `invalid_config` for a cursor that is none, or an unknown key; `ledger_gap` when records that no
   * page has had were folded meanwhile
   */
  page(query?: LedgerQuery & PageRequest): MaybePromise<LedgerPage>
  /** What `report(await entries(query))` says in sums, made where the records are. */
  report(query?: LedgerQuery): MaybePromise<ReportSums>
}

/** A ledger that groups attempts where the records are. */
export interface GroupedLedger {
  /** The operations among the records that match, as `report` has them in `byOperation`, by first budget and id. */
  operations(query?: LedgerQuery & PageRequest): MaybePromise<LedgerPage<OperationReport>>
  /** The tasks among the records that match, as `report` has them in `byTask`, by first budget, server and id. */
  tasks(query?: LedgerQuery & PageRequest): MaybePromise<LedgerPage<AttemptReport>>
}

/** A record, and its number in its partition among its kind. */
export interface NumberedRecord {
  readonly seq: number
  readonly record: LedgerRecord
}

/**
 * What a sealer, a verifier and a drain read. Money entries (`money`) and what tells of calls (`call`) are counted
 * apart, in each partition from 1, without gaps, in the order in which they were written.
 */
export interface NumberedLedger {
  /** All partitions that have a record. */
  partitions(): MaybePromise<readonly string[]>
  /**
   * The records after a number: `limit` of them, or all where there are fewer. Where the oldest are not kept any more, the
   * first that is kept comes first.
   */
  numbered(of: {
    readonly partition: string
    readonly kind: 'money' | 'call'
    readonly after: number
    readonly limit: number
  }): MaybePromise<readonly NumberedRecord[]>
}
