const KEEP = { ms: 600_000, entries: 100_000 } as const

interface Known<Answer> {
  readonly id: string
  readonly payload: string
  readonly answer: Answer
  readonly at: number
}

/**
 * The answers that were given, by request id, so that a repeated request changes nothing: for ten minutes, or the
 * last 100,000.
 */
export class Answers<Answer> {
  readonly #known = new Map<string, Known<Answer>>()
  // Oldest first. The map itself keeps that order too, but looking for its first key walks over all that were deleted.
  #order: Array<Known<Answer> | undefined> = []
  #forgotten = 0

  /**
   * The answer to a request: the first one, if it was given before.
   *
   * @param payload what was asked; another under the same id is `reused`
   */
  once(id: string, payload: readonly unknown[], at: number, make: () => Answer, reused: Answer): Answer {
    const text = JSON.stringify(payload)
    const known = this.#known.get(id)
    if (known !== undefined) return known.payload === text ? known.answer : reused
    const answer = make()
    const given = { id, payload: text, answer, at }
    this.#known.set(id, given)
    this.#order.push(given)
    this.#forget(at)
    return answer
  }

  #forget(now: number): void {
    for (;;) {
      const oldest = this.#order[this.#forgotten] as Known<Answer>
      if (this.#known.size <= KEEP.entries && oldest.at + KEEP.ms > now) break
      this.#known.delete(oldest.id)
      // Let go of now: the array itself is cut only now and then.
      this.#order[this.#forgotten++] = undefined
    }
    if (this.#forgotten > KEEP.entries) {
      this.#order = this.#order.slice(this.#forgotten)
      this.#forgotten = 0
    }
  }
}
