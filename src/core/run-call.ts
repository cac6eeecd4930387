import { andThen, isPromise, type MaybePromise } from './maybe-promise.js'
import { isObject } from './json.js'
import type { CallOutcome } from './outcome.js'
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
  const answered = (value: unknown): MaybePromise<CallOutcome> => end(resultOutcome(value))
  return isPromise(result) ? result.then(answered, threw) : answered(result)
}

/** The outcome of a handler that answered. One that asks for more input has not done the call yet: it is paid at its end. */
export function resultOutcome(value: unknown): CallOutcome {
  const result = isObject(value) ? value : {}
  if (result.resultType === 'input_required') return { kind: 'lost', cause: 'input-required', proves: 'not-run' }
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
