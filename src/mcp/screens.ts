import { andThen, type MaybePromise } from '../core/maybe-promise.js'
import { newCall } from '../core/call.js'
import { isRefusal, refuse, type Refusal } from '../core/refusal.js'
import { objectAt, type RequestId } from './wire.js'
import { PENDING_LIMIT } from './pending.js'
import type { CallAuth } from '../core/auth.js'
import { isObject, type JsonObject } from '../core/json.js'
import type { Seat } from './seat.js'

/**
 * Requests that are no calls, and pass a server's seat only when a step lets them: those about somebody's tasks. Asks,
 * and changes the answers that a step wants changed. In shadow mode all pass.
 */
export class Screens {
  readonly #seat: Seat
  readonly #methods: ReadonlySet<unknown>
  /** What to do with the answers that are still to come; nothing where a step is still being asked. */
  readonly #changes = new Map<RequestId, ((answer: JsonObject) => MaybePromise<JsonObject>) | undefined>()
  /** Those of them that were cancelled: a server that is not strict may still answer. */
  readonly #cancelled = new Set<RequestId>()

  constructor(seat: Seat) {
    this.#seat = seat
    this.#methods = new Set(seat.shadow ? [] : seat.engine.screened)
  }

  /** Whether a request is screened. */
  asks({ method, params }: JsonObject): boolean {
    if (!this.#methods.has(method)) return false
    // Who listens names tasks, or is told of nothing that is somebody's.
    const { notifications } = Object(params) as JsonObject
    return method !== 'subscriptions/listen' || (Object(notifications) as JsonObject).taskIds !== undefined
  }

  /** Whether an answer of that id is still to come: another request with it would be answered for this one. */
  awaits(id: RequestId): boolean {
    return this.#changes.has(id)
  }

  /** Why a request may not pass; `undefined` where it may. */
  ask(message: JsonObject, id: RequestId, auth: CallAuth | undefined): MaybePromise<Refusal | undefined> {
    const { engine, server, clock } = this.#seat
    const tool = String(message.method)
    if (!this.#hasRoom()) return refuse(tool, { error: 'budget_unavailable', reason: 'pending_limit' })
    const params = objectAt(message, 'params')
    const { _meta: meta, ...own } = params
    // What is no `_meta` is a parameter like others.
    const args = meta === undefined || isObject(meta) ? own : params
    const about = { args, meta: objectAt(params, '_meta'), server, auth }
    this.#changes.set(id, undefined)
    return andThen(engine.screen(newCall({ tool, ...about }, clock.now())), (screening) => {
      if (typeof screening === 'function') this.#changes.set(id, screening)
      else this.#forget(id)
      return isRefusal(screening) ? screening : undefined
    })
  }

  /** Nobody waits for the answer of a request any more. */
  cancel(id: RequestId): void {
    if (this.#changes.has(id)) this.#cancelled.add(id)
  }

  /** The answer to send. */
  answer(message: JsonObject): MaybePromise<JsonObject> {
    if (this.#changes.size === 0) return message
    const change = this.#changes.get(message.id as RequestId)
    this.#forget(message.id as RequestId)
    return change === undefined ? message : change(message)
  }

  /** The connection is gone. */
  clear(): void {
    this.#changes.clear()
    this.#cancelled.clear()
  }

  #forget(id: RequestId): void {
    this.#changes.delete(id)
    this.#cancelled.delete(id)
  }

  // What somebody waits for is never forgotten: it would be answered as it came.
  #hasRoom(): boolean {
    const [oldest] = this.#cancelled
    if (oldest !== undefined && this.#changes.size >= PENDING_LIMIT) this.#forget(oldest)
    return this.#changes.size < PENDING_LIMIT
  }
}
