import { andThen, isPromise, type MaybePromise } from '../core/maybe-promise.js'
import { assertKeys, integer, oneOf } from '../core/settings.js'
import { beginRecord, endRecord } from './call-record.js'
import { BudgetEvents, callRef } from '../core/events.js'
import { isUnreached, reach } from '../budget/reach.js'
import { Outbox } from '../budget/outbox.js'
import { isRefusal, refuse } from '../core/refusal.js'
import { systemClock, type Clock } from '../core/clock.js'
import type { CallMiddleware, Peers } from '../core/middleware.js'
import type { CallOutcome } from '../core/outcome.js'
import type { CallRecord, LedgerRecord } from './entry.js'
import type { Ledger } from './ledger.js'
import type { ToolCall } from '../core/call.js'

/** Settings of {@link withLedger}. */
export interface LedgerOptions {
  /** Where a record of each call is written. */
  readonly ledger: Ledger
  /**
   * No call is handed on that has no record: one with the outcome `begun` is written before. Where it cannot be, the call
   * is refused, and costs nothing. The record of its end is written again until it is there; while 1,000 ends wait, no
   * call begins.
   */
  readonly auditRequired?: boolean
  /** With `auditRequired`, how long the ledger may take, twice; 250 by default. */
  readonly storeTimeoutMs?: number
  /** `false`: refuses nothing for want of a record, and tells of it. So in shadow mode; `meter` sets it in soft mode. */
  readonly enforce?: boolean
  /** Hears `fault`, and with `auditRequired` `refused` and `delayed`. */
  readonly events?: BudgetEvents
  readonly clock?: Clock
}

/** A step, and what it has not written yet. */
export interface LedgerMiddleware extends CallMiddleware {
  /** Tries to write the records that wait; call it before the process ends. */
  flush(): Promise<void>
}

/** While so many ends wait for a ledger that fails no call begins; where none is refused, more ends are not kept. */
const MOST_WAITING = 1_000

/**
 * Writes a {@link CallRecord} of every call that comes to the steps, refused ones too; put it first, so that it sees what
 * later steps refuse. The money entries are the store's own, in the same ledger when both are given it, linked by the
 * charge id. A ledger that fails changes no call: it is a `fault` event. With `auditRequired` it refuses what it cannot
 * record: `budget_unavailable`, reason `audit_unavailable`.
 *
 * @throws BudgetError `invalid_config` for an unknown setting
 * @example
 * ```ts
 * const ledger = new MemoryLedger()
 * compose(withLedger({ ledger }), withCostProfile({ defaultCost: 5 }), withBudget({ enforcer, budget }))
 * ```
 */
export function withLedger(options: LedgerOptions): LedgerMiddleware {
  const { record, begin } = ledgerSteps(options)
  return begin === undefined ? record : together(record, begin)
}

