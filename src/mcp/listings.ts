import { isObject, type JsonObject } from '../core/json.js'
import { EXTENSION } from './methods.js'
import { numberOf, objectAt, type RequestId } from './wire.js'
import type { Seat } from './seat.js'

/** How many requests may wait for their answer; beyond it the oldest is answered as it came. */
const MOST = 10_000

/**
 * Answers that are shown with something of ours: `tools/list` with what the steps make of it, and, at a server's seat,
 * what a server says of itself with this library's extension. A copy where something is added; in shadow mode, nothing.
 */
export class Listings {
  readonly #seat: Seat
  readonly #side: 'client' | 'server'
  readonly #methods: readonly string[]
  readonly #wanted: ReadonlySet<unknown>
  readonly #asked = new Map<RequestId, unknown>()

  /** @param methods what a server's seat answers, and tells of */
  constructor(seat: Seat, side: 'client' | 'server', methods: readonly string[] = []) {
    this.#seat = seat
    this.#side = side
    this.#methods = methods
    const told = methods.length > 0 ? ['initialize', 'server/discover'] : []
    this.#wanted = new Set(seat.engine.listsTools ? ['tools/list', ...told] : told)
  }

  /** A request that passes. */
  request(message: JsonObject): void {
    const { id, method } = message
    // An id that is used again, or whose request was cancelled, stands for no earlier one.
    const over = method === 'notifications/cancelled' ? objectAt(message, 'params').requestId : id
    if (this.#asked.size > 0) this.#asked.delete(over as RequestId)
    if (!this.#wanted.has(method)) return
    const [oldest] = this.#asked.keys()
    if (oldest !== undefined && this.#asked.size >= MOST) this.#asked.delete(oldest)
    this.#asked.set(id as RequestId, method)
  }

  /** The answer to hand on. */
  answer(message: JsonObject): JsonObject {
    if (this.#asked.size === 0) return message
    const id = this.#asked.has(message.id as RequestId) ? (message.id as RequestId) : numberOf(message.id)
    const method = this.#asked.get(id)
    if (method === undefined) return message
    this.#asked.delete(id)
    if (!isObject(message.result)) return message
    const result = method === 'tools/list' ? this.#tools(message.result) : this.#announced(message.result)
    return this.#seat.shadow || result === message.result ? message : { ...message, result }
  }

  #tools(result: JsonObject): JsonObject {
    const { tools } = result
    if (!Array.isArray(tools)) return result
    const { engine, server } = this.#seat
    const shown = engine.listTools({ tools: tools as JsonObject[], server, side: this.#side })
    return shown === tools ? result : { ...result, tools: shown }
  }

  #announced(result: JsonObject): JsonObject {
    const capabilities = objectAt(result, 'capabilities')
    const extensions = { ...objectAt(capabilities, 'extensions'), [EXTENSION]: { methods: this.#methods } }
    return { ...result, capabilities: { ...capabilities, extensions } }
  }
}
