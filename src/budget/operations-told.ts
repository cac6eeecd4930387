import { andThen, type MaybePromise } from '../core/maybe-promise.js'
import { attemptsOf, byOperation, type AttemptReport, type OperationReport } from '../ledger/operations.js'
import { entriesSent, type JsonObject } from '../core/json.js'
import { isUnreached, reach, type Unreached } from './reach.js'
import type { BudgetId } from './budget-id.js'
import type { BudgetSettings } from './options.js'
import type { CallRecord } from '../ledger/entry.js'
import type { Identified } from './principal.js'
import type { Ledger } from '../ledger/ledger.js'
import type { ToolCall } from '../core/call.js'

/** How many operations are told of, the newest. */
const MOST = 100

/**
 * What a payer's operations cost, the newest first: each with its attempts, what they were charged, what that would
 * have been in full. Who asks by a token is told of its own calls alone.
 */
export function operationsTold(
  ledger: Pick<Ledger, 'entries'>,
  budget: BudgetId,
  { principal }: ToolCall & Partial<Identified>,
  { storeTimeoutMs: timeoutMs, clock }: BudgetSettings,
): MaybePromise<readonly JsonObject[] | Unreached> {
  return andThen(
    reach(() => ledger.entries({ kind: 'call', budget }), { timeoutMs, clock }),
    (records) => {
      if (isUnreached(records)) return records
      const calls = records as readonly CallRecord[]
      const isOwn = ({ tokenId }: CallRecord): boolean => principal === undefined || tokenId === principal.tokenId
      // How a task ended is told without the token that began it.
      const own = new Set(calls.filter(isOwn).map(({ chargeId }) => chargeId))
      const attempts = attemptsOf(calls.filter(({ chargeId }) => own.has(chargeId)))
      return [...byOperation(attempts.filter(({ budgets }) => budgets[0] === budget)).values()]
        .slice(-MOST)
        .reverse()
        .map(told)
    },
  )
}

function told({ operationId, tool, attempts, charged, full, saved }: OperationReport): JsonObject {
  return { operation_id: operationId, tool, charged, full, saved, attempts: attempts.map(attemptTold) }
}

function attemptTold({ attempt, at, taskId, end, late, charged, full, saved }: AttemptReport): JsonObject {
  const about = { attempt, at: new Date(at).toISOString(), task_id: taskId, end, late: late ? true : undefined }
  return Object.fromEntries(entriesSent({ ...about, charged, full, saved }))
}
