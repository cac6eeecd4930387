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
  // Oldest first. The map itself would do as a queue, but looking for its first key walks over all that were deleted.
  #order: Array<Known<Answer>> = []
  #forgotten = 0

  /** The answer to this request, if it was given; `id_reused` when the id came with another payload. */
  find(id: string, payload: string): Answer | 'id_reused' | undefined {
    const known = this.#known.get(id)
    if (known === undefined) return undefined
    return known.payload === payload ? known.answer : 'id_reused'
  }

  remember(id: string, payload: string, answer: Answer, at: number): Answer {
    const known = { id, payload, answer, at }
    this.#known.set(id, known)
    this.#order.push(known)
    for (;;) {
      const oldest = this.#order[this.#forgotten] as Known<Answer>
      if (this.#known.size <= KEEP.entries && oldest.at + KEEP.ms > at) break
      this.#known.delete(oldest.id)
      this.#forgotten++
    }
    if (this.#forgotten > KEEP.entries) {
      this.#order = this.#order.slice(this.#forgotten)
      this.#forgotten = 0
    }
    return answer
  }
}
