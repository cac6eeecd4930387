import { BudgetError } from './errors.js'
import { isRefusal, refuse, type Refusal } from './refusal.js'
import type { CallMiddleware } from './middleware.js'
import type { CallOutcome } from './outcome.js'
import type { ToolCall } from './call.js'

/** A call that is between the two halves of the code around it. */
interface Running {
  /** Answers what `next` gave. */
  readonly answer: (outcome: CallOutcome) => void
  readonly ended: () => Promise<CallOutcome | Refusal>
}

/**
 * A step in the familiar form: code around `next`. Costs the synchronous path: every call through it is decided a
 * few microtasks later.
 *
 * @param around calls `next` at most once and answers with its outcome, perhaps changed; or answers with a refusal
 * without calling it. A throw before `next` refuses the call as `step_failed`; a throw after it is ignored.
 * @param name names the step in errors
 * @example
 * ```ts
 * const timed = middleware(async (call, next) => {
 *   const outcome = await next(call)
 *   console.log(call.tool, Date.now() - call.startedAt)
 *   return outcome
 * })
 * ```
 */
export function middleware(
  around: (call: ToolCall, next: (call: ToolCall) => Promise<CallOutcome>) => Promise<CallOutcome | Refusal>,
  name: string = around.name || 'middleware',
): CallMiddleware {
  const running = new Map<string, Running>()
  return {
    name,
    enter(call) {
      return new Promise((enter, fail) => {
        let called = false
        let over = false
        const next = (onward: ToolCall): Promise<CallOutcome> => {
          if (called) throw new BudgetError({ code: 'invalid_config', message: `Step \`${name}\` called next twice` })
          called = true
          enter(onward)
          // It may be called before `around` has returned, and after the call was refused.
          return new Promise((answer) => over || running.set(call.id, { answer, ended: () => ended }))
        }
        const ended = around(call, next)
        // Either comes too late to count where next was called.
        ended.finally(() => (over = true)).then((end) => enter(isRefusal(end) ? end : notCalled(call, name)), fail)
      })
    },
    leave(call, outcome) {
      const run = running.get(call.id)
      if (run === undefined) return outcome
      running.delete(call.id)
      run.answer(outcome)
      return run.ended().then((end) => (isRefusal(end) ? outcome : end))
    },
  }
}

function notCalled(call: ToolCall, name: string): Refusal {
  return refuse(call.tool, {
    error: 'step_failed',
    reason: 'step_failed',
    detail: { step: name, error: new Error('next was not called') },
  })
}
