import { isObject, type JsonObject } from './json.js'
import type { Credits } from './credits.js'
import type { Refusal } from './refusal.js'

/**
 * What an outcome proves about the work: it `ran`; it ran and `failed`; it did `not-run`; or nobody knows
 * (`unknown`). An unknown end is never taken for a failure.
 */
export type Proof = 'ran' | 'failed' | 'not-run' | 'unknown'

/** What became of the money of one call: held first, then charged; `reported` is what a metered result asked for. */
export interface Charge {
  readonly held: Credits
  readonly charged: Credits
  readonly reported?: Credits
  /** What it would have been without the discount of a retry, where there was one. */
  readonly full?: Credits
  /** What becomes of one that is kept when its time is up, where attempts are tracked. */
  readonly onExpire?: 'capture' | 'release'
  /** `pending` while an outbox still retries; `kept` until the hold's time is up. */
  readonly end: 'captured' | 'released' | 'kept' | 'pending'
}

interface Ended {
  readonly charge?: Charge
}

/** The tool answered. `failed` is a result with `isError`. */
export interface ResultOutcome extends Ended {
  readonly kind: 'result'
  readonly proves: 'ran' | 'failed'
  readonly result: JsonObject
}

/** The server answered with a JSON-RPC error, or a handler threw (`thrown`). */
export interface ErrorOutcome extends Ended {
  readonly kind: 'error'
  readonly proves: 'failed' | 'not-run'
  readonly code: number | undefined
  readonly thrown?: unknown
}

/** The call was accepted as a task: the answer comes later, perhaps in another process. */
export interface TaskOutcome extends Ended {
  readonly kind: 'task'
  readonly proves: 'unknown'
  readonly taskId: string
  readonly result: JsonObject
}

/** A step refused the call: nothing was sent. */
export interface RefusedOutcome extends Ended {
  readonly kind: 'refused'
  readonly proves: 'not-run'
  readonly refusal: Refusal
}

/** No answer will come. */
export interface LostOutcome extends Ended {
  readonly kind: 'lost'
  readonly proves: 'not-run' | 'unknown'
  readonly cause: 'not-sent' | 'cancelled' | 'timed-out' | 'closed'
}

/**
 * The server asks for input before it does the call (2026-07-28). The same call goes on later, perhaps in another
 * process; it passes the steps once for each round.
 *
 * @property waitMs how long it may wait for the input; `undefined` when it will not go on as the same call
 */
export interface InputOutcome extends Ended {
  readonly kind: 'input-required'
  readonly proves: 'not-run' | 'unknown'
  readonly waitMs: number | undefined
}

/** How one call ended. */
export type CallOutcome = ResultOutcome | ErrorOutcome | TaskOutcome | RefusedOutcome | LostOutcome | InputOutcome

/**
 * The outcome of a result. One that asks for more input has not done the call yet: what that proves, `unfinished`,
 * depends on who looks.
 */
export function resultOutcome(value: unknown, unfinished: 'not-run' | 'unknown'): CallOutcome {
  const result = isObject(value) ? value : {}
  if (result.resultType === 'input_required') return { kind: 'input-required', proves: unfinished, waitMs: undefined }
  return { kind: 'result', proves: result.isError === true ? 'failed' : 'ran', result }
}

/** The outcome of a handler that threw: it was entered, so work may have been done. */
export function thrownOutcome(error: unknown): CallOutcome {
  return { kind: 'error', proves: 'failed', code: codeOf(error), thrown: error }
}

/** The JSON-RPC code of an error, if it has one. */
export function codeOf(error: unknown): number | undefined {
  const { code } = Object(error) as { code?: unknown }
  return typeof code === 'number' ? code : undefined
}
