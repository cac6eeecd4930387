import { isObject, type JsonObject } from '../core/json.js'
import { isPromise, type MaybePromise } from '../core/maybe-promise.js'
import { invalidMessage, requireId } from './request.js'
import type { PendingCall } from './pending.js'

/** A message that may be forwarded, and the call it begins. */
export interface Admitted {
  readonly message: JsonObject
  readonly pending: PendingCall | undefined
}

/**
 * Decides about each message of a JSON-RPC batch (2025-03-26) before any is sent; answers with those that may be
 * forwarded. When one cannot be decided, what the others put on hold is given back.
 */
export function admitBatch(
  messages: readonly unknown[],
  isCall: (message: JsonObject) => boolean,
  admit: (message: JsonObject) => MaybePromise<Admitted | undefined>,
  drop: (admitted: Admitted) => void,
): MaybePromise<readonly Admitted[]> {
  // All are checked before any is admitted.
  const checked = messages.map((message) => {
    if (!isObject(message)) throw invalidMessage('a batch of JSON-RPC messages')
    if (isCall(message)) requireId(message)
    return message
  })
  const admitted: MaybePromise<Admitted | undefined>[] = []
  const giveUp = (error: unknown): never => {
    for (const each of admitted) {
      Promise.resolve(each).then(
        (one) => one && drop(one),
        () => {},
      )
    }
    throw error
  }
  try {
    for (const message of checked) admitted.push(admit(message))
  } catch (error) {
    return giveUp(error)
  }
  if (admitted.some((each) => isPromise(each)))
    return Promise.all(admitted.map((each) => Promise.resolve(each))).then(allThere, giveUp)
  return allThere(admitted as Array<Admitted | undefined>)
}

function allThere(decided: ReadonlyArray<Admitted | undefined>): Admitted[] {
  return decided.filter((each) => each !== undefined)
}
