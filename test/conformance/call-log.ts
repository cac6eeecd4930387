import { type Result, WireError } from './fixture/peer.js'

/** How the calls of one server ended, as its handler saw them. */
export interface CallCounts {
  /** Answered, or failed with an error that does not deny it. */
  readonly ran: number
  /** Answered with an error that says that nothing ran. */
  readonly denied: number
  /** Asked back, and not continued. */
  readonly waiting: number
  /** Continued a call that was asked back. */
  readonly continued: number
}

/** The codes of this server's errors that say that it ran nothing. */
const DENIED = -32602

/** Notes each `tools/call` that reaches the handler. What they have to cost follows from it, whatever a seat believes. */
export class CallLog {
  readonly #waiting = new Set<string>()
  #ran = 0
  #denied = 0
  #continued = 0

  /** Runs a call; `state` is the one the client sent back. The rounds of a call are one call, and a state counts once. */
  async during(state: string | undefined, run: () => Promise<Result>): Promise<Result> {
    if (state !== undefined && this.#waiting.delete(state)) this.#continued++
    try {
      const result = await run()
      if (result['resultType'] === 'input_required') this.#waiting.add(String(result['requestState']))
      else this.#ran++
      return result
    } catch (error) {
      if (error instanceof WireError && error.code === DENIED) this.#denied++
      else this.#ran++
      throw error
    }
  }

  counts(): CallCounts {
    return { ran: this.#ran, denied: this.#denied, waiting: this.#waiting.size, continued: this.#continued }
  }
}
