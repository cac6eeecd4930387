import { BudgetError } from '../core/errors.js'
import { inTime } from '../core/in-time.js'
import { andThen, isPromise, type MaybePromise } from '../core/maybe-promise.js'
import type { Clock } from '../core/clock.js'

/** What says that a store is out of reach, where it is said in words of ours. */
const FAULTS: readonly string[] = ['timeout', 'store_unavailable', 'injected_fault']

/** The store gave no answer. `misuse`: it was reached, and would not take the request. */
export interface Unreached {
  readonly kind: 'unreached'
  readonly cause: unknown
  readonly misuse: boolean
}

/**
 * Asks a store, with a time limit and one retry of the same request: its id makes a repetition harmless. Slow counts
 * as unreachable. Synchronous when the store is.
 */
export function reach<Answer extends object | string | undefined>(
  ask: () => MaybePromise<Answer>,
  options: { readonly timeoutMs: number; readonly clock: Clock },
): MaybePromise<Answer | Unreached> {
  return andThen(attempt(ask, options), (answer) =>
    isUnreached(answer) && !answer.misuse ? attempt(ask, options) : answer,
  )
}

/** Whether an answer is that there was none. */
export function isUnreached(answer: unknown): answer is Unreached {
  return (answer as Unreached | undefined)?.kind === 'unreached'
}

function attempt<Answer>(
  ask: () => MaybePromise<Answer>,
  options: { readonly timeoutMs: number; readonly clock: Clock },
): MaybePromise<Answer | Unreached> {
  try {
    const answer = ask()
    return isPromise(answer) ? inTime<Answer | Unreached>(answer, options, unreached, () => late(options)) : answer
  } catch (cause) {
    return unreached(cause)
  }
}

function late({ timeoutMs }: { readonly timeoutMs: number }): Unreached {
  return unreached(new BudgetError({ code: 'timeout', message: `Expected the store to answer within ${timeoutMs} ms` }))
}

function unreached(cause: unknown): Unreached {
  return {
    kind: 'unreached',
    cause,
    misuse: BudgetError.isInstance(cause) && !FAULTS.includes(cause.code),
  }
}
