import type { BudgetId } from '../budget/budget-id.js'
import type { CallRecord, LedgerRecord } from './entry.js'
import type { Credits } from '../core/credits.js'
import type { TaskEndKind } from '../core/operation.js'

/** What something cost, and what it would have cost if every attempt were charged in full. */
export interface Cost {
  readonly charged: Credits
  readonly full: Credits
  readonly saved: Credits
}

/**
 * One attempt: a call, and the task that it became, if it did.
 *
 * @property end how it ended: as its task did, else by what the outcome proved; `undefined` of a task that goes on
 * @property late its task ended after its hold was given back
 */
export interface AttemptReport extends Cost {
  readonly chargeId: string
  readonly operationId: string
  readonly attempt: number
  readonly at: number
  readonly tool: string
  readonly server: string | undefined
  readonly budgets: readonly BudgetId[]
  readonly taskId: string | undefined
  readonly end: TaskEndKind | CallRecord['proves'] | undefined
  readonly late: boolean
}

/** All attempts at one thing. */
export interface OperationReport extends Cost {
  readonly operationId: string
  readonly tool: string
  readonly attempts: readonly AttemptReport[]
}

/** Attempts by charge id, of the calls that are tracked and recorded whole; refused ones did not begin. */
export function attemptsOf(records: readonly LedgerRecord[]): readonly AttemptReport[] {
  const attempts = new Map<string, AttemptReport>()
  for (const record of records) {
    if (record.kind !== 'call' || record.operationId === undefined) continue
    if (record.outcome === 'refused' || record.outcome === 'begun') continue
    attempts.set(record.chargeId, joined(attempts.get(record.chargeId), record, record.operationId))
  }
  return [...attempts.values()]
}

/** Operations, each under its first budget and its id, with a space between: ids are those of one budget. */
export function byOperation(attempts: readonly AttemptReport[]): ReadonlyMap<string, OperationReport> {
  const operations = new Map<string, OperationReport>()
  for (const attempt of attempts) {
    const { operationId, budgets, tool } = attempt
    const key = `${budgets[0] ?? ''} ${operationId}`
    const known = operations.get(key) ?? { operationId, tool, attempts: [], charged: 0, full: 0, saved: 0 }
    operations.set(key, { ...known, attempts: [...known.attempts, attempt], ...added(known, attempt) })
  }
  return operations
}

/** Tasks, each under its first budget, its server's name and its id, with spaces between: ids are those of one payer. */
export function byTask(attempts: readonly AttemptReport[]): ReadonlyMap<string, AttemptReport> {
  return new Map(
    attempts.flatMap((each) =>
      each.taskId === undefined ? [] : [[`${each.budgets[0] ?? ''} ${each.server ?? ''} ${each.taskId}`, each]],
    ),
  )
}

// A call that became a task has a record of that, and one of how the task ended; of one that ended late, two.
function joined(known: AttemptReport | undefined, record: CallRecord, operationId: string): AttemptReport {
  const { chargeId, attempt = 1, at, tool, server, budgets, taskId, taskEnd, late = false, outcome, proves } = record
  const { charged = 0, full = charged } = record.charge ?? {}
  const cost = added(known ?? { charged: 0, full: 0, saved: 0 }, { charged, full, saved: full - charged })
  const goesOn = outcome === 'task' || outcome === 'input-required'
  const end = taskEnd ?? (goesOn ? known?.end : proves)
  const task = taskId ?? known?.taskId
  return { chargeId, operationId, attempt, at, tool, server, budgets, taskId: task, end, late, ...cost }
}

function added(a: Cost, b: Cost): Cost {
  return { charged: a.charged + b.charged, full: a.full + b.full, saved: a.saved + b.saved }
}
