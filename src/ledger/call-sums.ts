import type { Credits } from '../core/credits.js'
import type { CallRecord, FoldedCalls } from './entry.js'

/** Sums over calls. */
export interface CallTotals {
  /** All calls, refused ones too. */
  readonly calls: number
  readonly refused: number
  readonly charged: Credits
  /** What metered results asked for; differs from `charged` where a hold capped it. */
  readonly reported: Credits
}

/** The sums of no call. */
export const NO_CALLS: CallTotals = { calls: 0, refused: 0, charged: 0, reported: 0 }

/** The same, to be written: sums are, while they are being added up. */
export type Mutable<Value> = { -readonly [Key in keyof Value]: Value[Key] }

/** Adds the calls of a record to sums; refused ones also apart, where the sums have a place for them. */
export function addCalls(
  sums: Mutable<Pick<CallTotals, 'calls' | 'charged' | 'reported'>> & { refused?: number },
  record: CallRecord | FoldedCalls,
): void {
  if (record.outcome === 'begun') return
  const more: Partial<CallTotals> | undefined = record.kind === 'calls' ? record : record.charge
  // A call that was asked for input is counted when it ends, for it passes once for each round; a task when it begins.
  const counts = record.outcome !== 'input-required' && (record.kind === 'calls' || record.taskEnd === undefined)
  const { calls = counts ? 1 : 0, charged = 0, reported = 0 } = more ?? {}
  sums.calls += calls
  sums.charged += charged
  sums.reported += reported
  if (record.outcome === 'refused' && sums.refused !== undefined) sums.refused += calls
}
