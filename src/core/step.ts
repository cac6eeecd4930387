import { andThen, isPromise, type MaybePromise } from './maybe-promise.js'
import { isRefusal, refuse, type Refusal } from './refusal.js'
import type { CallMiddleware, Screening } from './middleware.js'
import type { CallOutcome } from './outcome.js'
import type { ToolCall } from './call.js'

/** The refusal of a call whose step threw, or answered with what is no answer. */
export function stepFailed(call: ToolCall, step: CallMiddleware, error: unknown): Refusal {
  return refuse(call.tool, { error: 'step_failed', reason: 'step_failed', detail: { step: step.name, error } })
}

/** What a step answered; what is no outcome changes nothing. */
export function outcomeOr(answer: CallOutcome | undefined, otherwise: CallOutcome): CallOutcome {
  return typeof answer?.kind === 'string' && typeof answer.proves === 'string' ? answer : otherwise
}

/** Who pays for a call, by the first step that knows; `undefined` where none does, or it cannot be said. */
export function payerOf(steps: readonly CallMiddleware[], call: ToolCall): string | undefined {
  try {
    return steps.find((step) => step.payer !== undefined)?.payer?.(call)
  } catch {
    return undefined
  }
}

/** Tells the steps what is heard of a task, last to first. Never throws: one that does is counted, and changes nothing. */
export function tellOfTask(
  steps: readonly CallMiddleware[],
  call: ToolCall,
  outcome: CallOutcome,
  fault: () => void,
): MaybePromise<CallOutcome> {
  const failed = (current: CallOutcome): CallOutcome => {
    fault()
    return current
  }
  return steps.reduceRight<MaybePromise<CallOutcome>>(
    (before, step) =>
      andThen(before, (current) => {
        try {
          const next = step.task?.(call, current)
          if (!isPromise(next)) return outcomeOr(next, current)
          return Promise.resolve(next).then(
            (later) => outcomeOr(later, current),
            () => failed(current),
          )
        } catch {
          return failed(current)
        }
      }),
    outcome,
  )
}

/**
 * Whether a request that is no call may pass: steps say who asks, and then the first that screens its method decides.
 * `undefined` where none does. A throw is the refusal `step_failed`.
 */
export function screenBy(steps: readonly CallMiddleware[], asked: ToolCall): MaybePromise<Screening> {
  const screening = steps.find(({ screens = {} }) => Object.hasOwn(screens, asked.tool))
  if (screening === undefined) return undefined
  return andThen<ToolCall | Refusal, Screening>(admittedBy(steps, asked), (request) =>
    isRefusal(request) ? request : tried(asked, screening, () => screening.screens?.[asked.tool]?.(request)),
  )
}

/** A request that is no call, with what the steps say of who asks, first to last; or why it may not. */
export function admittedBy(steps: readonly CallMiddleware[], asked: ToolCall): MaybePromise<ToolCall | Refusal> {
  return steps.reduce<MaybePromise<ToolCall | Refusal>>(
    (before, step) =>
      andThen(before, (request) =>
        isRefusal(request) ? request : tried<ToolCall>(request, step, () => step.admit?.(request) ?? request),
      ),
    asked,
  )
}

/** What a step answers, now or later; a throw is a refusal. */
export function tried<Answer>(
  call: ToolCall,
  step: CallMiddleware,
  ask: () => MaybePromise<Answer | Refusal>,
): MaybePromise<Answer | Refusal> {
  const failed = (error: unknown): Refusal => stepFailed(call, step, error)
  try {
    const answer = ask()
    return isPromise(answer) ? Promise.resolve(answer).catch(failed) : answer
  } catch (error) {
    return failed(error)
  }
}
