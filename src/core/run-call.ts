import { andThen, isPromise, type MaybePromise } from './maybe-promise.js'
import { resultOutcome, thrownOutcome, type CallOutcome } from './outcome.js'
import type { Engine, Passage } from './engine.js'
import type { ToolCall } from './call.js'

/**
 * Takes a call through an engine and does it in this process: enters the steps, calls `forward` at most once, leaves
 * the steps. What `forward` throws is the outcome `error` with `thrown`; once it was entered, work may have been done.
 *
 * @param signal when it aborts, the call is cancelled: charged at once, whatever `forward` still does
 */
export function runCall(
  engine: Engine,
  call: ToolCall,
  forward: (call: ToolCall) => MaybePromise<unknown>,
  signal?: AbortSignal,
): MaybePromise<CallOutcome> {
  return andThen(engine.enter(call), (passage) => {
    const { refusal } = passage
    if (refusal !== undefined) return { kind: 'refused', proves: 'not-run', refusal }
    if (signal?.aborted === true) return engine.leave(passage, { kind: 'lost', cause: 'cancelled', proves: 'not-run' })
    return forwarded(engine, passage, forward, signal)
  })
}

function forwarded(
  engine: Engine,
  passage: Passage,
  forward: (call: ToolCall) => MaybePromise<unknown>,
  signal: AbortSignal | undefined,
): MaybePromise<CallOutcome> {
  const onAbort = (): void => void engine.leave(passage, { kind: 'lost', cause: 'cancelled', proves: 'unknown' })
  signal?.addEventListener('abort', onAbort)
  const end = (outcome: CallOutcome): MaybePromise<CallOutcome> => {
    signal?.removeEventListener('abort', onAbort)
    return engine.leave(passage, outcome)
  }
  const threw = (error: unknown): MaybePromise<CallOutcome> => end(thrownOutcome(error))
  let result: MaybePromise<unknown>
  try {
    result = forward(passage.call)
  } catch (error) {
    return threw(error)
  }
  const answered = (value: unknown): MaybePromise<CallOutcome> => end(resultOutcome(value, 'not-run'))
  return isPromise(result) ? Promise.resolve(result).then(answered, threw) : answered(result)
}
