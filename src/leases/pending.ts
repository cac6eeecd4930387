import { isPromise, type MaybePromise } from '../core/maybe-promise.js'

/** What was asked of the store, and is not answered yet. */
export class Pending {
  readonly #asked = new Set<Promise<void>>()

  add(answer: MaybePromise<unknown>): void {
    if (!isPromise(answer)) return
    const end = (): void => void this.#asked.delete(ended)
    const ended: Promise<void> = Promise.resolve(answer).then(end, end)
    this.#asked.add(ended)
  }

  /** Settles when all that is asked now is answered; `false` where there was nothing. */
  async ended(): Promise<boolean> {
    const wasAsked = this.#asked.size > 0
    await Promise.all(this.#asked)
    return wasAsked
  }
}