/** The two halves of {@link withLedger}: what records ends, and what records beginnings, where `auditRequired` is set. */
export function ledgerSteps(options: LedgerOptions): {
  readonly record: LedgerMiddleware
  readonly begin: CallMiddleware | undefined
} {
  assertKeys(options, ['ledger', 'auditRequired', 'storeTimeoutMs', 'enforce', 'events', 'clock'], 'options')
  const { ledger, events = new BudgetEvents(), clock = systemClock } = options
  const bounds = { least: 1, most: 86_400_000, otherwise: 250 }
  const timeoutMs = integer(options.storeTimeoutMs, bounds, 'storeTimeoutMs')
  const isRequired = oneOf(options.auditRequired, [false, true], 'auditRequired')
  const enforce = oneOf(options.enforce, [true, false], 'enforce')
  const fault = (error: unknown): void => events.emit('fault', { where: 'withLedger', error })
  const outbox = new Outbox({ timeoutMs, clock, events }, () => {})
  let refuses = enforce

  const append = (record: CallRecord): MaybePromise<undefined> => andThen(ledger.append([record]), () => undefined)
  // It may have been written, and only the answer got lost.
  const again = (record: CallRecord): MaybePromise<undefined> =>
    andThen(ledger.entries({ kind: 'call', chargeId: record.chargeId }), (known) =>
      known.some((each) => isSame(each, record)) ? undefined : append(record),
    )

  function write(call: ToolCall, outcome: CallOutcome): CallOutcome {
    const ended = endRecord(call, outcome, clock.now())
    // What was refused for want of a ledger is not kept: that would fill the place of calls that ran.
    if (isRequired && !isWithoutRecord(outcome)) keep(ended)
    else tryOnce(ended)
    return outcome
  }

  function tryOnce(ended: CallRecord): void {
    try {
      const written = append(ended)
      if (isPromise(written)) written.then(undefined, fault)
    } catch (error) {
      fault(error)
    }
  }

  function keep(ended: CallRecord): void {
    let tries = 0
    const post = (): MaybePromise<undefined> => (tries++ === 0 ? append(ended) : again(ended))
    void andThen(reach(post, { timeoutMs, clock }), (answer) => {
      if (!isUnreached(answer)) return
      fault(answer.cause)
      if (refuses || outbox.size < MOST_WAITING) outbox.add({ chargeId: ended.chargeId, post }, answer.cause)
    })
  }

  const record: LedgerMiddleware = {
    name: 'withLedger',
    // What a seat begins anew has a record of its own.
    leave: (call, outcome) =>
      outcome.kind === 'refused' && outcome.refusal.reason === 'round_used' ? outcome : write(call, outcome),
    // That a task goes on is not worth a record.
    task: (call, outcome) => (outcome.kind === 'task' ? outcome : write(call, outcome)),
    flush: () => outbox.flush(),
  }
  if (!isRequired) return { record, begin: undefined }

  let peers: Peers | undefined
  const beginStep = (enforced: boolean): CallMiddleware => ({
    name: 'withLedger',
    attach: (given) => void (peers = given),
    ...(enforced && {
      inShadow: () => {
        refuses = false
        return beginStep(refuses)
      },
    }),
    enter(call) {
      // A call that goes on has begun.
      if (call.round > 0) return call
      const begun = beginRecord(call, peers?.payer(call), clock.now())
      const begin = (): MaybePromise<undefined> => {
        // What ends has a record, and is not forgotten: so what has no room for its end does not begin.
        if (enforced && outbox.size >= MOST_WAITING) {
          // The ledger may be back long before they are tried again.
          void outbox.flush()
          throw new Error('1,000 ends of calls wait for the ledger')
        }
        return append(begun)
      }
      return andThen(reach(begin, { timeoutMs, clock }), (answer) => {
        if (!isUnreached(answer)) return call
        const refusal = refuse(call.tool, {
          error: 'budget_unavailable',
          reason: 'audit_unavailable',
          detail: answer.cause,
        })
        events.emit('refused', { call: callRef(call), refusal, enforced })
        return enforced ? refusal : call
      })
    },
  })
  return { record, begin: beginStep(enforce) }
}

/** Both halves as one step. */
function together(record: LedgerMiddleware, begin: CallMiddleware): LedgerMiddleware {
  return {
    ...record,
    ...begin,
    ...(begin.inShadow && { inShadow: () => together(record, begin.inShadow?.() ?? begin) }),
    enter: (call) =>
      andThen(begin.enter?.(call) ?? call, (answer) => {
        // A step that refuses is not left.
        if (isRefusal(answer)) void record.leave?.(call, { kind: 'refused', proves: 'not-run', refusal: answer })
        return answer
      }),
  }
}

function isWithoutRecord(outcome: CallOutcome): boolean {
  return outcome.kind === 'refused' && outcome.refusal.reason === 'audit_unavailable'
}

function isSame(a: LedgerRecord, b: CallRecord): boolean {
  return a.kind === 'call' && a.outcome === b.outcome && a.durationMs === b.durationMs && a.taskEnd === b.taskEnd
}
