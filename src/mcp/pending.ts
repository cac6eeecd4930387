import type { CallOutcome } from '../core/outcome.js'
import type { JsonObject } from '../core/json.js'
import type { Passage } from '../core/engine.js'
import type { Refusal } from '../core/refusal.js'
import type { ToolCall } from '../core/call.js'
import type { Era } from './eras.js'
import type { RequestId } from './wire.js'

/** A call that the seat has taken and not yet seen the end of. */
export interface PendingCall {
  /** The request's id; a resumed stream answers under a new one. */
  id: RequestId
  /** As it came; one that brings a state of ours goes on under the id of its first round. */
  call: ToolCall
  readonly era: Era
  /** The message to forward. */
  request: JsonObject
  /** Set once the first step is entered. */
  passage: Passage | undefined
  /** Whether it was handed on: before that a cancellation means that it never ran. */
  sent: boolean
  /** The message as the server was handed it, once it was. */
  delivered: JsonObject | undefined
  /** Whether its handler has still to be asked for: until then its id stays taken, whatever becomes of the call. */
  awaited: boolean
  /** Why it is refused, where its handler has to say so. */
  refusal: Refusal | undefined
  /** Whether a handler of this process has it: then no error proves that nothing ran. */
  handled: boolean
  /** Set when nobody waits for it any more. */
  cancelled: boolean
  /** The last event id of its stream, by which a broken stream is resumed. */
  resumptionToken: string | undefined
  /** Takes its listeners off. */
  cleanUp: (() => void) | undefined
}

/** How many calls may be pending on one transport. */
export const PENDING_LIMIT = 10_000

/** A call that was just seen. */
export function newPending(id: RequestId, call: ToolCall, era: Era, request: JsonObject): PendingCall {
  return {
    id,
    call,
    era,
    request,
    passage: undefined,
    sent: false,
    delivered: undefined,
    awaited: false,
    refusal: undefined,
    handled: false,
    cancelled: false,
    resumptionToken: undefined,
    cleanUp: undefined,
  }
}

/** The message with what a step changed in the result; the message itself where nothing was changed. */
export function withOutcome(message: JsonObject, before: CallOutcome, after: CallOutcome): JsonObject {
  const changed = 'result' in before && 'result' in after && before.result !== after.result
  return changed ? { ...message, result: after.result } : message
}
