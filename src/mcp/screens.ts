import { andThen, type MaybePromise } from '../core/maybe-promise.js'
import { newCall } from '../core/call.js'
import { isRefusal, type Refusal } from '../core/refusal.js'
import { objectAt, type RequestId } from './wire.js'
import { ownParams } from './request.js'
import { PENDING_LIMIT } from './pending.js'
import type { CallAuth } from '../core/auth.js'
import type { JsonObject } from '../core/json.js'
import type { Seat } from './seat.js'

/**
 * Requests that are no calls, and pass a server's seat only when a step lets them: those about somebody's tasks. Asks,
 * and changes the answers that a step wants changed. In shadow mode all pass.
 */
export class Screens {
  readonly #seat: Seat
  readonly #methods: ReadonlySet<unknown>
  readonly #changes = new Map<RequestId, (answer: JsonObject) => MaybePromise<JsonObject>>()

  constructor(seat: Seat) {
    this.#seat = seat
    this.#methods = new Set(seat.shadow ? [] : seat.engine.screened)
  }

  /** Whether a method is screened. */
  asks(method: unknown): boolean {
    return this.#methods.has(method)
  }

  /** Why a request may not pass; `undefined` where it may. */
  ask(message: JsonObject, id: RequestId, auth: CallAuth | undefined): MaybePromise<Refusal | undefined> {
    const { engine, server, clock } = this.#seat
    const params = objectAt(message, 'params')
    const about = { args: ownParams(params), meta: objectAt(params, '_meta'), server, auth }
    const request = newCall({ tool: String(message.method), ...about }, clock.now())
    return andThen(engine.screen(request), (screening) => {
      if (isRefusal(screening)) return screening
      if (screening !== undefined) this.#remember(id, screening)
      return undefined
    })
  }

  /** The answer to send. */
  answer(message: JsonObject): MaybePromise<JsonObject> {
    if (this.#changes.size === 0) return message
    const change = this.#changes.get(message.id as RequestId)
    this.#changes.delete(message.id as RequestId)
    return change === undefined ? message : change(message)
  }

  /** The connection is gone. */
  clear(): void {
    this.#changes.clear()
  }

  #remember(id: RequestId, change: (answer: JsonObject) => MaybePromise<JsonObject>): void {
    const [oldest] = this.#changes.keys()
    if (oldest !== undefined && this.#changes.size >= PENDING_LIMIT) this.#changes.delete(oldest)
    this.#changes.set(id, change)
  }
}
