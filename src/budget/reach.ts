import { BudgetError } from '../core/errors.js'
import { andThen, isPromise, type MaybePromise } from '../core/maybe-promise.js'
import type { Clock } from '../core/clock.js'

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
  { timeoutMs, clock }: { readonly timeoutMs: number; readonly clock: Clock },
): MaybePromise<Answer | Unreached> {
  let answer: MaybePromise<Answer>
  try {
    answer = ask()
  } catch (cause) {
    return unreached(cause)
  }
  if (!isPromise(answer)) return answer
  const later = answer
  return new Promise((resolve) => {
    const giveUp = (): void =>
      resolve(
        unreached(new BudgetError({ code: 'timeout', message: `Expected the store to answer within ${timeoutMs} ms` })),
      )
    // One more turn of the event loop: an answer that is there already, behind a stall of this process, is no timeout.
    let cancel = clock.after(timeoutMs, () => (cancel = clock.after(0, giveUp)))
    const answered = (value: Answer | Unreached): void => {
      cancel()
      resolve(value)
    }
    later.then(answered, (cause: unknown) => answered(unreached(cause)))
  })
}

function unreached(cause: unknown): Unreached {
  return {
    kind: 'unreached',
    cause,
    misuse: BudgetError.isInstance(cause) && cause.code !== 'timeout' && cause.code !== 'injected_fault',
  }
}
