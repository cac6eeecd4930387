import { replay } from './replay.js'
import { NO_CHANGE, type Balance } from '../budget/hold.js'
import type { BudgetId } from '../budget/budget-id.js'
import type { Credits } from '../core/credits.js'
import type { CallRecord, FoldedCalls, LedgerRecord } from './entry.js'

/** Sums over calls. */
export interface CallTotals {
  /** All calls, refused ones too. */
  readonly calls: number
  readonly refused: number
  readonly charged: Credits
  /** What metered results asked for; differs from `charged` where a hold capped it. */
  readonly reported: Credits
}

/** What the ledger says, summed up. */
export interface Report {
  /** Each budget's balance from its money entries, and its calls. */
  readonly byBudget: ReadonlyMap<BudgetId, Readonly<Balance> & CallTotals>
  readonly byTool: ReadonlyMap<string, CallTotals>
  /** By what the outcome proved: `ran`, `failed`, `not-run`, `unknown`. */
  readonly byOutcome: ReadonlyMap<string, CallTotals>
}

const NOTHING: CallTotals = { calls: 0, refused: 0, charged: 0, reported: 0 }

/**
 * Sums up ledger records by budget, tool and outcome. A call on several budgets counts in each of them.
 *
 * @example
 * ```ts
 * for (const [tool, { calls, charged }] of report(ledger.entries()).byTool) console.log(tool, calls, charged)
 * ```
 */
export function report(records: readonly LedgerRecord[]): Report {
  const byBudget = new Map<BudgetId, Readonly<Balance> & CallTotals>()
  const byTool = new Map<string, CallTotals>()
  const byOutcome = new Map<string, CallTotals>()
  for (const [budget, balance] of replay(records)) byBudget.set(budget, { ...balance, ...NOTHING })
  for (const record of records) {
    if (record.kind === 'money') continue
    const more = totalsOf(record)
    byTool.set(record.tool, add(byTool.get(record.tool) ?? NOTHING, more))
    byOutcome.set(record.proves, add(byOutcome.get(record.proves) ?? NOTHING, more))
    for (const budget of record.budgets) {
      const known = byBudget.get(budget) ?? { ...NO_CHANGE, ...NOTHING }
      byBudget.set(budget, { ...known, ...add(known, more) })
    }
  }
  return { byBudget, byTool, byOutcome }
}

function totalsOf(record: CallRecord | FoldedCalls): CallTotals {
  const { calls, charged, reported = 0 } = record.kind === 'calls' ? record : { calls: 1, charged: 0, ...record.charge }
  return { calls, refused: record.outcome === 'refused' ? calls : 0, charged, reported }
}

function add(a: CallTotals, b: CallTotals): CallTotals {
  return {
    calls: a.calls + b.calls,
    refused: a.refused + b.refused,
    charged: a.charged + b.charged,
    reported: a.reported + b.reported,
  }
}
