import { andThen, isPromise, type MaybePromise } from './maybe-promise.js'
import { refuse, type Refusal } from './refusal.js'
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
  const failed = (error: unknown): Refusal => stepFailed(asked, screening, error)
  try {
    const answer = andThen<ToolCall | Refusal, Screening>(identifiedBy(steps, asked), (request) =>
      request.kind === 'refused' ? request : screening.screens?.[asked.tool]?.(request),
    )
    return isPromise(answer) ? Promise.resolve(answer).then(undefined, failed) : answer
  } catch (error) {
    return failed(error)
  }
}

function identifiedBy(steps: readonly CallMiddleware[], asked: ToolCall): MaybePromise<ToolCall | Refusal> {
  return steps.reduce<MaybePromise<ToolCall | Refusal>>(
    (before, step) =>
      andThen(before, (request) => (request.kind === 'refused' ? request : (step.identify?.(request) ?? request))),
    asked,
  )
}
